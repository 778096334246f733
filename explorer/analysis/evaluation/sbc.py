"""Whether q(z|x) is the posterior that the decoder and the prior imply: simulation-based calibration.

A code is drawn from the prior, an image from p(x|z), and the code ranked, in each dimension, among draws from q(z|x) of
that image. If q(z|x) is the true posterior, every rank is equally likely. Images are the model's own, so how well it
fits the data plays no part in it: only inference does, on average over the prior and a dimension at a time.

Source: Talts et al. (2018), Validating Bayesian Inference Algorithms with Simulation-Based Calibration, theorem 1,
https://arxiv.org/abs/1804.06788.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from explorer.analysis.statistics.bootstrap import wilson_interval
from explorer.data.batches import EVALUATION_STREAM, seeded
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress, Stages
from explorer.models.latent_model import LatentModel

N_SIMULATED = 1000
N_DRAWS = 99
"""From each posterior: 100 possible ranks, which 20 bins and the central 90 % part without a remainder."""

N_BINS = 20
BAND = 0.99
"""Share of bins that lie within their band if ranks are uniform."""

LEVEL = 0.01
"""At which ranks are called not uniform, over all dimensions together (Bonferroni)."""

N_TESTS = 3

BATCH = 200
_CALIBRATION = 4
"""Keeps these draws apart from the others of the evaluation stream."""

SIMULATING = "images simulated and encoded"

Verdict = Literal["uniform", "narrow", "wide", "shifted", "other"]
Ranks = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Calibration:
    """Ranks of N simulated codes.

    Attributes:
        ranks: of each code among ``n_draws`` draws from its image's posterior, 0 to ``n_draws``, shape ``(N, L)``.
        n_draws: from each posterior.
        seed: of codes, images and draws.
    """

    ranks: Ranks
    n_draws: int
    seed: int

    def histogram(self, dim: int, n_bins: int = N_BINS) -> Ranks:
        """Return how many ranks of a dimension fall into each of ``n_bins`` equal bins, shape ``(n_bins,)``.

        Raises:
            ConfigError: if the possible ranks cannot be parted equally.
        """
        if (self.n_draws + 1) % n_bins:
            raise ConfigError(f"{self.n_draws + 1} ranks cannot be parted into {n_bins} equal bins.")
        return np.bincount(self.ranks[:, dim] * n_bins // (self.n_draws + 1), minlength=n_bins)

    def band(self, n_bins: int = N_BINS) -> tuple[int, int]:
        """Return the least and the greatest count of a bin within the central ``BAND`` of uniform ranks."""
        low, high = stats.binom.interval(BAND, len(self.ranks), 1 / n_bins)
        return int(low), int(high)

    def facts(self, dim: int) -> "RankFacts":
        """Return what the ranks of a dimension say."""
        n, places = len(self.ranks), (self.ranks[:, dim] + 0.5) / (self.n_draws + 1)
        uniform_variance = (1 - (self.n_draws + 1) ** -2) / 12
        n_inside = int((np.abs(places - 0.5) < 0.45).sum())
        # Var((u - 1/2)^2) / Var(u)^2 = (1/80 - 1/144) / (1/12)^2 = 0.8 of a uniform u.
        spread, spread_se = float(np.square(places - 0.5).mean() / uniform_variance), float(np.sqrt(0.8 / n))
        lean, lean_se = float(places.mean() - 0.5), float(np.sqrt(uniform_variance / n))
        of_bins = float(stats.chisquare(self.histogram(dim)).pvalue)
        of_moments = 2 * stats.norm.sf(max(abs(spread - 1) / spread_se, abs(lean) / lean_se))
        return RankFacts(
            p_value=min(1.0, N_TESTS * min(of_bins, float(of_moments))),
            spread=spread,
            spread_se=spread_se,
            lean=lean,
            lean_se=lean_se,
            coverage=n_inside / n,
            coverage_interval=wilson_interval(n_inside, n),
            n_dims=self.ranks.shape[1],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RankFacts:
    """What the ranks of one dimension say; standard errors are those of uniform ranks.

    Attributes:
        p_value: that ranks are uniform: the least of three tests times three, the chi-squared one of ``N_BINS`` equally
            likely bins, which sees any difference, and those of spread and lean, which see theirs sooner.
        spread, spread_se: mean square distance of the ranks from their middle, beside that of uniform ones: above 1, q
            is too narrow or shifted; below, too wide.
        lean, lean_se: mean of the ranks in [0, 1], less 1/2: above 0, codes lie above what q expects.
        coverage, coverage_interval: share of codes within the central 90 % of q, and its 95 % interval.
        n_dims: dimensions that are tested together.
    """

    p_value: float
    spread: float
    spread_se: float
    lean: float
    lean_se: float
    coverage: float
    coverage_interval: tuple[float, float]
    n_dims: int

    @property
    def level(self) -> float:
        """The p-value below which ranks are not taken for uniform: ``LEVEL``, shared by the dimensions (Bonferroni)."""
        return LEVEL / self.n_dims

    @property
    def verdict(self) -> Verdict:
        """In which way the ranks are not uniform, the strongest sign; "uniform" where they may well be."""
        if self.p_value >= self.level:
            return "uniform"
        width, shift = (self.spread - 1) / self.spread_se, abs(self.lean) / self.lean_se
        if max(abs(width), shift) < 2:
            return "other"
        if shift > abs(width):
            return "shifted"
        return "narrow" if width > 0 else "wide"


@torch.inference_mode()
def calibrate(
    model: LatentModel,
    *,
    n_classes: int | None = None,
    n: int = N_SIMULATED,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Calibration:
    """Return the ranks of ``n`` codes drawn from the prior.

    Args:
        model: a model with a prior and an encoder.
        n_classes: of a model that is given the class, whose classes are simulated in turn.
        n: codes, and images.
        n_draws: from the posterior of each image.
        seed: of codes, images and draws.
        on_progress: told after each batch; what it raises ends the computation.

    Raises:
        ConfigError: if the model has no prior or no encoder.
    """
    stages = Stages({SIMULATING: 1.0}, on_progress or (lambda _: None))
    parts: list[Tensor] = []
    with seeded(seed, EVALUATION_STREAM, _CALIBRATION):
        for start in range(0, n, BATCH):
            stages.count(SIMULATING, start, n)
            rows = torch.arange(start, min(start + BATCH, n))
            parts.append(_ranks(model, len(rows), None if n_classes is None else rows % n_classes, n_draws))
    return Calibration(ranks=torch.cat(parts).numpy(), n_draws=n_draws, seed=seed)


def _ranks(model: LatentModel, n: int, y: Tensor | None, n_draws: int) -> Tensor:
    prior = model.prior(y)
    if prior is None:
        raise ConfigError("A model without a prior simulates no codes: calibrate a vae or a cvae.")
    # A prior of each class has a batch of its own; one for all is drawn from n times.
    z = prior.sample() if prior.batch_shape else prior.sample(torch.Size((n,)))
    x = model.decode(z, y).sample()
    draws = model.encode(x, y).rsample(torch.Size((n_draws,)))
    return (draws < z).sum(dim=0)
