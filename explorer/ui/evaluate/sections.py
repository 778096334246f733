"""The parts of the page Evaluate, and the choice of one."""

from collections.abc import Callable

import streamlit as st

from explorer.locations import PAGES
from explorer.serving.run_cache import LoadedRun
from explorer.ui.evaluate.aggregate_posterior import aggregate_part
from explorer.ui.evaluate.best_and_worst import extremes
from explorer.ui.evaluate.calibration import calibration_part
from explorer.ui.evaluate.dimensions import dimensions_part
from explorer.ui.evaluate.elbo import bound_part, diagnosis_of
from explorer.ui.evaluate.log_px import evidence_part
from explorer.ui.evaluate.words import PARTS, why_not
from explorer.ui.notation import given
from explorer.ui.view import View, change_view

_SHOWN: dict[str, Callable[[LoadedRun, View], None]] = {
    "bound": bound_part,
    "evidence": evidence_part,
    "dimensions": dimensions_part,
    "extremes": extremes,
    "aggregate": aggregate_part,
    "calibration": calibration_part,
}


def evaluation(loaded: LoadedRun, view: View) -> None:
    """Show the chosen part of the evaluation of a run, or why there is nothing to evaluate.

    Raises:
        ExplorerError: if the run is damaged, or has no encoded set where that is shown.
    """
    if not loaded.config.model.can_encode:
        _without_encoder(loaded)
        return
    st.session_state["evaluate"] = view.evaluate
    st.segmented_control(
        "What to evaluate",
        list(PARTS),
        format_func=lambda part: given(PARTS[part], loaded.config.model),
        key="evaluate",
        required=True,
        label_visibility="collapsed",
        on_change=_set_part,
    )
    reason = why_not(view.evaluate, loaded.config.model)
    if reason:
        st.info(reason, icon=":material/info:")
    _SHOWN[view.evaluate](loaded, view)


def _set_part() -> None:
    change_view(evaluate=st.session_state["evaluate"])


def _without_encoder(loaded: LoadedRun) -> None:
    st.info(
        f"{loaded.run.name} is a GAN: it makes images from codes, and has no encoder and no p(x) that could be "
        "evaluated. So there is no bound, no posterior and no reconstruction. What it makes is on Generate.",
        icon=":material/info:",
    )
    st.page_link(PAGES / "generate.py", label="See what it makes", icon=":material/auto_awesome:")
    diagnosis_of(loaded, None)
