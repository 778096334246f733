"""Codes to generate from: draws from a model's prior, and which encoded images to show for a set."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.results import Floats
from explorer.errors import ConfigError

if TYPE_CHECKING:
    from explorer.models.latent_model import LatentModel


def prior_codes(
    model: "LatentModel", n: int, *, seed: int, temperature: float = 1.0, labels: NDArray[np.int64] | None = None
) -> Floats:
    """Return ``n`` draws from the model's prior, shape ``(n, L)``; draw k is the same whatever ``n`` is.

    Args:
        model: a model with a prior.
        n: how many.
        seed: of the noise. Draw k has the same noise in every class of a conditional prior.
        temperature: scale of a normal prior's noise. 1 is the prior; below it the draws keep to its middle, which is
            no longer the model's distribution.
        labels: classes, shape ``(n,)``, for a conditional prior.

    Raises:
        ConfigError: if the model has no prior, or one that has no temperature.
    """
    import torch
    from torch.distributions import Independent, Normal

    from explorer.data.batches import seeded
    from explorer.models.distributions import DiagonalNormal

    y = None if labels is None else torch.from_numpy(labels)
    with torch.inference_mode():
        prior = model.prior(y)
        if prior is None:
            raise ConfigError(f"A model of family {model.config.family!r} has no prior: there is nothing to draw from.")
        if isinstance(prior, DiagonalNormal) or (
            isinstance(prior, Independent) and isinstance(prior.base_dist, Normal)
        ):
            noise = np.random.default_rng(seed).standard_normal((n, model.config.latent_dim))
            mean, scale = prior.mean.numpy(), prior.variance.sqrt().numpy()
            codes: Floats = (mean + temperature * scale * noise).astype(np.float32)
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


def spread_rows(labels: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return ``n`` rows that take the classes in turn, in the order in which they stand; fewer if there are fewer."""
    occurrence = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        occurrence[members] = np.arange(len(members))
    return np.lexsort((labels, occurrence))[:n]
