"""A colour and a marker shape for each class: the same on every page, in both themes, for any number of classes.

Source: Okabe & Ito (2008), Color Universal Design, https://jfly.uni-koeln.de/color/. Their black cannot be seen on a
dark page and is a middle grey here. More than eight classes take the colours again with another shape.
"""

COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#8C8C8C")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "triangle-down", "x")


def class_colour(label: int) -> str:
    """Return the colour of class ``label`` (any non-negative number) as #RRGGBB."""
    return COLOURS[label % len(COLOURS)]


def class_symbol(label: int) -> str:
    """Return the plotly marker symbol of class ``label``."""
    return SYMBOLS[label // len(COLOURS) % len(SYMBOLS)]
