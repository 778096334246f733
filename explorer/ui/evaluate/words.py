"""What the page Evaluate says of a run: its parts, what a model has not and why, and figures in words."""

import math
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from explorer.analysis.evaluation.elbo_terms import BoundTerm
from explorer.analysis.statistics.bootstrap import Estimate
from explorer.figures.evaluation import Step
from explorer.models.config import LIKELIHOODS, POSTERIORS, ModelConfig
from explorer.serving.run_cache import LoadedRun
from explorer.ui.evaluate.view import Ranking
from explorer.ui.notation import given
from explorer.ui.text import as_text

RANKINGS: Mapping[Ranking, str] = MappingProxyType({"elbo": "ELBO", "reconstruction": "log p(x|z)", "kl": "KL"})
"""What the best and worst images are chosen by, and what it is called."""

SUBTRACTED = ("mutual_information", "aggregate_kl")
_LINK = re.compile(r"(.+), (https?://[^\s,]+)")


def rankings_of(model: ModelConfig) -> tuple[Ranking, ...]:
    """Return what the images of a model can be ranked by."""
    return tuple(RANKINGS) if model.has_bound else ("reconstruction",)


def steps_of(terms: Sequence[BoundTerm], model: ModelConfig) -> list[Step]:
    """Return the terms as the bars of a waterfall from 0 to the ELBO; without a bound, the log-likelihood alone."""
    by_name = {term.name: term for term in terms}
    first = by_name["log_likelihood"]
    steps = [_step(given(first.title, model), 0.0, first.estimate, sign=1)]
    for name in SUBTRACTED:
        if name in by_name:
            steps.append(
                _step(given(f"- {by_name[name].title}", model), steps[-1].end, by_name[name].estimate, sign=-1)
            )
    if "elbo" in by_name:
        steps.append(_step("ELBO", 0.0, by_name["elbo"].estimate, sign=1, is_total=True))
    return steps


def _step(name: str, start: float, it: Estimate, *, sign: int, is_total: bool = False) -> Step:
    low, high = sorted((sign * it.low, sign * it.high))
    return Step(name=name, start=start, end=start + sign * it.value, low=low, high=high, is_total=is_total)


def interval_words(it: Estimate, digits: int = 2) -> str:
    """Return the 95 % interval of an estimate."""
    return f"{it.low:.{digits}f}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{it.high:.{digits}f}"


def linked(source: str) -> str:
    """Return sources, with semicolons between, as Markdown: what stands before an address becomes its link."""
    return "; ".join(_linked(one) for one in source.split("; "))


def _linked(source: str) -> str:
    found = _LINK.fullmatch(source)
    return as_text(source) if found is None else f"[{as_text(found[1])}]({found[2]})"


def terms_table(terms: Sequence[BoundTerm], model: ModelConfig) -> str:
    """Return the terms as a Markdown table: mean over images, its standard error, and its interval."""
    head = "| term | mean | error | 95% interval |\n|:--|--:|--:|:--|\n"
    return head + "\n".join(
        f"| {_title(term, model)} | {term.estimate.value:.2f} | {term.estimate.replicates.std():.2f} "
        f"| {interval_words(term.estimate)} |"
        for term in terms
    )


def terms_explained(terms: Sequence[BoundTerm], model: ModelConfig) -> str:
    """Return a line on each term as a Markdown list, with its source."""
    lines = (
        f"**{_title(term, model).strip('*')}**: {as_text(term.explanation)} {linked(term.source)}." for term in terms
    )
    return "\n".join(f"- {line}" for line in lines)


def _title(term: BoundTerm, model: ModelConfig) -> str:
    title = as_text(given(term.title, model))
    return f"**{title}**" if term.name == "elbo" else title


def bound_notes(loaded: LoadedRun, terms: Sequence[BoundTerm], n_images: int) -> list[str]:
    """Return what has to be known to read the terms of the bound of ``n_images`` images, a sentence or two each."""
    by_name, config = {term.name: term for term in terms}, loaded.config
    normaliser = config.model.normaliser
    notes = [pixels_note(loaded)]
    if normaliser is not None:
        notes.append(f"Of log p(x|z), {-normaliser:.1f} nats are its normaliser, the same for every image.")
    if "elbo" in by_name:
        notes.append(
            "KL = I(x; z) + KL(q(z) ‖ p(z)), up to the noise of one sample of each image; in their intervals the "
            "other images, which each is compared with, stay as they are."
        )
        ceiling, information = math.log(n_images), by_name["mutual_information"].estimate.value
        if config.model.prior != "conditional" and information > ceiling - 0.5:
            notes.append(
                f"I(x; z) is near the most that {n_images:,} images can show, log {n_images:,} = {ceiling:.2f} nats: "
                "there may be more of it, and as much less of KL(q(z) ‖ p(z))."
            )
        beta = config.training.objective.beta
        if beta != 1:
            notes.append(
                f"It was trained with the KL weighted by {beta:g}; the bound here has it at 1, as a bound must."
            )
    return [note for note in notes if note]


def pixels_note(loaded: LoadedRun) -> str:
    """Return which pixels a run is scored on, where that is not their greys."""
    if loaded.config.is_binary:
        return "Pixels are binarised once, with seed 0."
    if LIKELIHOODS[loaded.config.model.likelihood].is_probability:
        return "Grey pixels under a Bernoulli: its log p(x|z) is no log-likelihood of them, and compares with no other."
    return ""


def support_note(model: ModelConfig) -> str:
    """Return why importance sampling does not reach log p(x), for a posterior that misses a part of the prior."""
    if POSTERIORS[model.posterior].covers:
        return ""
    return (
        f"Every {as_text(model.posterior)} q(z|x) covers a part of the prior only: the bound does not become tight "
        "however many samples it has."
    )
