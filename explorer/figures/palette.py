"""A colour and a marker shape for each class: the same on every page, in both themes, for any number of classes.

The first seven colours are Okabe and Ito's without their black, which cannot be seen on a dark page. The others were
chosen to lie as far as can be from those before them in Oklab, in the least favourable of normal, protan, deutan and
tritan vision. From the ninth class on the marker's shape differs too.

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
    "#993333",
    "#A366FF",
    "#A3B88F",
    "#5C00EB",
    "#7A4770",
)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "triangle-down", "x")
CLASSES_PER_SYMBOL = 8


def class_colour(label: int) -> str:
    """Return the colour of class ``label`` (any non-negative number) as #RRGGBB."""
    return COLOURS[label % len(COLOURS)]


def class_symbol(label: int) -> str:
    """Return the plotly marker symbol of class ``label``."""
    return SYMBOLS[label // CLASSES_PER_SYMBOL % len(SYMBOLS)]
