"""The evidence lower bound, term by term.

Source: Kingma & Welling (2014), equation 7 (the estimator SGVB-B), https://arxiv.org/abs/1312.6114.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import kl_divergence

from explorer.models.distributions import Posterior
from explorer.models.latent_model import LatentModel


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ElboTerms:
    """The two terms of the bound, in nats per image, each of shape ``(B,)``."""

    log_likelihood: Tensor
    kl: Tensor

    def elbo(self, beta: float = 1.0) -> Tensor:
        """Return log_likelihood - beta kl, shape ``(B,)``; a bound on log p(x) in expectation if beta >= 1."""
        return self.log_likelihood - beta * self.kl


def elbo_terms(model: LatentModel, x: Tensor, y: Tensor | None = None) -> ElboTerms:
    """Estimate the bound with one posterior sample and the KL in closed form (SGVB-B, L = 1).

    Args:
        model: the model; for one without a prior the KL is zero and the sum is a reconstruction term, not a bound.
        x: images in [0, 1], shape ``(B, C, H, W)``.
        y: classes, shape ``(B,)``, for a model that needs them.
    """
    return elbo_terms_given(model, model.encode(x, y), x, y)


def elbo_terms_given(model: LatentModel, posterior: Posterior, x: Tensor, y: Tensor | None = None) -> ElboTerms:
    """Do the same for a posterior that is already known; any q(z|x) over the model's codes gives a bound."""
    log_likelihood = model.decode(posterior.rsample(), y).log_prob(x)
    prior = model.prior
    kl = log_likelihood.new_zeros(log_likelihood.shape) if prior is None else kl_divergence(posterior, prior)  # type: ignore[arg-type]  # a Posterior with a prior is a Distribution
    return ElboTerms(log_likelihood=log_likelihood, kl=kl)
