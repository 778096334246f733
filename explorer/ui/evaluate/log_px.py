"""log p(x) by importance sampling: the bound as its samples grow, and what the samples are worth."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Doubles
from explorer.analysis.statistics.bootstrap import Estimate, Resampling, mean_estimate
from explorer.figures.evaluation import effective_figure, effective_text, growth_figure, growth_text
from explorer.serving.run_cache import LoadedRun
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.evaluate.words import interval_words, pixels_note, support_note
from explorer.ui.notation import given
from explorer.ui.tasks import awaited
from explorer.ui.view import control
from explorer.workflows.evaluation import growth_of

if TYPE_CHECKING:
    from explorer.analysis.evaluation.iwae_curve import BoundGrowth

MOST = (20, 100, 500)
BURDA = "[Burda, Grosse & Salakhutdinov (2016)](https://arxiv.org/abs/1509.00519)"
KONG = "[Elvira, Martino & Robert (2022)](https://arxiv.org/abs/1809.04129)"
_PLAIN = {"displayModeBar": False}


def evidence_part(loaded: LoadedRun, view: EvaluateView) -> None:
    """Show how the importance-weighted bound rises with its samples; nothing for a model without one."""
    if not loaded.config.model.has_bound:
        return
    _control(view)
    growth = awaited(growth_of(loaded, view.iwae_samples))
    if growth is None:
        return
    _headline(loaded, growth)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The bound**, with its standard error over images")
        _curve(growth, growth.bounds, given("bound on log p(x), nats", loaded.config.model), "growth")
    with right:
        st.markdown("**What it gains over the ELBO**, image by image")
        _curve(growth, growth.gains(), "nats above the ELBO", "gains")
    # Columns of their own: on a narrow screen the first two come before these.
    left, right = st.columns(2, gap="large")
    with left:
        _effective(growth)
    with right:
        st.markdown("**What is drawn here**")
        st.markdown(_explanation(loaded, growth))


def _control(view: EvaluateView) -> None:
    control(
        st.selectbox,
        view,
        "iwae_samples",
        "Importance samples, at most",
        sorted({*MOST, view.iwae_samples}),
        width=220,
        help="Of each image. 100 take a second with a dense network and about 7 with a convolutional one.",
    )


def _headline(loaded: LoadedRun, growth: "BoundGrowth") -> None:
    most = int(growth.k[-1])
    last, gain = (mean_estimate(values[-1], Resampling()) for values in (growth.bounds, growth.gains()))
    words = (
        f"##### log p(x) is at least {last.value:.1f} nats an image over the first {growth.bounds.shape[1]:,} test "
        f"images, in expectation\n"
        f"The **lower bound** of {most:,} importance samples: {last.value:.2f} (95% interval {interval_words(last)}), "
        f"seed {growth.seed:d}. "
        f"{_gain_words(gain, most)}"
    )
    st.markdown(given(words, loaded.config.model))


def _gain_words(gain: Estimate, most: int) -> str:
    if most == 1:
        return "With one sample it is the ELBO."
    return f"It is **{gain.value:.2f} nats above the ELBO** of the same images (95% interval {interval_words(gain)})."


def _curve(growth: "BoundGrowth", values: Doubles, title: str, key: str) -> None:
    """Show how the mean over images of ``values``, ``(K, N)``, goes with k, with its standard error."""
    drawn = growth.k, values.mean(axis=1), _errors(values), title
    st.plotly_chart(growth_figure(*drawn), alt=growth_text(*drawn), key=key, config=_PLAIN)


def _effective(growth: "BoundGrowth") -> None:
    most = int(growth.k[-1])
    st.markdown("**Effective samples** of each image")
    st.plotly_chart(
        effective_figure(growth.effective, most),
        alt=effective_text(growth.effective, most),
        key="effective",
        config=_PLAIN,
    )


def _explanation(loaded: LoadedRun, growth: "BoundGrowth") -> str:
    most, median = int(growth.k[-1]), float(np.median(growth.effective))
    lines = [
        f"L_k = E log of the mean of k weights p(x|z) p(z) / q(z|x), z from q(z|x). It **starts at the ELBO** (k = 1), "
        f"never falls in expectation, and tends to log p(x): at every k it is a lower "
        f"bound in expectation, {BURDA}, theorem 1.",
        f"The {most:,} samples of an image are parted into groups of k, and L_k is the mean over groups. Bars are one "
        "standard error over images. On the right it is that of the gain of each image: all k share its samples.",
        f"Effective samples, (Σw)² / Σw²: the median is **{median:.1f} of {most:,}**. Near 1, one sample has all the "
        f"weight: the bound is still loose. Near {most:,}, q(z|x) is close to the true posterior wherever it looks; "
        f"what it never visits cannot show, {KONG}.",
        pixels_note(loaded),
        support_note(loaded.config.model),
    ]
    return given("\n".join(f"- {line}" for line in lines if line), loaded.config.model)


def _errors(values: Doubles) -> Doubles:
    """Return the standard error over images of ``(K, N)``, shape ``(K,)``."""
    errors: Doubles = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    return errors
