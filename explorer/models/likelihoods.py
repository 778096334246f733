"""From a decoder's output to p(x|z).

A likelihood is a module, since it may own parameters. It turns the raw output ``(B, K C, H, W)`` of a decoder, K
numbers for each pixel, into a distribution over images with batch ``(B,)`` and event ``(C, H, W)``, and knows which raw
output has a given mean.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, LowRankMultivariateNormal, Normal, constraints
from torch.nn import functional as F

from explorer.models.config import ModelConfig

IMAGE_DIMS = 3

FINEST_LOG_VAR = -2 * math.log(255)
"""Log-variance below which a learned deviation does not go, one grey level.

Without a floor the density of pixels that are always black, and with it the bound, would grow without limit.
"""

WIDEST_LOG_VAR = 10.0
"""Log-variance above which a learned deviation does not go: 148 times the range of a pixel, and far from overflow."""


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
        target = value.expand_as(self.logits)
        return -F.binary_cross_entropy_with_logits(self.logits, target, reduction="none") + self.log_normaliser()

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


class LowRankNormal(Distribution):
    """Normal over images whose covariance is W W^T plus a diagonal: pixels that vary together.

    Batch ``(B,)``, event ``(C, H, W)``. Its cost grows with the rank, not with the square of the number of pixels.

    Source: Dorta et al. (2018), Structured Uncertainty Prediction Networks, https://arxiv.org/abs/1802.07079 (a dense
    covariance over pixels); the density by the matrix determinant lemma, as torch.distributions computes it.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, mean: Tensor, sigma: Tensor, factor: Tensor) -> None:
        """Take mean and root of the diagonal, each ``(B, C, H, W)``, and W, ``(B, C, H, W, R)``."""
        self._shape, self._dtype = mean.shape[-IMAGE_DIMS:], mean.dtype
        # In float64: what rank and diagonal explain cancels. In float32 the density is 0.3 nats off where a column is
        # 20 deviations and 4 nats at 50, and parallel columns of 200 have no Cholesky factor. 1.7 times as long.
        self._flat = LowRankMultivariateNormal(
            mean.flatten(-IMAGE_DIMS).double(),
            factor.flatten(-IMAGE_DIMS - 1, -2).double(),
            sigma.flatten(-IMAGE_DIMS).double().square(),
            validate_args=False,
        )
        super().__init__(mean.shape[:-IMAGE_DIMS], self._shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Mean image, shape ``(B, C, H, W)``."""
        return self._as_images(self._flat.mean)

    @property
    def variance(self) -> Tensor:
        """Variance of each pixel, shape ``(B, C, H, W)``."""
        return self._as_images(self._flat.variance)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape ``(B,)``, of images ``(B, C, H, W)``."""
        flat = value.flatten(-IMAGE_DIMS).double()
        log_prob: Tensor = self._flat.log_prob(flat)  # type: ignore[no-untyped-call]  # torch's is untyped
        return log_prob.to(self._dtype)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw images, shape ``(*sample_shape, B, C, H, W)``."""
        return self._as_images(self._flat.rsample(torch.Size(sample_shape)))

    def _as_images(self, flat: Tensor) -> Tensor:
        return flat.reshape(*flat.shape[:-1], *self._shape).to(self._dtype)


class Likelihood(nn.Module, ABC):
    """Turns a decoder's raw output into p(x|z)."""

    def __init__(self, n_heads: int = 1) -> None:
        """Ask for ``n_heads`` raw numbers for each pixel: the K of this module's shapes."""
        super().__init__()
        self.n_heads = n_heads

    @abstractmethod
    def forward(self, raw: Tensor) -> Distribution:
        """Return p(x|z) with batch ``(B,)`` and event ``(C, H, W)`` from ``raw`` of shape ``(B, K C, H, W)``."""

    @abstractmethod
    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """Return the raw output ``(K C, H, W)`` whose distribution has ``mean``, ``(C, H, W)``, in [0, 1]."""


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
    """Independent normal pixels around the raw output, with one standard deviation for all of them.

    A sum of squared errors is this with sigma^2 = 1/2, up to a constant. Learned, sigma^2 becomes the mean squared
    error of the reconstructions, and the balance of the two terms of the bound is no longer a person's choice.

    Source: Lucas et al. (2019), Don't Blame the ELBO!, section 5, https://arxiv.org/abs/1911.02469; Rybkin et al.
    (2021), Simple and Effective VAE Training with Calibrated Decoders, https://arxiv.org/abs/2006.13202.
    """

    def __init__(self, sigma: float, *, is_learned: bool = False) -> None:
        """Fix the standard deviation, in pixel units of [0, 1], or start learning from it."""
        super().__init__()
        self._fixed_sigma = sigma
        self.raw_log_var: nn.Parameter | None = None
        if is_learned:
            self.raw_log_var = nn.Parameter(_raw_of_log_var(torch.tensor(2 * math.log(sigma))))

    @property
    def sigma(self) -> float:
        """The standard deviation as it is now."""
        return self._fixed_sigma if self.raw_log_var is None else _sigma(self.raw_log_var).item()

    def forward(self, raw: Tensor) -> Distribution:
        """Return N(raw, sigma^2), independent over pixels."""
        if self.raw_log_var is None:
            return _independent_normal(raw, torch.full_like(raw, self._fixed_sigma))
        return _independent_normal(raw, _sigma(self.raw_log_var).expand_as(raw))

    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """The mean itself."""
        return mean


class DiagonalGaussianLikelihood(Likelihood):
    """Independent normal pixels, each with a mean and a variance from the decoder: K = 2.

    Source: Kingma & Welling (2014), appendix C.2, https://arxiv.org/abs/1312.6114.
    """

    def __init__(self, sigma: float) -> None:
        """Start at the standard deviation ``sigma``, in pixel units of [0, 1]."""
        super().__init__(n_heads=2)
        self.sigma = sigma

    def forward(self, raw: Tensor) -> Distribution:
        """Return N(mean, variance), independent over pixels; the first half of the channels of ``raw`` is the mean."""
        mean, raw_log_var = raw.chunk(2, dim=-IMAGE_DIMS)
        return _independent_normal(mean, _sigma(raw_log_var))

    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """The mean, and the raw log-variance at which training starts."""
        log_var = _raw_of_log_var(torch.full_like(mean, 2 * math.log(self.sigma)))
        return torch.cat([mean, log_var], dim=-IMAGE_DIMS)


class LowRankGaussianLikelihood(Likelihood):
    """Normal pixels that vary together, K = 2 + R: a covariance of rank R plus a diagonal, from the decoder.

    The covariance is S (I + V V^T) S with S the deviations on the diagonal: S V keeps the R x R matrix that is inverted
    well conditioned however fine the deviations become.
    """

    def __init__(self, sigma: float, rank: int) -> None:
        """Start at the standard deviation ``sigma``, in pixel units of [0, 1]; ``rank`` is R."""
        super().__init__(n_heads=2 + rank)
        self.sigma, self.rank = sigma, rank

    def forward(self, raw: Tensor) -> Distribution:
        """Return N(mean, S (I + V V^T) S); the channels of ``raw`` are mean, log-variance and the R columns of V."""
        mean, raw_log_var, *columns = raw.chunk(self.n_heads, dim=-IMAGE_DIMS)
        sigma = _sigma(raw_log_var)
        return LowRankNormal(mean, sigma, sigma[..., None] * torch.stack(columns, dim=-1))

    def raw_of_mean(self, mean: Tensor) -> Tensor:
        """The mean, the raw log-variance at which training starts, and no covariance between pixels."""
        log_var = _raw_of_log_var(torch.full_like(mean, 2 * math.log(self.sigma)))
        return torch.cat([mean, log_var, *[torch.zeros_like(mean)] * self.rank], dim=-IMAGE_DIMS)


BUILDERS: dict[str, Callable[[ModelConfig], Likelihood]] = {
    "bernoulli": lambda _: BernoulliLikelihood(),
    "continuous-bernoulli": lambda _: ContinuousBernoulliLikelihood(),
    "gaussian": lambda config: GaussianLikelihood(config.sigma),
    "gaussian-learned": lambda config: GaussianLikelihood(config.sigma, is_learned=True),
    "gaussian-diagonal": lambda config: DiagonalGaussianLikelihood(config.sigma),
    "gaussian-low-rank": lambda config: LowRankGaussianLikelihood(config.sigma, config.rank),
}


def build_likelihood(config: ModelConfig) -> Likelihood:
    """Return the likelihood that ``config`` names."""
    return BUILDERS[config.likelihood](config)


def _independent_normal(mean: Tensor, sigma: Tensor) -> Distribution:
    """Normal pixels with batch ``(B,)`` and event ``(C, H, W)``."""
    return Independent(Normal(mean, sigma, validate_args=False), IMAGE_DIMS, validate_args=False)


def _sigma(raw: Tensor) -> Tensor:
    """Standard deviation of log-variance between ``FINEST_LOG_VAR`` and ``WIDEST_LOG_VAR``; smooth at both ends."""
    floored = FINEST_LOG_VAR + F.softplus(raw - FINEST_LOG_VAR)
    return (0.5 * (WIDEST_LOG_VAR - F.softplus(WIDEST_LOG_VAR - floored))).exp()


def _raw_of_log_var(log_var: Tensor) -> Tensor:
    """Return the raw number that stands for ``log_var``, kept a hundredth above the floor."""
    floored = WIDEST_LOG_VAR - _inverse_softplus(WIDEST_LOG_VAR - log_var)
    return FINEST_LOG_VAR + _inverse_softplus((floored - FINEST_LOG_VAR).clamp(min=0.01))


def _inverse_softplus(value: Tensor) -> Tensor:
    return value + torch.log(-torch.expm1(-value))
