"""From a decoder's output to p(x|z).

A likelihood is a module, since it may own parameters. It turns the raw output ``(B, C, H, W)`` of a decoder into a
distribution over images with batch ``(B,)`` and event ``(C, H, W)``, and knows which raw value has a given mean.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, constraints
from torch.nn import functional as F

from explorer.models.config import ModelConfig

IMAGE_DIMS = 3


class ContinuousBernoulli(Distribution):
    """Continuous Bernoulli on [0, 1], parameterised by logits and exact at any of them.

    torch's own class clamps the probability to within 1.2e-7 of 0 and 1, which stops its normaliser at logit 16.

    Source: Loaiza-Ganem & Cunningham (2019), equations 5-8, https://arxiv.org/abs/1907.06845.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor) -> None:
        """Take logits of any shape; the batch shape is theirs."""
        self.logits = logits
        super().__init__(logits.shape, validate_args=False)

    @property
    def _is_small(self) -> Tensor:
        # Below this both closed forms lose digits to cancellation; the series are exact to 1e-9 there.
        return self.logits.abs() < 0.1

    def _apart_from_zero(self) -> Tensor:
        # The unused branch of a `where` still carries gradients: keep it finite.
        return torch.where(self._is_small, torch.ones_like(self.logits), self.logits)

    def log_normaliser(self) -> Tensor:
        """Log of C in the density C p^x (1 - p)^(1 - x), shape of the logits: log(l / tanh(l / 2))."""
        apart = self._apart_from_zero()
        closed = (apart / torch.tanh(apart / 2)).log()
        series = math.log(2.0) + self.logits.square() / 12 - 7 * self.logits.pow(4) / 1440
        return torch.where(self._is_small, series, closed)

    @property
    def mean(self) -> Tensor:
        """Mean, in (0, 1), shape of the logits: 1 / (1 - exp(-l)) - 1 / l."""
        apart = self._apart_from_zero()
        closed = 0.5 + 0.5 / torch.tanh(apart / 2) - 1 / apart
        series = 0.5 + self.logits / 12 - self.logits.pow(3) / 720
        return torch.where(self._is_small, series, closed)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the logits."""
        return -F.binary_cross_entropy_with_logits(self.logits, value, reduction="none") + self.log_normaliser()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw by the inverse CDF, shape ``(*sample_shape, *batch)``."""
        shape = self._extended_shape(torch.Size(sample_shape))
        u = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        apart = self._apart_from_zero()
        # x = log(1 + u (e^l - 1)) / l, taken from the side on which the exponential does not overflow
        negative = -apart.abs()
        x = torch.log1p(u * torch.expm1(negative)) / negative
        x = torch.where(apart > 0, 1 - x, x)
        return torch.where(self._is_small, u, x).clamp(0, 1)


class Likelihood(nn.Module, ABC):
    """Turns a decoder's raw output into p(x|z)."""

    @abstractmethod
    def forward(self, raw: Tensor) -> Distribution:
        """Return p(x|z) with batch ``(B,)`` and event ``(C, H, W)`` from ``raw`` of shape ``(B, C, H, W)``."""

    @abstractmethod
    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """Return the raw output, any shape, whose distribution has ``mean``, in [0, 1]."""


class BernoulliLikelihood(Likelihood):
    """Independent Bernoulli pixels given logits. A likelihood of the data only if the pixels are 0 or 1."""

    def forward(self, raw: Tensor) -> Distribution:
        """Return Bernoulli(logits=raw), independent over pixels."""
        return Independent(Bernoulli(logits=raw, validate_args=False), IMAGE_DIMS, validate_args=False)

    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """Logit of the mean, kept within a thousandth of 0 and 1 (pixels that are always black have no logit)."""
        return torch.logit(mean, eps=1e-3)


class ContinuousBernoulliLikelihood(Likelihood):
    """Independent continuous Bernoulli pixels given logits: a density for grey values in [0, 1]."""

    def forward(self, raw: Tensor) -> Distribution:
        """Return ContinuousBernoulli(logits=raw), independent over pixels."""
        return Independent(ContinuousBernoulli(raw), IMAGE_DIMS, validate_args=False)

    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """Logits whose mean is ``mean`` (kept within a thousandth of 0 and 1), by bisection: it has no closed form."""
        target = mean.double().clamp(1e-3, 1 - 1e-3)
        low, high = torch.full_like(target, -1001.0), torch.full_like(target, 1001.0)
        for _ in range(60):
            middle = (low + high) / 2
            is_below = ContinuousBernoulli(middle).mean < target
            low, high = torch.where(is_below, middle, low), torch.where(is_below, high, middle)
        return ((low + high) / 2).to(mean.dtype)


class GaussianLikelihood(Likelihood):
    """Independent normal pixels around the raw output, with one fixed standard deviation.

    A sum of squared errors is this with sigma^2 = 1/2, up to a constant.
    """

    def __init__(self, sigma: float) -> None:
        """Fix the standard deviation, in pixel units of [0, 1]."""
        super().__init__()
        self.sigma = sigma

    def forward(self, raw: Tensor) -> Distribution:
        """Return N(raw, sigma^2), independent over pixels."""
        sigma = torch.full_like(raw, self.sigma)
        return Independent(Normal(raw, sigma, validate_args=False), IMAGE_DIMS, validate_args=False)

    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """The mean itself."""
        return mean


def build_likelihood(config: ModelConfig) -> Likelihood:
    """Return the likelihood that ``config`` names."""
    if config.likelihood == "bernoulli":
        return BernoulliLikelihood()
    if config.likelihood == "continuous-bernoulli":
        return ContinuousBernoulliLikelihood()
    return GaussianLikelihood(config.sigma)
