"""The comparison of runs: whether it is there, and the command that measures what is missing.

What is measured is stored with the runs and every session sees it. Who compares the same runs, in whatever order, waits
for the same job.
"""

from collections.abc import Sequence

import streamlit as st

from explorer.analysis.comparison.compare import Comparison
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from explorer.runs.run import Run, check_name
from explorer.ui.tasks import Command
from explorer.workflows.comparison import expected_seconds, not_measured, stored_comparison, version_of
from explorer.workflows.measurement_setup import MeasurementSetup


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


def measuring(names: Sequence[str]) -> Command:
    """Return the command that measures what is missing of the runs ``names``: the same in any order."""

    def expected() -> float:
        setup = MeasurementSetup(CHECKPOINTS)
        return expected_seconds(not_measured(_runs(names), setup), setup)

    return Command(
        key=f"compare/{'/'.join(sorted(names))}",
        title=f"a comparison of {len(names)} runs",
        arguments=("compare", *names, "--checkpoints", str(CHECKPOINTS)),
        expected_seconds=expected,
        cancelled="Measuring was cancelled. Runs that were measured by then need not be measured again.",
        failed="The runs could not all be measured.",
    )


def _runs(names: Sequence[str]) -> list[Run]:
    return [open_run(check_name(name), CHECKPOINTS) for name in names]
