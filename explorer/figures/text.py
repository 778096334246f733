"""Strings that are not the program's own, made ready for plotly, which reads tags and entities in all that it draws.

Titles, names in legends, categories of an axis and what hovers are drawn so: a name with a link in it would be one.
"""

from html import escape


def figure_text(value: object) -> str:
    """Return ``value`` as plotly shows it as the text that it is, in one line.

    Not for a hover template, which has signs of its own: say ``%{fullData.name}`` there, or ``%{x}``.
    """
    return escape(" ".join(str(value).split()), quote=False)
