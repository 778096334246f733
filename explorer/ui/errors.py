"""Errors in words: a page shows an ExplorerError as a sentence; a bug keeps its traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from explorer.errors import ExplorerError
from explorer.ui.text import as_text


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Show an ``ExplorerError`` of the block as a message, and end the page there."""
    try:
        yield
    except ExplorerError as error:
        st.error(as_text(error), icon=":material/error:")
        st.stop()
