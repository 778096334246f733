"""Importance-weighted bounds: log p(x) estimated with many posterior samples.

Source: Burda, Grosse & Salakhutdinov (2016), Importance Weighted Autoencoders, equations 8-9,
https://arxiv.org/abs/1509.00519.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from explorer.errors import ConfigError
from explorer.models.distributions import Posterior
from explorer.models.latent_model import LatentModel
from explorer.objectives.elbo import log_likelihood_of, sampled_posterior
from explorer.objectives.share import Share, WholeBatch

MAX_DECODED = 1000
"""Images decoded at once: memory stays bounded whatever the number of samples.

Larger chunks leave the processor's cache: 20,000 at once took 1.8 (dense) to 2.6 times (convolutional) as long.
"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EvidenceEstimate:
    """An estimate of log p(x) per image, each of shape ``(B,)``, in nats.

    Attributes:
        log_px: the importance-weighted bound L_k; in expectation a lower bound on log p(x), and at k = 1 the ELBO.
        se: its standard error by the delta method; with heavy-tailed weights it is too small, as any such estimate.
    """

    log_px: Tensor
    se: Tensor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SampleWeights:
    """The two parts of log importance weights, in nats, each of shape ``(S, B)``.

    Attributes:
        log_likelihood: log p(x|z) at samples z of q(z|x).
        log_ratio: log p(z) - log q(z|x) at the same samples.
    """

    log_likelihood: Tensor
    log_ratio: Tensor

    def total(self) -> Tensor:
        """Return log p(x|z) + log p(z) - log q(z|x), shape ``(S, B)``."""
        return self.log_likelihood + self.log_ratio


def sample_weights(
    model: LatentModel, x: Tensor, y: Tensor | None = None, *, n_samples: int, share: Share | None = None
) -> SampleWeights:
    """Return the importance weights of ``n_samples`` samples of q(z|x), differentiable.

    The mean over S of their logarithm is the estimator SGVB-A of the ELBO; ``importance_weighted_bound`` of them is the
    IWAE bound.

    Args:
        model: a model with a prior and an encoder.
        x: images in [0, 1], shape ``(B, C, H, W)``.
        y: classes, shape ``(B,)``, for a model that needs them.
        n_samples: S.
        share: the part of a batch that ``x`` is; if None, it is all.

    Raises:
        ConfigError: if the model has no prior or no encoder, so no p(x) to bound.
    """
    posterior, z = sampled_posterior(model, x, y, n_samples=n_samples, share=share or WholeBatch(len(x)))
    return _weights(model, *_with_density(model, posterior, y), z, x, y)


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """Return log of the mean weight over the first dimension, in nats: shape ``(S, B)`` to ``(B,)``."""
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


@torch.inference_mode()
def estimate_evidence(
    model: LatentModel, x: Tensor, y: Tensor | None = None, *, n_samples: int, max_decoded: int = MAX_DECODED
) -> EvidenceEstimate:
    """Estimate log p(x) with ``n_samples`` weights per image: encoded once, decoded in chunks of ``max_decoded``.

    Raises:
        ConfigError: if the model has no prior or no encoder, so no p(x) to bound.
    """
    posterior, prior = _with_density(model, model.encode(x, y), y)
    sums = torch.full((2, len(x)), -math.inf, dtype=x.dtype, device=x.device)
    chunk = max(1, max_decoded // len(x))
    for start in range(0, n_samples, chunk):
        z = posterior.rsample(torch.Size((min(chunk, n_samples - start),)))
        log_weights = _weights(model, posterior, prior, z, x, y).total()
        # Sums of weights and of their squares, in log space: the weights of one image span hundreds of nats.
        moments = torch.stack([torch.logsumexp(log_weights, 0), torch.logsumexp(2 * log_weights, 0)])
        sums = torch.logaddexp(sums, moments)
    # Var(mean w) / (mean w)^2 = sum w^2 / (sum w)^2 - 1 / k: 0 when all weights are equal.
    relative_variance = (sums[1] - 2 * sums[0]).exp() - 1 / n_samples
    return EvidenceEstimate(log_px=sums[0] - math.log(n_samples), se=relative_variance.clamp(min=0).sqrt())


def _with_density(model: LatentModel, posterior: Posterior, y: Tensor | None) -> tuple[Distribution, Distribution]:
    """Return ``posterior`` and the prior, if both have a density."""
    prior = model.prior(y)
    if prior is None or not isinstance(posterior, Distribution):
        raise ConfigError(
            f"A model of family {model.config.family!r} has no prior, so no p(x): there is nothing to bound. "
            "Evaluate a vae or a cvae."
        )
    return posterior, prior


def _weights(
    model: LatentModel, posterior: Distribution, prior: Distribution, z: Tensor, x: Tensor, y: Tensor | None
) -> SampleWeights:
    return SampleWeights(
        log_likelihood=log_likelihood_of(model, z, x, y), log_ratio=prior.log_prob(z) - posterior.log_prob(z)
    )
