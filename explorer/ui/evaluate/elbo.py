"""The bound of a run taken apart: a figure, its terms with their intervals, and what is wrong, in words."""

from typing import TYPE_CHECKING

import streamlit as st

from explorer.analysis.evaluation.elbo_terms import BoundTerm, bound_terms
from explorer.figures.evaluation import bound_figure, bound_text
from explorer.locations import PAGES
from explorer.serving.run_cache import LoadedRun
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.evaluate.words import bound_notes, interval_words, steps_of, terms_explained, terms_table
from explorer.ui.notation import given
from explorer.ui.tasks import awaited
from explorer.ui.text import as_code
from explorer.ui.view import control
from explorer.ui.widgets.diagnosis import findings_with_fixes
from explorer.workflows.evaluation import scores_of

if TYPE_CHECKING:
    from explorer.analysis.evaluation.evaluate import Evaluation, ImageTerms

SIZES = (200, 1000, 2000, 5000)


def bound_part(loaded: LoadedRun, view: EvaluateView) -> None:
    """Show the terms of the bound on the chosen number of test images, and what is wrong with the run."""
    found = scores(loaded, view)
    if found is None:
        return
    evaluation, terms = found
    shown = bound_terms(terms)
    _headline(loaded, view, shown, evaluation.n_images)
    steps, model = steps_of(shown, loaded.config.model), loaded.config.model
    columns = st.columns([7, 5], gap="large", vertical_alignment="center") if len(steps) > 1 else [st.container()]
    with columns[-1]:
        st.markdown(terms_table(shown, model))
        st.caption("Nats per image but for the last, of pixels in [0, 1].")
    if len(steps) > 1:
        with columns[0]:
            st.plotly_chart(bound_figure(steps), alt=bound_text(steps), key="bound", config={"displayModeBar": False})
    st.markdown(terms_explained(shown, model))
    st.caption(given(" ".join(bound_notes(loaded, shown, evaluation.n_images)), model))
    command = f"python -m explorer evaluate {loaded.run.name} --images {evaluation.n_images} --iwae-samples 1"
    st.caption(
        "Means over images, with their standard errors and 95% intervals by the bootstrap: 1,000 draws of the images "
        f"with replacement, seed 0. The same on the command line: {as_code(command)}"
    )
    diagnosis_of(loaded, evaluation)


def scores(loaded: LoadedRun, view: EvaluateView) -> "tuple[Evaluation, ImageTerms] | None":
    """Show how many images are scored, and return what was found; None while it is not there."""
    sizes = sorted({*SIZES, view.n_images})
    control(
        st.selectbox,
        view,
        "n_images",
        "Test images, from the first on",
        sizes,
        format_func=lambda n: f"{n:,}",
        width=220,
        help="A smaller data set has fewer. Each image is compared with every other, so twice as many take up to four "
        "times as long.",
    )
    return awaited(scores_of(loaded, view.n_images))


def diagnosis_of(loaded: LoadedRun, evaluation: "Evaluation | None") -> None:
    """Say what is wrong with a run by its history and, where there is one, its evaluation; fixes lead to Train."""
    from explorer.analysis.evaluation.diagnosis import diagnose  # it needs torch, which the first screen does not

    run = loaded.run
    findings = diagnose(run.config.model, run.history(), evaluation, diverged_in=run.diverged_in())
    if findings:
        findings_with_fixes(run, findings, _go_to_training)
    else:
        st.caption(":material/check: No sign of collapse, dead dimensions, divergence or over-fitting was found.")


def _headline(loaded: LoadedRun, view: EvaluateView, terms: list[BoundTerm], n_images: int) -> None:
    by_name = {term.name: term.estimate for term in terms}
    images = f"{'all' if n_images < view.n_images else 'the first'} {n_images:,} test images"
    if "elbo" not in by_name:
        it = by_name["squared_error"]
        st.markdown(
            f"##### Images come back with a squared error of {it.value:.1f}\n95% interval {interval_words(it)}: the "
            f"mean over {images}, sum over pixels in [0, 1]."
        )
        return
    it = by_name["elbo"]
    words = (
        f"##### log p(x) is at least {it.value:.1f} nats an image over {images}, in expectation\n"
        f"The ELBO, a **lower bound**: {it.value:.2f} (95% interval {interval_words(it)}), one posterior sample each, "
        "seed 0. What it lacks to log p(x) is KL(q(z|x) ‖ p(z|x)): importance sampling, in the next part, closes a "
        "part of that."
    )
    st.markdown(given(words, loaded.config.model))


def _go_to_training() -> None:
    st.switch_page(PAGES / "train.py")
