"""What codes tell about images: mutual information, active units, and how the codes as a whole meet the prior."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from explorer.errors import ConfigError
from explorer.models.latent_model import LatentModel

MAX_COMPARED = 20_000_000
"""Numbers held at once where every sample is compared with every posterior: 80 MB in float32."""

ACTIVE_VARIANCE = 0.01
"""A unit is active if the variance over images of its posterior mean is above this (Burda et al. 2016, section 5.2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surgery:
    """The mean KL taken apart: E KL(q(z|x) || p(z)) = mutual_information + aggregate_kl, in nats.

    Attributes:
        mutual_information: I(x; z) under q, from one sample of each of N posteriors; never above its ceiling, log N.
        aggregate_kl: KL(q(z) || p(z)) of the mixture of all N posteriors to the prior, from the same samples. As the
            mixture is of N alone, what the first lacks to the truth this one has too much.
        ceiling: log N.
    """

    mutual_information: float
    aggregate_kl: float
    ceiling: float


def surgery(posterior: Distribution, prior: Distribution) -> Surgery:
    """Take the KL apart for a batch of N posteriors and a prior p(z), batch ``()``.

    Each sample's density under its own posterior is compared with that under the mixture of all N.

    Source: Hoffman & Johnson (2016), ELBO surgery; the estimator of Dieng et al. (2019), https://arxiv.org/abs/1807.04863.
    """
    z = posterior.rsample()
    log_own = posterior.log_prob(z)
    log_mixture = log_density_of_mixture(posterior, z)
    return Surgery(
        mutual_information=float((log_own - log_mixture).mean()),
        aggregate_kl=float((log_mixture - prior.log_prob(z)).mean()),
        ceiling=math.log(len(z)),
    )


def surgery_of(model: LatentModel, parameters: Tensor, y: Tensor) -> Surgery:
    """Take the KL of a model apart, given the encoder's output ``(N, P)`` for N images of classes ``(N,)``.

    With a prior for each class it is done within the classes, so that the parts are I(x; z | y) and
    KL(q(z|y) || p(z|y)), means over images, and add up to the KL all the same.

    Raises:
        ConfigError: if the model has no bound, so no KL.
    """
    if not model.config.has_bound:
        raise ConfigError(f"A model of family {model.config.family!r} has no KL to take apart.")
    if model.config.prior != "conditional":
        return _surgery_of_rows(model, parameters, None)
    classes, counts = torch.unique(y, return_counts=True)
    parts = [_surgery_of_rows(model, parameters[y == label], label) for label in classes]
    shares = (counts / len(y)).tolist()
    return Surgery(
        mutual_information=_weighted(shares, [part.mutual_information for part in parts]),
        aggregate_kl=_weighted(shares, [part.aggregate_kl for part in parts]),
        ceiling=_weighted(shares, [part.ceiling for part in parts]),
    )


def _surgery_of_rows(model: LatentModel, parameters: Tensor, label: Tensor | None) -> Surgery:
    posterior, prior = model.posterior(parameters), model.prior(label)
    assert isinstance(posterior, Distribution)
    assert prior is not None
    return surgery(posterior, prior)


def _weighted(shares: list[float], values: list[float]) -> float:
    return sum(share * value for share, value in zip(shares, values, strict=True))


def log_density_of_mixture(components: Distribution, z: Tensor) -> Tensor:
    """Return the log density of ``z``, shape ``(M, L)``, under the equal mixture of N components, shape ``(M,)``."""
    n_components = components.batch_shape[0]
    n_rows = max(1, MAX_COMPARED // (n_components * _numbers_per_component(components)))
    parts = [torch.logsumexp(components.log_prob(rows[:, None]), dim=1) for rows in torch.split(z, n_rows)]
    return torch.cat(parts) - math.log(n_components)


def n_active_units(mu: Tensor) -> int:
    """Return how many dimensions of posterior means ``(N, L)`` vary over images by more than ``ACTIVE_VARIANCE``."""
    return int((mu.var(dim=0, correction=0) > ACTIVE_VARIANCE).sum())


def _numbers_per_component(components: Any) -> int:
    n_dims = int(components.event_shape[0])
    return n_dims * n_dims if hasattr(components, "scale_tril") else n_dims
