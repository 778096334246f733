"""How far a number would move with other images: intervals by the bootstrap, and differences that exceed them.

Items (images, samples, pairs) are drawn again with replacement; everything else, the weights of a model among it, stays
as it is. Estimates from equally many items and one seed draw the same items, so their difference is a paired one.
Beside it stand the intervals that have a formula: Wilson's of a share, Welch's of a difference of means.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles
from explorer.errors import ConfigError

CONFIDENCE = 0.95
N_RESAMPLES = 1000
CHUNK = 250
"""Resamples whose counts are held as doubles at once: 20 MB at 10,000 items."""

DRAWN_AT_ONCE = 100_000
"""Items that are drawn, and counted, in one call."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Estimate:
    """A number, its interval, and what it was in each resample.

    Attributes:
        value: of the items as they are.
        low, high: ends of its interval of ``CONFIDENCE``.
        replicates: the number in each resample, shape ``(R,)``.
    """

    value: float
    low: float
    high: float
    replicates: Doubles

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval: what it takes to call a difference one."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Resampling:
    """How items are drawn again.

    Attributes:
        seed: of the draws.
        n_resamples: R, at least 1.
    """

    seed: int = 0
    n_resamples: int = N_RESAMPLES

    def counts(self, n: int) -> NDArray[np.float32]:
        """Return how often each of ``n`` items is in each resample, shape ``(R, n)``, rows that sum to ``n``."""
        return _counts(n, self.seed, self.n_resamples)

    def means(self, values: NDArray[np.generic]) -> Doubles:
        """Return the mean of ``values``, ``(N,)`` or ``(N, D)``, in each resample: ``(R,)`` or ``(R, D)``."""
        counts, doubles = self.counts(len(values)), values.astype(np.float64)
        chunks = (counts[start : start + CHUNK].astype(np.float64) for start in range(0, len(counts), CHUNK))
        means: Doubles = np.concatenate([chunk @ doubles for chunk in chunks]) / len(values)
        return means


def mean_estimate(values: NDArray[np.generic], resampling: Resampling) -> Estimate:
    """Return the mean of ``values``, shape ``(N,)``, with its percentile interval.

    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.

    Raises:
        ConfigError: if there are fewer than two values, or one is not finite.
    """
    if len(values) < 2:
        raise ConfigError(f"An interval takes at least two items; there are {len(values)}. Use more images.")
    if not np.isfinite(values.astype(np.float64)).all():
        raise ConfigError("A value of an image is not a finite number: the model has diverged, or the density is 0.")
    return estimate(float(values.astype(np.float64).mean()), resampling.means(values))


def share_estimate(hits: NDArray[np.bool_], resampling: Resampling) -> Estimate:
    """Return the share of ``hits``, shape ``(N,)``, with its Wilson interval, and replicates by the bootstrap.

    Where all are right every resample is all right, and a bootstrap interval would have no width.

    Raises:
        ConfigError: if there are fewer than two.
    """
    mean = mean_estimate(hits, resampling)
    low, high = wilson_interval(int(hits.sum()), len(hits), CONFIDENCE)
    return Estimate(value=mean.value, low=low, high=high, replicates=mean.replicates)


def estimate(value: float, replicates: Doubles) -> Estimate:
    """Return ``value`` with the percentile interval of ``replicates``, shape ``(R,)``."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(replicates, (tail, 1 - tail)).tolist()
    return Estimate(value=value, low=low, high=high, replicates=replicates)


def centred_estimate(value: float, replicates: Doubles, *, least: float = -np.inf) -> Estimate:
    """Return ``value`` with the interval of ``replicates``, ``(R,)``, moved so that their mean is ``value``.

    For a statistic that few items bias: a resample has fewer distinct ones and is biased once more, so the plain
    percentiles can leave out the value itself. This interval is one for what as many other items would give on average.

    Args:
        value: of the items as they are.
        replicates: of the resamples.
        least: the least value that the statistic can have; the interval ends there.
    """
    found = estimate(value, replicates - replicates.mean() + value)
    return Estimate(value=value, low=max(found.low, least), high=max(found.high, least), replicates=found.replicates)


def difference(of: Estimate, to: Estimate) -> Estimate:
    """Return ``of`` - ``to`` with its percentile interval, both from the same resamples of paired items.

    Raises:
        ValueError: if they are of different numbers of resamples.
    """
    if of.replicates.shape != to.replicates.shape:
        raise ValueError(f"{len(of.replicates)} and {len(to.replicates)} resamples cannot be paired")
    return estimate(of.value - to.value, of.replicates - to.replicates)


@lru_cache(maxsize=4)
def _counts(n: int, seed: int, n_resamples: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    counts = np.empty((n_resamples, n), np.float32)
    n_at_once = max(1, DRAWN_AT_ONCE // n)
    for start in range(0, n_resamples, n_at_once):
        rows = counts[start : start + n_at_once]
        # One count of all rows, each in numbers of its own: for few items a call for each row takes longer than it.
        items = rng.integers(n, size=(len(rows), n)) + n * np.arange(len(rows))[:, None]
        rows[:] = np.bincount(items.ravel(), minlength=rows.size).reshape(rows.shape)
    counts.setflags(write=False)
    return counts


def wilson_interval(n_right: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the Wilson score interval of a share of which ``n_right`` of ``n`` were seen, within [0, 1].

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference,
    https://doi.org/10.1080/01621459.1927.10502953; Brown, Cai & DasGupta (2001), equation 4,
    https://doi.org/10.1214/ss/1009213286.
    """
    from scipy import stats

    interval = stats.binomtest(n_right, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def welch_interval(a: list[float], b: list[float]) -> tuple[float, float]:
    """Return the interval of mean(a) - mean(b), at least two values each, of unequal variances.

    Source: Welch (1947), https://doi.org/10.1093/biomet/34.1-2.28; degrees of freedom by Satterthwaite (1946).
    """
    from scipy import stats

    # scipy's test warns of values that are all alike, which two seeds of a metric without noise are.
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (a, b)]
    centre, variance = float(np.mean(a) - np.mean(b)), sum(parts)
    if variance == 0:
        return centre, centre
    freedom = variance**2 / sum(part**2 / (len(v) - 1) for part, v in zip(parts, (a, b), strict=True))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance)
    return centre - half, centre + half
