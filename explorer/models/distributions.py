"""Posterior and prior families over latent codes, and their KL divergences.

Only what torch.distributions lacks or gets wrong at the edges. Batch shape is ``(B,)`` (or empty for a prior), event
shape is ``(L,)``; every result is summed over the event.
"""

import math
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl


@runtime_checkable
class Posterior(Protocol):
    """What an encoder returns: q(z|x), or a point for a plain autoencoder. Batch ``(B,)``, event ``(L,)``."""

    @property
    def mean(self) -> Tensor:
        """Mean code, shape ``(B, L)``."""

    def rsample(self, sample_shape: Any = ...) -> Tensor:
        """Codes drawn so that gradients reach the encoder, shape ``(*sample_shape, B, L)``."""


class PointMass:
    """All mass on one code: what the encoder of a plain autoencoder returns.

    It has no density, hence no ``log_prob`` and no KL: a number that needs one does not exist for an autoencoder.
    """

    def __init__(self, z: Tensor) -> None:
        """Put all mass on ``z``, shape ``(B, L)``."""
        self.z = z

    @property
    def mean(self) -> Tensor:
        """The code itself, shape ``(B, L)``."""
        return self.z

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The code itself, repeated to shape ``(*sample_shape, B, L)``."""
        return self.z.expand(torch.Size(sample_shape) + self.z.shape)


class DiagonalNormal(Distribution):
    """Normal distribution with diagonal covariance, parameterised by its log-variance.

    Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes, section 3, https://arxiv.org/abs/1312.6114.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, mu: Tensor, log_var: Tensor) -> None:
        """Take mean and log-variance, both of shape ``(*batch, L)``."""
        self.mu, self.log_var = mu, log_var
        super().__init__(mu.shape[:-1], mu.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Mean, shape ``(*batch, L)``."""
        return self.mu

    @property
    def variance(self) -> Tensor:
        """Variance per dimension, shape ``(*batch, L)``."""
        return self.log_var.exp()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Return mu + sigma * epsilon with epsilon from N(0, I), shape ``(*sample_shape, *batch, L)``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        epsilon = torch.randn(shape, dtype=self.mu.dtype, device=self.mu.device)
        return self.mu + (0.5 * self.log_var).exp() * epsilon

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape ``(*batch,)``."""
        # Scaled before it is squared, and the scale kept finite: 0 * inf would be NaN at the mean once log_var < -88.
        highest = 0.99 * math.log(torch.finfo(self.log_var.dtype).max)
        squared = ((value - self.mu) * (-0.5 * self.log_var).clamp(max=highest).exp()).square()
        return -0.5 * (squared + self.log_var + math.log(2 * math.pi)).sum(dim=-1)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, shape ``(*batch,)``."""
        return 0.5 * (self.log_var + 1 + math.log(2 * math.pi)).sum(dim=-1)


def standard_normal(zeros: Tensor) -> DiagonalNormal:
    """Return N(0, I) over codes shaped, typed and placed like ``zeros``, shape ``(L,)``."""
    return DiagonalNormal(zeros, zeros)


def kl_per_dimension(q: DiagonalNormal, p: DiagonalNormal) -> Tensor:
    """KL(q || p) in nats before the sum over dimensions, shape ``(*batch, L)``.

    Source: Kingma & Welling (2014), appendix B, https://arxiv.org/abs/1312.6114.
    """
    # Stays in log-variances: through the scale, float32 underflows to log 0 once log_var < -104.
    log_ratio = q.log_var - p.log_var
    squared_shift = (q.mu - p.mu).square() * (-p.log_var).exp()
    return 0.5 * (log_ratio.exp() + squared_shift - 1 - log_ratio)


@register_kl(DiagonalNormal, DiagonalNormal)  # type: ignore[no-untyped-call, untyped-decorator]  # torch's is untyped
def _kl_diagonal_normal(q: DiagonalNormal, p: DiagonalNormal) -> Tensor:
    """KL(q || p) in nats, shape ``(*batch,)``."""
    return kl_per_dimension(q, p).sum(dim=-1)
