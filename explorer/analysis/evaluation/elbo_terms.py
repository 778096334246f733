"""The bound as its terms, each with its interval, a line on what it is, and its source."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.arrays import Doubles
from explorer.analysis.evaluation.metrics import METRICS
from explorer.analysis.sources import KINGMA
from explorer.analysis.statistics.bootstrap import Estimate, Resampling, mean_estimate

if TYPE_CHECKING:
    from explorer.analysis.evaluation.evaluate import ImageTerms

HOFFMAN = "Hoffman & Johnson (2016), http://approximateinference.org/accepted/HoffmanJohnson2016.pdf"

_EXPLAINED = {metric.name: (metric.explanation, metric.source) for metric in METRICS} | {
    "log_likelihood": ("At one posterior sample of each image: how well its code gives it back.", KINGMA),
    "log_likelihood_of_code": (
        "At the image's code. It is no bound: nothing says what the code costs.",
        KINGMA,
    ),
    "kl": ("What a code costs. Neither much nor little is better by itself.", KINGMA),
    "aggregate_kl": (
        "How far the codes of all images together are from the prior. Of a finite number of images it is as much too "
        "large as the information is too small.",
        HOFFMAN,
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoundTerm:
    """A term of the bound.

    Attributes:
        name: as ``ImageTerms`` has it, or "elbo".
        title: in symbols.
        explanation: a line that says what it is.
        source: where it comes from.
        estimate: its mean over images and 95 % interval, nats unless it is a squared error.
    """

    name: str
    title: str
    explanation: str
    source: str
    estimate: Estimate


def bound_terms(terms: "ImageTerms", resampling: Resampling | None = None) -> list[BoundTerm]:
    """Return the terms of the bound: of a model without one what it has, reconstruction and squared error.

    ELBO = log_likelihood - kl, and kl = mutual_information + aggregate_kl up to the noise of one sample of each image.

    Raises:
        ConfigError: if there are fewer than two images, or a term of one is not a finite number.
    """
    held = resampling or Resampling()
    return [
        BoundTerm(
            name=name.removesuffix("_of_code"),
            title=title,
            explanation=_EXPLAINED[name][0],
            source=_EXPLAINED[name][1],
            estimate=mean_estimate(values, held),
        )
        for name, title, values in _values(terms)
    ]


def _values(terms: "ImageTerms") -> Iterator[tuple[str, str, Doubles]]:
    log_likelihood = terms.log_likelihood.astype(np.float64)
    if terms.kl is None or terms.mutual_information is None or terms.aggregate_kl is None:
        yield "log_likelihood_of_code", "log p(x|z)", log_likelihood
    else:
        kl = terms.kl.astype(np.float64)
        yield "log_likelihood", "E log p(x|z)", log_likelihood
        yield "mutual_information", "I(x; z)", terms.mutual_information.astype(np.float64)
        yield "aggregate_kl", "KL(q(z) ‖ p(z))", terms.aggregate_kl.astype(np.float64)
        yield "kl", "KL(q(z|x) ‖ p(z))", kl
        yield "elbo", "ELBO", log_likelihood - kl
    yield "squared_error", "|x - x̂|²", terms.squared_error.astype(np.float64)
