"""Codes to generate from: draws from a model's prior, and which encoded images to show for a set."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats
from explorer.errors import ConfigError

if TYPE_CHECKING:
    from torch.distributions import Distribution

    from explorer.models.latent_model import LatentModel


def prior_codes(
    model: "LatentModel",
    n: int,
    *,
    seed: int,
    temperature: float = 1.0,
    labels: NDArray[np.int64] | NDArray[np.float32] | None = None,
) -> Floats:
    """Return ``n`` draws from the model's prior, shape ``(n, L)``; draw k is the same whatever ``n`` is.

    Args:
        model: a model with a prior.
        n: how many.
        seed: of the noise. Draw k has the same noise in every class of a conditional prior.
        temperature: scale of a normal prior's noise. 1 is the prior; below it the draws keep to its middle, which is
            no longer the model's distribution.
        labels: classes, shape ``(n,)``, or weights of them, ``(n, n_classes)``, for a conditional prior.

    Raises:
        ConfigError: if the model has no prior, or one that has no temperature.
    """
    import torch

    from explorer.data.batches import seeded

    y = None if labels is None else torch.from_numpy(labels)
    with torch.inference_mode():
        prior = model.prior(y)
        if prior is None:
            raise ConfigError(f"A model of family {model.config.family!r} has no prior: there is nothing to draw from.")
        moments = _normal_moments(prior)
        if moments is not None:
            noise = np.random.default_rng(seed).standard_normal((n, model.config.latent_dim))
            codes: Floats = (moments[0] + temperature * moments[1] * noise).astype(np.float32)
            return codes
        if temperature != 1:
            raise ConfigError(
                f"The matching prior of a {model.config.posterior} posterior is no normal distribution: "
                f"temperature {temperature:g} means nothing there. Use 1."
            )
        with seeded(seed):  # one by one: what a batch draws depends on its size
            rows = [prior.sample() for _ in range(n)]
    drawn: Floats = torch.stack(rows).numpy()
    return drawn


def normal_prior(model: "LatentModel", labels: NDArray[np.int64] | None = None) -> tuple[Floats, Floats] | None:
    """Return mean and deviation of a model's prior, each ``(L,)``, or ``(M, L)`` of p(z|y) for classes ``(M,)``.

    None where it has no prior, or one that is no diagonal normal. One prior for all classes is repeated for each.
    """
    import torch

    with torch.inference_mode():
        prior = model.prior(None if labels is None else torch.from_numpy(labels))
        moments = None if prior is None else _normal_moments(prior)
    if moments is None or labels is None:
        return moments
    shape = (len(labels), model.config.latent_dim)
    return np.broadcast_to(moments[0], shape), np.broadcast_to(moments[1], shape)


def _normal_moments(prior: "Distribution") -> tuple[Floats, Floats] | None:
    from torch.distributions import Independent, Normal

    from explorer.models.distributions import DiagonalNormal

    is_normal = isinstance(prior, Independent) and isinstance(prior.base_dist, Normal)
    if not is_normal and not isinstance(prior, DiagonalNormal):
        return None
    return prior.mean.numpy(), prior.variance.sqrt().numpy()


def spread_rows(labels: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return ``n`` rows that take the classes in turn, in the order in which they stand; fewer if there are fewer."""
    occurrence = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        occurrence[members] = np.arange(len(members))
    return np.lexsort((labels, occurrence))[:n]
