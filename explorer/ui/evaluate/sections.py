"""The sections of the page Evaluate, and the choice of one."""

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
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.evaluate.words import why_not
from explorer.ui.notation import given
from explorer.ui.sections import Section, section_control


def _section(name: str, title: str, show: Callable[[LoadedRun, EvaluateView], None]) -> Section:
    return Section(title=title, show=show, why_missing=lambda loaded: why_not(name, loaded.config.model))


SECTIONS: dict[str, Section] = {
    "bound": _section("bound", "The bound", bound_part),
    "evidence": _section("evidence", "log p(x)", evidence_part),
    "dimensions": _section("dimensions", "Dimensions", dimensions_part),
    "extremes": _section("extremes", "Extremes", extremes),
    "aggregate": _section("aggregate", "Codes and prior", aggregate_part),
    "calibration": _section("calibration", "Calibration", calibration_part),
}
"""By the values of the view's field, in their order. One that a run has not got says why, and shows what there is."""


def evaluation(loaded: LoadedRun, view: EvaluateView) -> None:
    """Show the chosen section of the evaluation of a run, or why there is nothing to evaluate.

    Raises:
        ExplorerError: if the run is damaged, or has no encoded set where that is shown.
    """
    model = loaded.config.model
    if not model.can_encode:
        _without_encoder(loaded)
        return
    section_control(SECTIONS, view, "evaluate", "What to evaluate", words=lambda title: given(title, model))
    section = SECTIONS[view.evaluate]
    reason = section.why_missing(loaded)
    if reason:
        st.info(reason, icon=":material/info:")
    section.show(loaded, view)


def _without_encoder(loaded: LoadedRun) -> None:
    st.info(
        f"{loaded.run.name} is a GAN: it makes images from codes, and has no encoder and no p(x) that could be "
        "evaluated. So there is no bound, no posterior and no reconstruction. What it makes is on Generate.",
        icon=":material/info:",
    )
    st.page_link(PAGES / "generate.py", label="See what it makes", icon=":material/auto_awesome:")
    diagnosis_of(loaded, None)
