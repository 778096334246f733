"""Distributions over latent codes that torch.distributions lacks or gets wrong at the edges, and KL divergences.

``DiagonalNormal`` and ``PointMass`` are over whole codes: batch ``(B,)`` (or empty for a prior), event ``(L,)``. The
others are over single numbers, of any batch shape, and ``posteriors`` joins them to codes.
"""

import math
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Uniform,
    constraints,
)
from torch.nn import functional as F


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


class Logistic(Distribution):
    """Logistic distribution, ``loc + scale * logit(u)`` with u uniform on (0, 1), over single numbers.

    Source: Johnson, Kotz & Balakrishnan (1995), Continuous Univariate Distributions, volume 2, chapter 23.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        """Take location and scale, both of the batch's shape."""
        self.loc, self.scale = loc, scale
        super().__init__(loc.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Mean, the location."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Variance, (pi scale)^2 / 3."""
        return (math.pi * self.scale).square() / 3

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw by the inverse CDF, shape ``(*sample_shape, *batch)``."""
        u = uniform(self.loc, self._extended_shape(torch.Size(sample_shape)))
        return self.loc + self.scale * torch.logit(u)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the batch: -y - 2 log(1 + exp(-y)) - log scale, y = (value - loc) / scale."""
        y = (value - self.loc) / self.scale
        return -y - 2 * F.softplus(-y) - self.scale.log()


class Rayleigh(Distribution):
    """Rayleigh distribution on the positive numbers, ``scale * sqrt(-2 log u)``, over single numbers.

    Source: Johnson, Kotz & Balakrishnan (1994), Continuous Univariate Distributions, volume 1, chapter 18.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    support = constraints.positive
    has_rsample = True

    def __init__(self, scale: Tensor) -> None:
        """Take the scale, of the batch's shape."""
        self.scale = scale
        super().__init__(scale.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Mean, scale sqrt(pi / 2)."""
        return self.scale * math.sqrt(math.pi / 2)

    @property
    def variance(self) -> Tensor:
        """Variance, (2 - pi / 2) scale^2."""
        return (2 - math.pi / 2) * self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw by the inverse CDF, shape ``(*sample_shape, *batch)``."""
        u = uniform(self.scale, self._extended_shape(torch.Size(sample_shape)))
        return self.scale * (-2 * u.log()).sqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the batch: log z - 2 log scale - (z / scale)^2 / 2."""
        return value.log() - 2 * self.scale.log() - 0.5 * (value / self.scale).square()


class Triangular(Distribution):
    """Symmetric triangular distribution, ``centre + half_width * (u - v)`` with u, v uniform, over single numbers.

    Source: Johnson, Kotz & Balakrishnan (1995), Continuous Univariate Distributions, volume 2, section 26.9.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, centre: Tensor, half_width: Tensor) -> None:
        """Take centre and half of the width of the support, both of the batch's shape."""
        self.centre, self.half_width = centre, half_width
        super().__init__(centre.shape, validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """From one end of the triangle to the other."""
        low, high = self.centre - self.half_width, self.centre + self.half_width
        return constraints.interval(low, high)  # type: ignore[no-untyped-call]  # torch gives its constraints no types

    @property
    def mean(self) -> Tensor:
        """Mean, the centre."""
        return self.centre

    @property
    def variance(self) -> Tensor:
        """Variance, half_width^2 / 6."""
        return self.half_width.square() / 6

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw as a difference of two uniform numbers, shape ``(*sample_shape, *batch)``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.centre + self.half_width * (uniform(self.centre, shape) - uniform(self.centre, shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the batch; minus infinity outside the support."""
        height = 1 - ((value - self.centre) / self.half_width).abs()
        # A sample that rounding puts on the very edge keeps a density.
        inside = height.clamp(min=1e-6).log() - self.half_width.log()
        return torch.where(height > -1e-3, inside, -math.inf)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, 1/2 + log half_width."""
        return 0.5 + self.half_width.log()


class ClosedUniform(Uniform):
    """torch's uniform distribution, whose density holds at the ends too: rounding can put a sample there."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the batch; minus infinity outside."""
        width = self.high - self.low
        reach = (value - (self.low + self.high) / 2).abs()
        return torch.where(reach <= width / 2 + 1e-6, -width.log(), -math.inf)


def uniform(like: Tensor, shape: torch.Size) -> Tensor:
    """Draw uniform numbers of which none is 0 or 1."""
    u = torch.rand(shape, dtype=like.dtype, device=like.device)
    limits = torch.finfo(like.dtype)
    return u.clamp(min=limits.tiny, max=1 - limits.eps)


def standard_normal(zeros: Tensor) -> DiagonalNormal:
    """Return N(0, I) over codes shaped, typed and placed like ``zeros``, shape ``(L,)``."""
    return DiagonalNormal(zeros, zeros)
