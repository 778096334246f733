"""What each latent dimension of an encoded set carries, and how far it reaches. Numbers alone: no torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.records import EncodedSet
from explorer.models.config import BOX, POSITIVE, POSTERIORS, SIMPLEX, UNIT, ModelConfig

DEAD_KL = 0.01
"""A dimension whose mean KL is below this, in nats, carries nothing."""

DEAD_VARIANCE = 0.01
"""Without a KL a dimension carries nothing if its posterior mean varies less: ``ACTIVE_VARIANCE`` of information.py."""

DEAD_SHARE = 1e-4
"""The codes of an autoencoder have no scale of their own: there it is this share of the largest variance, which is a
hundredth of the largest deviation."""

N_DEVIATIONS = 4
PRIOR_REACH = 3.0
MAX_LOG_VAR = 600.0

_SUPPORTS = {POSITIVE: (0.0, np.inf), UNIT: (0.0, 1.0), SIMPLEX: (0.0, 1.0), BOX: (-1.0, 1.0)}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DimensionUse:
    """The dimensions of an encoded set, each array of shape ``(L,)`` but for ``order``'s meaning.

    Attributes:
        kl: mean KL(q(z_i|x) || p(z_i)) over the set, nats; None where none is known for each dimension.
        variance: of the posterior means over the set.
        mean: of the posterior means.
        low: least value worth looking at: covers the set, ``N_DEVIATIONS`` deviations around its mean, and a prior.
        high: greatest value worth looking at.
        order: indices, the dimension that carries most first: by KL, or by variance where there is none.
        is_dead: whether the dimension carries nothing.
    """

    kl: Doubles | None
    variance: Doubles
    mean: Doubles
    low: Doubles
    high: Doubles
    order: NDArray[np.int64]
    is_dead: NDArray[np.bool_]


def dimension_use(encoded: EncodedSet, config: ModelConfig, prior: tuple[Floats, Floats] | None = None) -> DimensionUse:
    """Return what the dimensions of ``encoded`` carry.

    Args:
        encoded: the set.
        config: of the model that encoded it.
        prior: mean and log-variance of a normal p(z|y) for each image, each ``(N, L)``; N(0, I) where it is left out.
    """
    columns = [_finite(encoded.mu[:, i]) for i in range(encoded.latent_dim)]
    mean = np.array([column.mean() for column in columns])
    variance = np.array([column.var() for column in columns])
    kl = kl_per_dimension(encoded, prior) if has_normal_posterior(config) else None
    low, high = _reach(columns, mean, np.sqrt(variance), config)
    return DimensionUse(
        kl=kl,
        variance=variance,
        mean=mean,
        low=low,
        high=high,
        order=np.argsort(-(variance if kl is None else kl), kind="stable"),
        is_dead=_is_dead(kl, variance, config),
    )


def has_normal_posterior(config: ModelConfig) -> bool:
    """Whether q(z|x) is a diagonal normal, so that ``mu`` and ``log_var`` of an encoded set say all of it."""
    return config.has_bound and config.posterior == "normal"


def kl_per_dimension(encoded: EncodedSet, prior: tuple[Floats, Floats] | None = None) -> Doubles:
    """Return the mean over the set of KL(q(z_i|x) || p(z_i)) of diagonal normals, nats, shape ``(L,)``; always finite.

    Args:
        encoded: a set with log-variances.
        prior: mean and log-variance for each image, each ``(N, L)``; N(0, I) where it is left out.

    Source: Kingma & Welling (2014), appendix B, https://arxiv.org/abs/1312.6114.
    """
    assert encoded.log_var is not None
    # A dimension at a time: whole arrays in float64 would be gigabytes for a million images.
    means = np.empty(encoded.latent_dim)
    for i in range(encoded.latent_dim):
        mu, log_var = encoded.mu[:, i].astype(np.float64), encoded.log_var[:, i].astype(np.float64)
        if prior is not None:
            mu, log_var = (mu - prior[0][:, i]) * np.exp(-0.5 * prior[1][:, i]), log_var - prior[1][:, i]
        # Above e^600 a mean over images would leave float64.
        log_var = np.minimum(log_var, MAX_LOG_VAR)
        means[i] = _finite(0.5 * (np.exp(log_var) + mu**2 - 1 - log_var)).mean()
    return means


def _finite(column: NDArray[np.floating]) -> Doubles:
    """Return the finite numbers of ``column``; a lone 0 if it has none: a page must show a model that diverged too."""
    kept = column[np.isfinite(column)].astype(np.float64)
    return kept if len(kept) else np.zeros(1)


def active_dimensions(variance: Doubles, config: ModelConfig) -> NDArray[np.bool_]:
    """Return which dimensions carry something by the variance of their posterior means over images, shape ``(L,)``.

    Source: Burda, Grosse & Salakhutdinov (2016), section 5.2, https://arxiv.org/abs/1509.00519. The codes of an
    autoencoder have no scale: see ``DEAD_SHARE``.
    """
    return ~_is_dead(None, variance, config)


def _is_dead(kl: Doubles | None, variance: Doubles, config: ModelConfig) -> NDArray[np.bool_]:
    if kl is not None:
        return np.asarray(kl < DEAD_KL)
    if config.has_bound:
        return np.asarray(variance < DEAD_VARIANCE)
    return np.asarray(variance <= DEAD_SHARE * variance.max())


def _reach(columns: list[Doubles], mean: Doubles, deviation: Doubles, config: ModelConfig) -> tuple[Doubles, Doubles]:
    """Return the ends of what is worth looking at, each ``(L,)``; never an empty interval."""
    low = np.minimum(mean - N_DEVIATIONS * deviation, [column.min() for column in columns])
    high = np.maximum(mean + N_DEVIATIONS * deviation, [column.max() for column in columns])
    if config.has_bound:
        least, greatest = _SUPPORTS.get(POSTERIORS[config.posterior].support, (-np.inf, np.inf))
        low = np.clip(np.minimum(low, -PRIOR_REACH), least, greatest)
        high = np.clip(np.maximum(high, PRIOR_REACH), least, greatest)
    is_empty = high - low <= 1e-6 * np.maximum(np.abs(mean), 1)
    return np.where(is_empty, mean - 1, low), np.where(is_empty, mean + 1, high)
