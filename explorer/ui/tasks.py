"""What takes seconds, on a page: how far it is, a button that cancels it, and one that begins again."""

from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import streamlit as st

from explorer.errors import ExplorerError
from explorer.jobs.progress import Progress
from explorer.jobs.threads import Errand, errands
from explorer.workflows.evaluation import Inquiry

_WANTED = "errands-wanted"
CANCELLED = "It was cancelled."
SECONDS_BETWEEN_LOOKS = 0.4
PATIENCE = 0.4
"""Seconds for which a page waits before it shows how far something is: what is there by then does not flicker."""

T = TypeVar("T")


def outcome(errand: Errand[T], patience: float = 0.0) -> T | Progress | str:
    """Return the result of an errand, how far it is after ``patience`` seconds, or in words why there is none."""
    if errand.is_given_up:
        return CANCELLED
    try:
        return errand.result(patience)
    except TimeoutError:
        if errand.is_over:
            raise
        return errand.progress
    except CancelledError:
        return CANCELLED
    except ExplorerError as error:
        return str(error)


def want(place: str, key: Hashable) -> None:
    """Note that this session waits at ``place`` for the errand ``key``; the one that it waited for there is given up.

    It is not if it is over: results are kept. Another session that waits for it asks for it anew when it next looks.
    """
    wanted: dict[str, Hashable] = st.session_state.setdefault(_WANTED, {})
    before = wanted.get(place)
    errand = None if before is None or before == key else errands().held(before)
    if errand is not None and not errand.is_over:
        errands().forget(before)
    wanted[place] = key


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
