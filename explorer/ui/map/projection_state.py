"""Maps that take a while: which ones a session asked for, and their computation beside the app.

A map is asked for by choosing it, or by the button that a link to it leads to; a mere link starts nothing. It is
swapped in when it is there, unless another was chosen since. The jobs are the app's, and every session sees them; what
was asked for is the session's.
"""

from dataclasses import dataclass, field

import streamlit as st

from explorer.analysis.projections.methods import METHODS, SLOW, check_can_be_mapped, expected_seconds
from explorer.errors import ExplorerError
from explorer.jobs.process_queue import JobState, JobStatus, jobs_of_app
from explorer.serving.run_cache import LoadedRun

_KEY = "maps-asked-for"


@dataclass(slots=True)
class Asked:
    """What a session asked for, by the keys of jobs.

    Attributes:
        wanted: the map to swap in when it is there.
        offered: the one that a link asked for.
        told: those whose outcome is of interest.
        refusal: why the last one could not be started.
    """

    wanted: str = ""
    offered: str = ""
    told: set[str] = field(default_factory=set)
    refusal: str = ""


def asked() -> Asked:
    """Return what this session asked for."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Asked()
    held: Asked = st.session_state[_KEY]
    return held


def key_of(loaded: LoadedRun, method: str) -> str:
    """Return the key of the job that computes a run's map."""
    return f"{loaded.run.name}/{method}"


def is_missing(loaded: LoadedRun, method: str) -> bool:
    """Whether a map would have to be computed first, and takes a while."""
    return method in SLOW and method not in loaded.run.projections()


def expected(loaded: LoadedRun, method: str) -> float:
    """Return about how many seconds computing a map takes."""
    return expected_seconds(method, len(loaded.encoded))


def status_of(loaded: LoadedRun, method: str) -> JobStatus | None:
    """Return how far the computation of a map is, or None where there is none."""
    return jobs_of_app().status(key_of(loaded, method))


def choose(method: str, loaded: LoadedRun) -> None:
    """Start computing a map, or wait with those who did, and swap it in when it is there; a refusal is kept."""
    key, mine = key_of(loaded, method), asked()
    mine.refusal = mine.offered = ""
    try:
        check_can_be_mapped(loaded.encoded, method)
        jobs_of_app().start(
            key,
            f"{METHODS[method].title} of {loaded.run.name}",
            ["project", str(loaded.run.path), "--method", method],
            expected_seconds=expected(loaded, method),
        )
    except ExplorerError as error:
        mine.refusal = str(error)
        return
    mine.wanted = key
    mine.told.add(key)


def offer(loaded: LoadedRun, method: str) -> None:
    """Note that a link asked for a map that is not there."""
    asked().offered = key_of(loaded, method)


def choose_another() -> None:
    """Note that a map was chosen that is there: what is still being computed is not swapped in."""
    mine = asked()
    mine.wanted = mine.offered = mine.refusal = ""


def cancel(key: str) -> None:
    """Cancel a computation."""
    jobs_of_app().cancel(key)


def dismiss(key: str) -> None:
    """Tell no more of a computation that ended."""
    mine = asked()
    mine.told.discard(key)
    mine.refusal = mine.offered = ""


def arrived(loaded: LoadedRun) -> str:
    """Return the method whose map was waited for and is there now, once; empty where there is none."""
    mine = asked()
    if not mine.wanted.startswith(f"{loaded.run.name}/"):
        mine.wanted = ""  # another model was chosen since
    method = mine.wanted.rpartition("/")[2]
    status = status_of(loaded, method) if method else None
    if status is None or status.state is not JobState.DONE:
        return ""
    dismiss(mine.wanted)
    mine.wanted = ""
    return method
