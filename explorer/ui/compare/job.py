"""The comparison of runs: whether it is there, and measuring what is missing beside the app.

What is measured is stored with the runs and every session sees it; what a session asked for, it alone is told the
outcome of. Who compares the same runs, in whatever order, waits for the same job.
"""

from collections.abc import Sequence

import streamlit as st

from explorer.analysis.comparison.compare import Comparison
from explorer.errors import ExplorerError
from explorer.jobs.process_queue import JobState, JobStatus, jobs_of_app
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from explorer.runs.run import Run, check_name
from explorer.workflows.comparison import expected_seconds, not_measured, stored_comparison, version_of
from explorer.workflows.measurement_setup import MeasurementSetup

_KEY = "comparisons-asked-for"
_REFUSALS = "comparisons-refused"


def found(names: Sequence[str]) -> Comparison | None:
    """Return the comparison of the runs ``names`` with the first; None where one of them is not measured yet.

    Raises:
        CheckpointError: if there is no such run, or it is damaged.
        ConfigError: if there are no names, or one is given twice.
    """
    return _read(tuple(names), version_of(_runs(names), CHECKPOINTS))


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(names: tuple[str, ...], version: tuple[int, ...]) -> Comparison | None:
    """Return the comparison of what is stored; ``version`` is another once a file is."""
    return stored_comparison(_runs(names), CHECKPOINTS)


def key_of(names: Sequence[str]) -> str:
    """Return the key of the job that measures the runs ``names``: the same in any order."""
    return f"compare/{'/'.join(sorted(names))}"


def status_of(names: Sequence[str]) -> JobStatus | None:
    """Return how far measuring the runs is, or None where that was not asked for."""
    return jobs_of_app().status(key_of(names))


def expected(names: Sequence[str]) -> float:
    """Return about how many seconds measuring those of the runs takes that are not measured yet.

    Raises:
        CheckpointError: if there is no such run, or it is damaged.
    """
    setup = MeasurementSetup(CHECKPOINTS)
    return expected_seconds(not_measured(_runs(names), setup), setup)


def start(names: Sequence[str]) -> None:
    """Start measuring what is missing of the runs, or wait with those who did; a refusal is kept for ``problem``."""
    key = key_of(names)
    _refusals().pop(key, None)
    arguments = ["compare", *names, "--checkpoints", str(CHECKPOINTS)]
    try:
        jobs_of_app().start(key, f"a comparison of {len(names)} runs", arguments, expected_seconds=expected(names))
    except ExplorerError as error:
        _refusals()[key] = str(error)
        return
    _asked().add(key)


def cancel(names: Sequence[str]) -> None:
    """Stop measuring the runs, at once; those that are measured by now stay stored, and of the others nothing is."""
    jobs_of_app().cancel(key_of(names))


def problem(names: Sequence[str]) -> str:
    """Return why this session has no comparison although it asked for one, in words; empty where nothing went wrong."""
    key, status = key_of(names), status_of(names)
    refusal = _refusals().get(key, "")
    if refusal or key not in _asked() or status is None:
        return refusal
    if status.state is JobState.CANCELLED:
        return "Measuring was cancelled. Runs that were measured by then need not be measured again."
    return f"The runs could not all be measured. {status.problem}" if status.state is JobState.FAILED else ""


def _runs(names: Sequence[str]) -> list[Run]:
    return [open_run(check_name(name), CHECKPOINTS) for name in names]


def _asked() -> set[str]:
    held: set[str] = st.session_state.setdefault(_KEY, set())
    return held


def _refusals() -> dict[str, str]:
    held: dict[str, str] = st.session_state.setdefault(_REFUSALS, {})
    return held
