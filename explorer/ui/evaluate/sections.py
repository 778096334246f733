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
from explorer.ui.notation import given
from explorer.ui.sections import Section, section_control
from explorer.ui.text import as_text


def _without_prior(what: str) -> Callable[[LoadedRun], str]:
    """Return what says why an autoencoder has not got a section, and what it has instead."""
    return lambda loaded: "" if loaded.config.model.has_bound else f"An autoencoder has no prior p(z), so {what}"


SECTIONS: dict[str, Section] = {
    "bound": Section(
        title="The bound",
        show=bound_part,
        why_missing=_without_prior(
            "it has no p(x), no bound on it and no KL. What it has is the error of reconstruction."
        ),
    ),
    "evidence": Section(
        title="log p(x)",
        show=evidence_part,
        why_missing=_without_prior(
            "there is no p(x) to estimate, and no posterior q(z|x) to draw importance samples from. A density fitted "
            "to its codes afterwards is one of codes, not of images. Choose a VAE."
        ),
    ),
    "dimensions": Section(
        title="Dimensions",
        show=dimensions_part,
        why_missing=_without_prior("no dimension has a KL. What shows is how far its codes vary."),
    ),
    "extremes": Section(title="Extremes", show=extremes),
    "aggregate": Section(
        title="Codes and prior",
        show=aggregate_part,
        why_missing=_without_prior("its codes have nothing to match. Here is how they are spread."),
    ),
    "calibration": Section(
        title="Calibration",
        show=calibration_part,
        why_missing=_without_prior(
            "no codes can be drawn to simulate images with, and its encoder gives each image a point: there is no "
            "q(z|x) to be calibrated. Choose a VAE."
        ),
    ),
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
        st.info(as_text(reason), icon=":material/info:")
    section.show(loaded, view)


def _without_encoder(loaded: LoadedRun) -> None:
    st.info(
        f"{as_text(loaded.run.name)} is a GAN: it makes images from codes, and has no encoder and no p(x) that could "
        "be evaluated. So there is no bound, no posterior and no reconstruction. What it makes is on Generate.",
        icon=":material/info:",
    )
    st.page_link(PAGES / "generate.py", label="See what it makes", icon=":material/auto_awesome:")
    diagnosis_of(loaded, None)
