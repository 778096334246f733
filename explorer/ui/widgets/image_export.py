"""The menu of the files that decoded images can be taken away as."""

from collections.abc import Callable

import streamlit as st

from explorer.ui.text import as_text
from explorer.workflows.image_grids import FORMATS, DecodedGrid


def grid_export(stem: str, grid: DecodedGrid) -> None:
    """Show a menu of what ``grid`` can be taken away as; ``stem`` is the name of its file."""
    with st.popover("Take it away", icon=":material/download:", width="content"):
        grid_download(stem, lambda: grid, key="grid")


def grid_download(stem: str, make: Callable[[], DecodedGrid], *, key: str) -> None:
    """Show a choice of format and a button; the grid is made once the button is pressed."""
    kind = st.radio("As", list(FORMATS), format_func=lambda kind: FORMATS[kind].title, key=f"{key}-kind")
    st.download_button(
        f"Download {as_text(kind.upper())}",
        data=lambda: FORMATS[kind].to_bytes(make()),
        file_name=f"{stem}.{kind}",
        mime=FORMATS[kind].mime,
        on_click="ignore",
        key=f"{key}-download",
    )
