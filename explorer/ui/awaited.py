"""What takes seconds, on a page: how far it is, a button that cancels it, and one that begins again."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from explorer.progress import Progress
from explorer.serving.evaluating import Inquiry
from explorer.ui.awaiting import outcome, want

SECONDS_BETWEEN_LOOKS = 0.4
PATIENCE = 0.4
"""Seconds for which a page waits before it shows how far something is: what is there by then does not flicker."""

T = TypeVar("T")


def progress_line(progress: Progress, title: str, key: str, on_cancel: Callable[..., Any], *arguments: Any) -> None:
    """Show how far something is, with a button that calls ``on_cancel`` with ``arguments``."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(progress.fraction, text=f"{title}: {progress.what}", width="stretch")
        st.button("Cancel", key=key, on_click=on_cancel, args=arguments)


def awaited(inquiry: Inquiry[T]) -> T | None:
    """Return what an inquiry found; None while it is under way, which is shown, or where it ended without a result."""
    want("evaluate", inquiry.key)
    found = outcome(inquiry.errand(), PATIENCE)
    if isinstance(found, Progress):
        st.fragment(_watch, run_every=SECONDS_BETWEEN_LOOKS)(inquiry)
        return None
    if isinstance(found, str):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/info: **{inquiry.what}** is not here. {found}")
            st.button("Compute it", key="inquiry-again", on_click=inquiry.begin_again)
        return None
    return found


def _watch(inquiry: Inquiry[Any]) -> None:
    """Show how far an inquiry is; when it is over, the whole page runs again with it."""
    errand = inquiry.errand()
    if errand.is_over or errand.is_given_up:
        st.rerun()
    progress_line(errand.progress, inquiry.what, "inquiry-cancel", errand.give_up)
