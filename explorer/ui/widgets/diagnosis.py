"""What is wrong with a run, in words, each finding with changes that may mend it in a new run."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.locations import READONLY
from explorer.runs.choices import remedied
from explorer.runs.remedies import remedies
from explorer.runs.run import Run
from explorer.ui.training import fill_form

if TYPE_CHECKING:
    from explorer.analysis.diagnosis import Finding


def findings_with_remedies(run: Run, findings: Sequence["Finding"], on_chosen: Callable[[], None]) -> None:
    """Show ``findings``; a remedy that is chosen fills the form of a new run, and ``on_chosen`` goes there."""
    st.markdown("##### What is wrong, and what may help")
    for finding in findings:
        with st.container(border=True, key=f"finding-{finding.name}"):
            st.markdown(f"**{finding.name.replace('-', ' ').capitalize()}.** {finding.evidence}")
            st.caption(finding.remedy)
            if not READONLY:
                _remedies(run, finding, on_chosen)


def _remedies(run: Run, finding: "Finding", on_chosen: Callable[[], None]) -> None:
    with st.container(horizontal=True):
        for remedy in remedies(finding.name, run.config):
            changes = ", ".join(f"{field} = {value}" for field, value in remedy.changes.items())
            if st.button(remedy.label, key=f"{finding.name}-{remedy.label}", help=f"A new run with {changes}"):
                about = f"A new run like {run.name}, which stays as it is, but with {changes}."
                fill_form(remedied(run.config, remedy.changes), about)
                on_chosen()
