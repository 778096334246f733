"""The codes of all images together against the prior: a test, and each dimension as a histogram."""

from typing import TYPE_CHECKING

import streamlit as st

from explorer.figures.evaluation import marginal_figure
from explorer.serving.run_cache import LoadedRun
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.notation import given
from explorer.ui.tasks import awaited
from explorer.workflows.evaluation import aggregate_of

if TYPE_CHECKING:
    from explorer.analysis.evaluation.aggregate_posterior import AggregateSample, Marginal
    from explorer.analysis.statistics.mmd import Discrepancy

N_SHOWN = 8
WIDTH = 290
NORMAL_95 = 1.96
LEVEL = 0.05
GRETTON = "[Gretton et al. (2012)](https://jmlr.org/papers/v13/gretton12a.html)"


def aggregate_part(loaded: LoadedRun, view: EvaluateView) -> None:
    """Show how the codes of test images are spread, and how far from the prior; ``view`` has no say in it."""
    found = awaited(aggregate_of(loaded))
    if found is None:
        return
    if found.discrepancy is not None:
        _test(loaded, found.discrepancy)
    n_dims = found.codes.shape[1]
    shown = found.order()[:N_SHOWN] if n_dims > N_SHOWN else range(n_dims)
    which = f"the {len(shown)} of {n_dims:d} dimensions that vary most" if len(shown) < n_dims else "every dimension"
    line = "" if found.discrepancy is None else ", and the prior as a line"
    st.markdown(f"**Marginals**: {which}, codes as a histogram{line}")
    with st.container(horizontal=True, gap="medium"):
        for dim in shown:
            with st.container(width=WIDTH, gap="xsmall"):
                _marginal(dim, found.marginals[dim])
    st.caption(given(_explanation(loaded, found), loaded.config.model))


def _test(loaded: LoadedRun, it: "Discrepancy") -> None:
    is_apart = it.p_value < LEVEL
    p_value = f"p < {1 / it.n_permutations:.3f}" if it.p_value <= 1 / it.n_permutations else f"p = {it.p_value:.3f}"
    verdict = (
        "The codes of all images together are not distributed as the prior"
        if is_apart
        else "No difference between the codes of all images together and the prior shows"
    )
    interval = f"{it.value - NORMAL_95 * it.se:.4f} to {it.value + NORMAL_95 * it.se:.4f}"
    words = (
        f"##### {verdict} ({p_value})\n"
        f"MMD² = **{it.value:.4f}** (95% interval {interval}); of {it.n_permutations:,} permutations, which mix codes "
        f"and draws of the prior, 95% are below {it.null_high:.4f}.\n\n"
        "The squared maximum mean discrepancy, its unbiased estimate: 0 in expectation if both are the same, so it "
        f"may be below 0. Kernel exp(-d² / (2 · {it.bandwidth:.2f}²)), the median distance; {it.n:,} codes, one draw "
        f"from q(z|x) of each of the first test images, and as many draws of {_prior_words(loaded)}; seed {it.seed:d}. "
        f"{GRETTON}."
    )
    st.markdown(given(words, loaded.config.model))


def _prior_words(loaded: LoadedRun) -> str:
    model = loaded.config.model
    if model.prior == "conditional":
        return "the priors of the images' classes"
    return "the prior N(0, I)" if model.posterior == "normal" or model.prior == "normal" else "the prior"


def _marginal(dim: int, it: "Marginal") -> None:
    st.markdown(f"**z{dim:d}**")
    words = _moments(it)
    st.plotly_chart(
        marginal_figure(it.edges, it.density, it.places, it.prior),
        alt=f"Histogram of codes in dimension {dim}. {words}",
        key=f"marginal-{dim}",
        config={"displayModeBar": False},
    )
    st.caption(words)


def _moments(it: "Marginal") -> str:
    mean = f"mean {it.mean:.2f} ± {NORMAL_95 * it.mean_se:.2f}"
    variance = f"variance {it.variance:.2f} ± {NORMAL_95 * it.variance_se:.2f}"
    if it.prior_mean is None:
        return f"{mean}, {variance}"
    of_prior = "none" if it.prior_variance is None else f"{it.prior_variance:.2f}"
    return f"{mean} (prior {it.prior_mean:.2f}), {variance} (prior {of_prior})"


def _explanation(loaded: LoadedRun, found: "AggregateSample") -> str:
    what = "One draw from q(z|x)" if loaded.config.model.has_bound else "The code"
    return (
        f"{what} of each of the first {len(found.codes):,} test images, seed {found.seed:d}; ± is a 95% interval over "
        "images. Where the histogram leaves the line, samples of the prior are decoded from places that few images are "
        "encoded to, or places that many are encoded to are seldom sampled."
        if found.discrepancy is not None
        else f"{what} of each of the first {len(found.codes):,} test images; ± is a 95% interval over images. To "
        "sample such a model, a density is fitted to these codes afterwards: see Generate."
    )
