"""Whether q(z|x) is the posterior that the decoder implies: ranks of simulated codes, a dimension at a time."""

from collections import Counter
from typing import TYPE_CHECKING

import streamlit as st

from explorer.figures.evaluation import rank_figure, rank_text
from explorer.serving.run_cache import LoadedRun
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.notation import given
from explorer.ui.tasks import awaited
from explorer.workflows.evaluation import calibration_of

if TYPE_CHECKING:
    from explorer.analysis.evaluation.sbc import Calibration, RankFacts

N_SIMULATED = 1000
N_SHOWN = 8
WIDTH = 290
TALTS = "[Talts et al. (2018)](https://arxiv.org/abs/1804.06788)"

VERDICTS = {
    "uniform": "no sign against it",
    "narrow": "q is too narrow",
    "wide": "q is too wide",
    "shifted": "q is shifted",
    "other": "not uniform",
}


def calibration_part(loaded: LoadedRun, view: EvaluateView) -> None:
    """Show the ranks of simulated codes, the least uniform dimensions first; ``view`` has no say in it."""
    if not loaded.config.model.has_bound:
        return
    found = awaited(calibration_of(loaded, N_SIMULATED))
    if found is None:
        return
    facts = [found.facts(dim) for dim in range(found.ranks.shape[1])]
    model = loaded.config.model
    st.markdown(given(f"##### {verdict_words(facts)}\n{_explanation(loaded, found)}", model))
    order = list(range(len(facts)))
    if len(facts) > N_SHOWN:
        order = sorted(order, key=lambda dim: facts[dim].p_value)[:N_SHOWN]
        st.caption(f"The {len(order)} least uniform of {len(facts)} dimensions are shown.")
    with st.container(horizontal=True, gap="medium"):
        for dim in order:
            with st.container(width=WIDTH, gap="xsmall"):
                _dimension(found, dim, facts[dim])
    low, high = found.band()
    words = (
        "Bars: codes by where they lie in q(z|x) of their image, from its lowest draws to its highest, in 20 equal "
        f"parts. Grey: from {low:d} to {high:d} codes, where 99% of the bars lie if q(z|x) is the true posterior; bars "
        "outside are vermilion. Higher at both ends: q is too narrow; in the middle: too wide; on one side: shifted."
    )
    st.caption(given(words, model))


def verdict_words(facts: "list[RankFacts]") -> str:
    """Return in a line in how many dimensions the posterior is not calibrated, and in which way."""
    counts: Counter[str] = Counter(it.verdict for it in facts)
    n_dims = f"{len(facts)} dimension{'s' * (len(facts) > 1)}"
    if counts["uniform"] == len(facts):
        return f"No sign in {n_dims} that q(z|x) is not the true posterior"
    kinds = (("narrow", "too narrow"), ("wide", "too wide"), ("shifted", "shifted"), ("other", "off in another way"))
    ways = ", ".join(f"{words} in {counts[name]:d}" for name, words in kinds if counts[name])
    return f"q(z|x) is not the true posterior: {ways} of {n_dims}"


def _explanation(loaded: LoadedRun, found: "Calibration") -> str:
    given = ", classes in turn" if loaded.config.model.n_classes is not None else ""
    return (
        f"Simulation-based calibration, {TALTS}: {len(found.ranks):,} codes z are drawn from the prior{given}, an "
        f"image x from p(x|z) of each, and z is ranked among {found.n_draws:d} draws from q(z|x) of that image; seed "
        f"{found.seed:d}. If q(z|x) is the true posterior p(z|x), every rank is equally likely. Images are the model's "
        "own, so this says nothing of how well it fits the data: it says how well the encoder inverts the decoder, "
        "over the whole prior."
    )


def _dimension(found: "Calibration", dim: int, facts: "RankFacts") -> None:
    st.markdown(f"**z{dim}**: {VERDICTS[facts.verdict]}")
    counts, band = found.histogram(dim), found.band()
    st.plotly_chart(
        rank_figure(counts, band, len(found.ranks) / len(counts)),
        alt=f"Dimension {dim}. {rank_text(counts, band)}",
        key=f"ranks-{dim}",
        config={"displayModeBar": False},
    )
    low, high = facts.coverage_interval
    p_value = "p < 0.0001" if facts.p_value < 1e-4 else f"p = {facts.p_value:.4f}"
    st.caption(
        f"q's central 90% holds {facts.coverage:.0%} of the codes ({low:.0%} to {high:.0%}); "
        f"spread {facts.spread:.2f} ± {1.96 * facts.spread_se:.2f} of that of uniform ranks; {p_value}, "
        f"where less than {facts.level:.2g} is a sign"
    )
