"""What a page knows of an errand that it waits for."""

from collections.abc import Hashable
from concurrent.futures import CancelledError
from typing import TypeVar

import streamlit as st

from explorer.errors import ExplorerError
from explorer.progress import Progress
from explorer.serving.errands import Errand, errands

_WANTED = "errands-wanted"
CANCELLED = "It was cancelled."

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
