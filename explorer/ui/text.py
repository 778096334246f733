"""Strings that are not the program's own, made ready for what would read markdown in them: they are shown as they are.

Nearly all that Streamlit shows it reads as markdown: messages, captions, labels, tooltips, cells of tables, options of
segmented controls. Not so options of a selectbox, placeholders, alternative texts and names of files, where an escape
would be seen; HTML has ``html.escape``, and figures have ``explorer.figures.text.figure_text``.
"""

import re

_NOTHING = ":red[]"
"""Streamlit's null directive: an empty span. The texts beside it are no longer looked at as one."""

# Streamlit looks for the first two in the texts that are left once markdown was read, where a backslash is gone: arrows
# and dashes as wholes; the colon of icons, emoji and addresses, and the @ and the www of addresses.
_SPECIAL = re.compile(
    r"(?P<arrow>[-=<>~]{2,}(?!\S))|(?P<sign>:(?!\s)|@|www(?=\.|$))|[\\`*_{}\[\]<>$~|]|&(?=[#\w])|^[#+=-]",
    re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"^(\d{1,9})([.)])")


def as_text(value: object) -> str:
    """Return ``value`` as markdown that Streamlit shows as the text it is, in one line.

    White space is shown as HTML shows it: any length of it is one space, and none at the ends.
    """
    text = " ".join(str(value).split())
    return _LIST_NUMBER.sub(r"\1\\\2", _SPECIAL.sub(_shown, text))


def as_code(value: object) -> str:
    """Return ``value`` as markdown that Streamlit shows as code, in one line: what can be typed as it stands."""
    text = " ".join(str(value).split())
    if not text or ":material/" in text:  # which Streamlit takes for the beginning of an icon, in code too
        return as_text(text)
    fence = "`" * (1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
    room = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{room}{text}{room}{fence}"


def _shown(found: re.Match[str]) -> str:
    """Return a part of a text that Streamlit would not show as it is, so that it does."""
    if found["arrow"]:
        return _NOTHING.join(f"\\{character}" for character in found["arrow"])
    escaped = found[0] if found[0].isalpha() else f"\\{found[0]}"
    return f"{escaped}{_NOTHING}" if found["sign"] else escaped
