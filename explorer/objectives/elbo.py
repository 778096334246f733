"""The evidence lower bound, term by term, and the free bits that a KL may have.

Source: Kingma & Welling (2014), equations 6 and 7 (the estimators SGVB-A and SGVB-B), https://arxiv.org/abs/1312.6114.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from explorer.errors import ConfigError
from explorer.models.distributions import Posterior
from explorer.models.divergences import kl, kl_per_dimension
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import FreeBits
from explorer.objectives.share import Share, WholeBatch


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ElboTerms:
    """The two terms of the bound, in nats per image, each of shape ``(B,)``.

    Attributes:
        log_likelihood: estimate of E_q[log p(x|z)].
        kl: KL(q(z|x) || p(z)), or an estimate of it.
        kl_per_dimension: the same before the sum over dimensions, ``(B, L)``; None where they are not independent.
    """

    log_likelihood: Tensor
    kl: Tensor
    kl_per_dimension: Tensor | None = None

    def elbo(self, beta: float = 1.0) -> Tensor:
        """Return log_likelihood - beta kl, shape ``(B,)``; a bound on log p(x) in expectation if beta >= 1."""
        return self.log_likelihood - beta * self.kl


def elbo_terms(
    model: LatentModel,
    x: Tensor,
    y: Tensor | None = None,
    *,
    n_samples: int = 1,
    is_kl_sampled: bool = False,
    share: Share | None = None,
) -> ElboTerms:
    """Estimate the bound.

    Args:
        model: the model; for one without a prior the KL is zero and the sum is a reconstruction term, not a bound.
        x: images in [0, 1], shape ``(B, C, H, W)``.
        y: classes, shape ``(B,)``, for a model that needs them.
        n_samples: posterior samples per image, L.
        is_kl_sampled: estimate the KL from the same samples (SGVB-A); otherwise it is in closed form where there is
            one (SGVB-B).
        share: the part of a batch that ``x`` is; if None, it is all.
    """
    posterior, z = sampled_posterior(model, x, y, n_samples=n_samples, share=share or WholeBatch(len(x)))
    return _terms(model, posterior, z, x, y, is_kl_sampled=is_kl_sampled)


def sampled_posterior(
    model: LatentModel, x: Tensor, y: Tensor | None, *, n_samples: int, share: Share
) -> tuple[Posterior, Tensor]:
    """Return q(z|x) of this process's images ``(B, C, H, W)``, and samples of it, ``(n_samples, B, L)``.

    Every process draws for the whole batch and keeps its own rows: each image gets the noise that it would get in one
    process, of any family, also where sampling rejects as often as its parameters ask for.
    """
    size = torch.Size((n_samples,))
    if share.is_whole:
        posterior = model.encode(x, y)
        return posterior, posterior.rsample(size)
    parameters = model.posterior_parameters(x, y)
    whole = model.posterior(share.joined(parameters))
    return model.posterior(parameters), share.own(whole.rsample(size), dim=1)


def elbo_terms_given(
    model: LatentModel,
    posterior: Posterior,
    x: Tensor,
    y: Tensor | None = None,
    *,
    n_samples: int = 1,
) -> ElboTerms:
    """Do the same for a posterior that is already known; any q(z|x) over the model's codes gives a bound."""
    return _terms(model, posterior, posterior.rsample(torch.Size((n_samples,))), x, y)


def _terms(
    model: LatentModel,
    posterior: Posterior,
    z: Tensor,
    x: Tensor,
    y: Tensor | None,
    *,
    is_kl_sampled: bool = False,
) -> ElboTerms:
    """Return the terms at samples ``z``, ``(S, B, L)``, of ``posterior``."""
    log_likelihood = log_likelihood_of(model, z, x, y).mean(0)
    prior = model.prior(y)
    if prior is None:
        return ElboTerms(log_likelihood=log_likelihood, kl=torch.zeros_like(log_likelihood))
    if not isinstance(posterior, Distribution):
        raise ConfigError("A point has no KL to a prior: encode with a model whose posterior has a density.")
    if is_kl_sampled:
        sampled: Tensor = posterior.log_prob(z) - prior.log_prob(z)
        return ElboTerms(log_likelihood=log_likelihood, kl=sampled.mean(0))
    per_dimension = kl_per_dimension(posterior, prior, z)
    total = kl(posterior, prior, z) if per_dimension is None else per_dimension.sum(-1)
    return ElboTerms(log_likelihood=log_likelihood, kl=total, kl_per_dimension=per_dimension)


def log_likelihood_of(model: LatentModel, z: Tensor, x: Tensor, y: Tensor | None) -> Tensor:
    """Return log p(x|z) in nats, ``(S, B)``, of images ``(B, C, H, W)`` and classes ``(B,)`` at codes ``(S, B, L)``."""
    labels = None if y is None else y.expand(z.shape[:-1])
    log_prob: Tensor = model.decode(z, labels).log_prob(x)
    return log_prob


def kl_after_free_bits(terms: ElboTerms, form: FreeBits, nats: float, share: Share | None = None) -> Tensor:
    """Return the batch's mean KL with what lies below ``nats`` raised to it, so that it cannot be saved; shape ``()``.

    Of a ``share`` of the batch it is a part, as ``Share.mean`` returns it.

    It is never below the KL itself, so the objective stays a lower bound on log p(x).

    Raises:
        ConfigError: if the form speaks of dimensions and the posterior's are not independent.

    Source: Kingma et al. (2016), Improved Variational Inference with Inverse Autoregressive Flow, appendix C.8,
    https://arxiv.org/abs/1606.04934 (on the batch's mean, and per dimension); per example as in Bowman-style models,
    Li et al. (2019), A Surprisingly Effective Fix for Deep Latent Variable Modeling of Text, section 3.1.
    """
    held = share or WholeBatch(len(terms.kl))
    match form:
        case "none":
            return held.mean(terms.kl)
        case "per-example":
            return held.mean(terms.kl.clamp(min=nats))
        case "per-dimension":
            return held.mean(_of_dimensions(terms).clamp(min=nats).sum(-1))
        case "batch-mean":
            return held.joint_mean(_of_dimensions(terms)).clamp(min=nats).sum()


def _of_dimensions(terms: ElboTerms) -> Tensor:
    if terms.kl_per_dimension is None:
        raise ConfigError(
            "This posterior has no KL per dimension, or it was sampled whole: use free_bits 'per-example'."
        )
    return terms.kl_per_dimension
