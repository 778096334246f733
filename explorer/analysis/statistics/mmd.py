"""Whether two samples are of one distribution: the maximum mean discrepancy, and a test by permutations. numpy only.

Source: Gretton et al. (2012), A Kernel Two-Sample Test, https://jmlr.org/papers/v13/gretton12a.html.
"""

from dataclasses import dataclass

import numpy as np

from explorer.analysis.arrays import Doubles, Numbers
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress, Stages

N_PERMUTATIONS = 1000
MOST_ITEMS = 2000
"""Of each sample: the kernel of both together is 128 MB then."""

AT_ONCE = 100
"""Permutations between two looks at whether to go on."""

PERMUTING = "permutations"
NULL_QUANTILE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Discrepancy:
    """The squared maximum mean discrepancy of two samples of N items each.

    Attributes:
        value: the unbiased estimate; 0 in expectation if both are of one distribution, and so often below 0.
        se: its standard error where they are not, by the first-order term; else ``null_high`` counts.
        p_value: share of permutations whose estimate is at least as large, the one seen among them.
        null_high: what 95 % of the permutations lie below.
        bandwidth: of the kernel exp(-d^2 / (2 bandwidth^2)), the median distance within the joined sample.
        n: N.
        n_permutations: how many.
        seed: of the permutations.
    """

    value: float
    se: float
    p_value: float
    null_high: float
    bandwidth: float
    n: int
    n_permutations: int
    seed: int


def discrepancy(
    x: Numbers,
    y: Numbers,
    *,
    seed: int = 0,
    n_permutations: int = N_PERMUTATIONS,
    on_progress: OnProgress | None = None,
) -> Discrepancy:
    """Return the discrepancy of ``x`` and ``y``, each ``(N, L)``.

    Args:
        x: one sample.
        y: the other, of as many items.
        seed: of the permutations.
        n_permutations: how many.
        on_progress: told after every ``AT_ONCE`` permutations; what it raises ends the computation.

    Raises:
        ConfigError: if there are fewer than 4 items or more than ``MOST_ITEMS``, not as many of one as of the other, or
            a number is not finite.

    Source: Gretton et al. (2012), equation 3 (the estimate), section 8 (the median distance), section 5 (the test);
    Phipson & Smyth (2010), https://doi.org/10.2202/1544-6115.1585, on counting the one seen.
    """
    _check(x, y)
    n, joined = len(x), np.concatenate([x, y]).astype(np.float64)
    squared = _squared_distances(joined)
    bandwidth = float(np.median(np.sqrt(squared[np.triu_indices(2 * n, 1)])))
    if bandwidth == 0:
        raise ConfigError("More than half of the codes are the same: their median distance, the kernel's width, is 0.")
    kernel = np.exp(-squared / (2 * bandwidth**2))
    np.fill_diagonal(kernel, 0)
    first = np.arange(2 * n) < n
    value = float(_estimates(kernel, first[None].astype(np.float64))[0])
    permuted = _permuted(kernel, seed, n_permutations, on_progress)
    return Discrepancy(
        value=value,
        se=_standard_error(kernel),
        p_value=(1 + int((permuted >= value).sum())) / (n_permutations + 1),
        null_high=float(np.quantile(permuted, NULL_QUANTILE)),
        bandwidth=bandwidth,
        n=n,
        n_permutations=n_permutations,
        seed=seed,
    )


def _check(x: Numbers, y: Numbers) -> None:
    if x.shape != y.shape or not 4 <= len(x) <= MOST_ITEMS:
        raise ConfigError(
            f"Samples of shapes {x.shape} and {y.shape} are not compared: take as many codes of one as of the other, "
            f"4 to {MOST_ITEMS:,}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ConfigError("A code is not a finite number: the model has diverged.")


def _squared_distances(items: Doubles) -> Doubles:
    """Return the squared Euclidean distance of every two of ``items``, ``(M, L)``, shape ``(M, M)``."""
    squares = np.square(items).sum(axis=1)
    distances: Doubles = np.maximum(squares[:, None] + squares - 2 * items @ items.T, 0)
    return distances


def _estimates(kernel: Doubles, is_first: Doubles) -> Doubles:
    """Return the estimate for each way of parting the joined sample into halves.

    Args:
        kernel: of every two items, 0 on its diagonal, shape ``(2 N, 2 N)``.
        is_first: 1 where an item is in the first half and 0 elsewhere, rows that sum to N, shape ``(R, 2 N)``.

    Returns:
        Shape ``(R,)``.
    """
    n = len(kernel) // 2
    to_first = is_first @ kernel
    within_first = (to_first * is_first).sum(axis=1)
    across = to_first.sum(axis=1) - within_first
    within_second = kernel.sum() - within_first - 2 * across
    estimates: Doubles = (within_first + within_second) / (n * (n - 1)) - 2 * across / n**2
    return estimates


def _permuted(kernel: Doubles, seed: int, n_permutations: int, on_progress: OnProgress | None) -> Doubles:
    rng, n = np.random.default_rng(seed), len(kernel) // 2
    stages = Stages({PERMUTING: 1.0}, on_progress or (lambda _: None))
    halves = np.repeat([1.0, 0.0], n)
    parts = []
    for start in range(0, n_permutations, AT_ONCE):
        stages.count(PERMUTING, start, n_permutations)
        n_now = min(AT_ONCE, n_permutations - start)
        parts.append(_estimates(kernel, rng.permuted(np.tile(halves, (n_now, 1)), axis=1)))
    return np.concatenate(parts)


def _standard_error(kernel: Doubles) -> float:
    """Return 2 sd(E_j h(i, j)) / sqrt(N) with h(i, j) = k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i).

    Source: Serfling (1980), section 5.5.1; Gretton et al. (2012), corollary 16.
    """
    n = len(kernel) // 2
    across = kernel[:n, n:]
    h = kernel[:n, :n] + kernel[n:, n:] - across - across.T
    np.fill_diagonal(h, 0)
    return float(2 * (h.sum(axis=1) / (n - 1)).std(ddof=1) / np.sqrt(n))
