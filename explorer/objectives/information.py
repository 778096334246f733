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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurgeryTerms:
    """What each of N images brings to the parts of the KL, in nats, shape ``(N,)`` each: ``Surgery`` has their means.

    Attributes:
        mutual_information: log q(z|x) - log q(z) at one sample of the image's posterior.
        aggregate_kl: log q(z) - log p(z) at the same sample.
        n_compared: images that each is compared with, itself among them, int64: the first is at most its logarithm.
    """

    mutual_information: Tensor
    aggregate_kl: Tensor
    n_compared: Tensor

    def means(self) -> Surgery:
        """Return the means over images."""
        sizes, counts = torch.unique(self.n_compared, return_counts=True)
        shares = (counts / counts.sum()).tolist()
        return Surgery(
            mutual_information=float(self.mutual_information.mean()),
            aggregate_kl=float(self.aggregate_kl.mean()),
            ceiling=sum(share * math.log(size) for share, size in zip(shares, sizes.tolist(), strict=True)),
        )


def surgery(posterior: Distribution, prior: Distribution) -> Surgery:
    """Take the KL apart for a batch of N posteriors and a prior p(z), batch ``()``."""
    return _terms(posterior, prior).means()


def surgery_of(model: LatentModel, parameters: Tensor, y: Tensor) -> Surgery:
    """Take the KL of a model apart, the means of ``surgery_terms``."""
    return surgery_terms(model, parameters, y).means()


def surgery_terms(model: LatentModel, parameters: Tensor, y: Tensor) -> SurgeryTerms:
    """Take the KL of a model apart, given the encoder's output ``(N, P)`` for N images of classes ``(N,)``.

    With a prior for each class it is done within the classes, so that the parts are I(x; z | y) and
    KL(q(z|y) || p(z|y)), means over images, and add up to the KL all the same.

    Raises:
        ConfigError: if the model has no bound, so no KL.
    """
    if not model.config.has_bound:
        raise ConfigError(f"A model of family {model.config.family!r} has no KL to take apart.")
    if model.config.prior != "conditional":
        return _terms_of_rows(model, parameters, None)
    rows = [torch.nonzero(y == label)[:, 0] for label in torch.unique(y)]
    parts = [_terms_of_rows(model, parameters[of_class], y[of_class[0]]) for of_class in rows]
    back = torch.cat(rows).argsort()
    return SurgeryTerms(
        mutual_information=torch.cat([part.mutual_information for part in parts])[back],
        aggregate_kl=torch.cat([part.aggregate_kl for part in parts])[back],
        n_compared=torch.cat([part.n_compared for part in parts])[back],
    )


def _terms_of_rows(model: LatentModel, parameters: Tensor, label: Tensor | None) -> SurgeryTerms:
    posterior, prior = model.posterior(parameters), model.prior(label)
    assert isinstance(posterior, Distribution)
    assert prior is not None
    return _terms(posterior, prior)


def _terms(posterior: Distribution, prior: Distribution) -> SurgeryTerms:
    """Compare each sample's density under its own posterior with that under the mixture of all N, and the prior's.

    Source: Hoffman & Johnson (2016), ELBO surgery; the estimator of Dieng et al. (2019), https://arxiv.org/abs/1807.04863.
    """
    z = posterior.rsample()
    log_own = posterior.log_prob(z)
    log_mixture = log_density_of_mixture(posterior, z)
    return SurgeryTerms(
        mutual_information=log_own - log_mixture,
        aggregate_kl=log_mixture - prior.log_prob(z),
        n_compared=torch.full((len(z),), len(z)),
    )


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
