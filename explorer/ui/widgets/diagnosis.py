"""What is wrong with a run, in words, each finding with changes that may fix it in a new run."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.locations import READONLY
from explorer.runs.choices import with_changes
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.runs.suggested_fixes import suggested_fixes
from explorer.ui.text import as_text

if TYPE_CHECKING:
    from explorer.analysis.evaluation.diagnosis import Finding


_KEY = "run-asked-for"


def run_asked_for() -> tuple[RunConfig, str] | None:
    """Return the configuration that was chosen here for a new run, and what it is about; None if none was."""
    asked: tuple[RunConfig, str] | None = st.session_state.get(_KEY)
    return asked


def forget_run_asked_for() -> None:
    """Forget the configuration that was chosen for a new run: the form has it."""
    st.session_state.pop(_KEY, None)


def findings_with_fixes(run: Run, findings: Sequence["Finding"], on_chosen: Callable[[], None]) -> None:
    """Show ``findings``; a suggested fix that is chosen is for the form of a new run, and ``on_chosen`` goes there."""
    st.markdown("##### What is wrong, and what may help")
    for finding in findings:
        with st.container(border=True, key=f"finding-{finding.name}"):
            st.markdown(f"**{as_text(finding.name.replace('-', ' ').capitalize())}.** {as_text(finding.evidence)}")
            st.caption(as_text(finding.fix))
            if not READONLY:
                _remedies(run, finding, on_chosen)


def _remedies(run: Run, finding: "Finding", on_chosen: Callable[[], None]) -> None:
    with st.container(horizontal=True):
        for fix in suggested_fixes(finding.name, run.config):
            changes = ", ".join(f"{field} = {value}" for field, value in fix.changes.items())
            if st.button(
                as_text(fix.label), key=f"{finding.name}-{fix.label}", help=f"A new run with {as_text(changes)}"
            ):
                about = f"A new run like {run.name}, which stays as it is, but with {changes}."
                st.session_state[_KEY] = with_changes(run.config, fix.changes), about
                on_chosen()
