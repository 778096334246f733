"""A colour and a marker shape for each class: the same on every page, in both themes, for any number of classes.

The first seven colours are Okabe and Ito's without their black, which cannot be seen on a dark page. The others were
chosen to lie as far as can be from those before them in Oklab, in the least favourable of normal, protan, deutan and
tritan vision, with a contrast of at least 3 to 1 on a dark page. From the ninth class on the marker's
shape differs too.

Source: Okabe & Ito (2008), Color Universal Design, https://jfly.uni-koeln.de/color/.
"""

COLOURS = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#AE412B",
    "#A366FF",
    "#A3B88F",
    "#6D5DB7",
    "#9F4281",
)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "triangle-down", "x")
CLASSES_PER_SYMBOL = 8

VALUE_SPAN = (0.15, 0.92)
"""Part of viridis that numbers are drawn in: its darkest is lost on a dark page, its lightest on a light one."""

_N_STOPS = 12


def class_colour(label: int) -> str:
    """Return the colour of class ``label`` (any non-negative number) as #RRGGBB."""
    return COLOURS[label % len(COLOURS)]


def class_symbol(label: int) -> str:
    """Return the plotly marker symbol of class ``label``."""
    return SYMBOLS[label // CLASSES_PER_SYMBOL % len(SYMBOLS)]


def value_scale() -> list[tuple[float, str]]:
    """Return plotly's colour scale of numbers, places from 0 to 1 and colours as #RRGGBB: perceptually uniform.

    Source: van der Walt & Smith (2015), viridis, https://bids.github.io/colormap/.
    """
    from plotly.colors import sample_colorscale, unlabel_rgb

    first, last = VALUE_SPAN
    places = [k / (_N_STOPS - 1) for k in range(_N_STOPS)]
    colours = sample_colorscale("Viridis", [first + (last - first) * place for place in places])
    parts = ([round(part) for part in unlabel_rgb(colour)] for colour in colours)
    return [
        (place, f"#{red:02X}{green:02X}{blue:02X}") for place, (red, green, blue) in zip(places, parts, strict=True)
    ]
