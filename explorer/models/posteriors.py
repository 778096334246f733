"""Posterior families q(z|x): from an encoder's raw output to a distribution, and the prior that goes with each.

Every family is reparameterised: ``rsample`` is a differentiable function of the parameters and of noise that does not
depend on them, by location and scale, by the inverse CDF, or by composing other samples. Raw output is unbounded, and
becomes scales and shapes by ``positive``. Batch ``(B,)``, event ``(L,)``.

A family's matching prior is of the same family at its standard parameters, so that the KL is finite, and that of a
dimension that carries nothing can reach zero (0.001 nats for an interval, which never quite fills (-1, 1)).
"""

import math
from abc import ABC, abstractmethod
from typing import Any, final

import torch
from torch import Tensor
from torch.distributions import (
    Beta,
    Dirichlet,
    Distribution,
    Exponential,
    Gamma,
    Gumbel,
    Independent,
    Kumaraswamy,
    Laplace,
    LogNormal,
    MultivariateNormal,
    Normal,
    StudentT,
    Weibull,
)
from torch.nn import functional as F

import explorer.models.divergences  # noqa: F401  # registers the KLs that torch does not have
from explorer.models.config import ModelConfig
from explorer.models.distributions import (
    ClosedUniform,
    DiagonalNormal,
    Logistic,
    Rayleigh,
    Triangular,
    standard_normal,
    uniform,
)

MIN_SCALE = 1e-4
"""Least scale: its logarithm and its inverse stay finite in float32."""

MIN_SHAPE = 0.2
"""Least shape of Weibull, Kumaraswamy, gamma, Dirichlet and beta: below it float32 samples underflow to the edge."""

RAW_OF_ONE = math.log(math.e - 1)


def positive(raw: Tensor, least: float = MIN_SCALE) -> Tensor:
    """Map raw numbers to positive ones, same shape: 1 + least at 0, and linear, not exponential, far above it."""
    return least + F.softplus(raw + RAW_OF_ONE)


class PosteriorFamily(ABC):
    """From an encoder's raw output to q(z|x), and the prior that goes with it."""

    def n_parameters(self, latent_dim: int) -> int:
        """Raw numbers that the family needs for codes of ``latent_dim`` dimensions."""
        return 2 * latent_dim

    @abstractmethod
    def posterior(self, raw: Tensor) -> Distribution:
        """Return q(z|x), batch ``(B,)``, event ``(L,)``, from ``raw``, shape ``(B, n_parameters)``."""

    @abstractmethod
    def prior(self, zeros: Tensor) -> Distribution:
        """Return the matching p(z), batch ``()``, event ``(L,)``, typed and placed like ``zeros``, shape ``(L,)``."""

    def normal_prior(self, mu: Tensor, log_var: Tensor) -> Distribution:
        """Return N(mu, exp log_var) in the form in which its KL to this family's posterior is best known."""
        return Independent(Normal(mu, (0.5 * log_var).exp(), validate_args=False), 1, validate_args=False)


class FactorisedFamily(PosteriorFamily):
    """A family whose dimensions are independent given x: two raw numbers for each."""

    def posterior(self, raw: Tensor) -> Distribution:
        """Return q(z|x), batch ``(B,)``, event ``(L,)``, from ``raw``, shape ``(B, n_parameters)``."""
        return _joined(self.factors(*raw.chunk(2, dim=-1)))

    def prior(self, zeros: Tensor) -> Distribution:
        """Return the matching p(z), batch ``()``, event ``(L,)``, typed and placed like ``zeros``, shape ``(L,)``."""
        return _joined(self.standard(zeros))

    @abstractmethod
    def factors(self, first: Tensor, second: Tensor) -> Distribution:
        """Return the dimensions' distributions, batch ``(B, L)``, from two raw numbers for each, ``(B, L)``."""

    @abstractmethod
    def standard(self, zeros: Tensor) -> Distribution:
        """Return the dimensions' priors, batch ``(L,)``."""


def _joined(factors: Distribution) -> Distribution:
    return Independent(factors, 1, validate_args=False)


# Location and scale: z = location + scale * noise


@final
class NormalFamily(PosteriorFamily):
    """N(mu, diag sigma^2) on the real numbers, z = mu + sigma * epsilon; prior N(0, I), KL closed.

    Source: Kingma & Welling (2014), section 3 and appendix B, https://arxiv.org/abs/1312.6114.
    """

    def posterior(self, raw: Tensor) -> DiagonalNormal:
        """Return the normal whose mean is the first half of ``raw`` and whose log-variance is the second."""
        mu, log_var = raw.chunk(2, dim=-1)
        return DiagonalNormal(mu, log_var)

    def prior(self, zeros: Tensor) -> DiagonalNormal:
        """N(0, I)."""
        return standard_normal(zeros)

    def normal_prior(self, mu: Tensor, log_var: Tensor) -> DiagonalNormal:
        """N(mu, exp log_var)."""
        return DiagonalNormal(mu, log_var)


@final
class FullNormalFamily(PosteriorFamily):
    """N(mu, C C^T) on the real vectors, z = mu + C epsilon with C lower triangular; prior N(0, I), KL closed.

    The density at a sample solves a triangular system, which amplifies rounding: in float32 by up to 5e-3 nats at 20
    dimensions and raw output within 1.5, and beyond use where raw output is several times as large. The KL is exact.

    Source: Kingma & Welling (2019), An Introduction to Variational Autoencoders, section 2.5.1,
    https://arxiv.org/abs/1906.02691.
    """

    def n_parameters(self, latent_dim: int) -> int:
        """L for the mean and L (L + 1) / 2 for the factor."""
        return latent_dim + latent_dim * (latent_dim + 1) // 2

    def posterior(self, raw: Tensor) -> MultivariateNormal:
        """Return the normal with the mean, the factor's diagonal and its rows below the diagonal, in this order."""
        n_dims = int((math.sqrt(9 + 8 * raw.shape[-1]) - 3) / 2)
        mu, diagonal, below = raw.tensor_split([n_dims, 2 * n_dims], dim=-1)
        factor = torch.diag_embed(positive(diagonal))
        row, column = torch.tril_indices(n_dims, n_dims, offset=-1, device=raw.device)
        factor[..., row, column] = below
        return MultivariateNormal(mu, scale_tril=factor, validate_args=False)

    def prior(self, zeros: Tensor) -> DiagonalNormal:
        """N(0, I)."""
        return standard_normal(zeros)

    def normal_prior(self, mu: Tensor, log_var: Tensor) -> DiagonalNormal:
        """N(mu, exp log_var)."""
        return DiagonalNormal(mu, log_var)


@final
class LaplaceFamily(FactorisedFamily):
    """Laplace(location, scale) on the real numbers; prior Laplace(0, 1), KL closed, and closed to N(0, 1) too.

    Source: torch.distributions; Gil, Alajaji & Linder (2013), table 3.
    """

    def factors(self, first: Tensor, second: Tensor) -> Laplace:
        """Laplace with location ``first`` and scale ``positive(second)``."""
        return Laplace(first, positive(second), validate_args=False)

    def standard(self, zeros: Tensor) -> Laplace:
        """Laplace(0, 1)."""
        return Laplace(zeros, zeros + 1, validate_args=False)


@final
class LogisticFamily(FactorisedFamily):
    """Logistic(location, scale) on the real numbers, z = location + scale logit(u); prior Logistic(0, 1), KL sampled.

    Source: Johnson, Kotz & Balakrishnan (1995), Continuous Univariate Distributions, volume 2, chapter 23.
    """

    def factors(self, first: Tensor, second: Tensor) -> Logistic:
        """Logistic with location ``first`` and scale ``positive(second)``."""
        return Logistic(first, positive(second))

    def standard(self, zeros: Tensor) -> Logistic:
        """Logistic(0, 1)."""
        return Logistic(zeros, zeros + 1)


@final
class StudentTFamily(FactorisedFamily):
    """Student's t with fixed degrees of freedom nu on the real numbers; prior the same at (0, 1), KL sampled.

    Its KL to N(0, 1) is infinite for nu <= 2, where z^2 has no mean.

    Source: torch.distributions, as normal / sqrt(chi^2 / nu), the chi^2 by implicit gradients.
    """

    def __init__(self, degrees_of_freedom: float) -> None:
        """Fix nu."""
        self.degrees_of_freedom = degrees_of_freedom

    def factors(self, first: Tensor, second: Tensor) -> StudentT:
        """T with location ``first`` and scale ``positive(second)``."""
        degrees = torch.full_like(first, self.degrees_of_freedom)
        return StudentT(degrees, first, positive(second), validate_args=False)

    def standard(self, zeros: Tensor) -> StudentT:
        """T at location 0 and scale 1."""
        return StudentT(zeros + self.degrees_of_freedom, zeros, zeros + 1, validate_args=False)


@final
class UniformFamily(FactorisedFamily):
    """Uniform on an interval within (-1, 1); prior uniform on (-1, 1), KL = -log of half the interval's length.

    An interval is a part of the prior's support, so importance weights miss the rest: their bound converges to
    log p(x) + log P(z in the interval given x), not to log p(x).
    """

    def factors(self, first: Tensor, second: Tensor) -> ClosedUniform:
        """Uniform on an interval that ``_interval`` finds."""
        centre, half_width = _interval(first, second)
        return ClosedUniform(centre - half_width, centre + half_width, validate_args=False)

    def standard(self, zeros: Tensor) -> ClosedUniform:
        """Uniform on (-1, 1)."""
        return ClosedUniform(zeros - 1, zeros + 1, validate_args=False)


@final
class TriangularFamily(FactorisedFamily):
    """Symmetric triangular on an interval within (-1, 1); prior triangular on (-1, 1), KL sampled.

    What is said of the uniform family's importance weights holds here too; and as the density falls to 0 at the ends
    of the interval their variance is infinite, so the standard error of such a bound means nothing.
    """

    def factors(self, first: Tensor, second: Tensor) -> Triangular:
        """Triangular on an interval that ``_interval`` finds."""
        return Triangular(*_interval(first, second))

    def standard(self, zeros: Tensor) -> Triangular:
        """Triangular on (-1, 1)."""
        return Triangular(zeros, zeros + 1)


def _interval(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Map raw numbers to centre and half width of an interval that lies within (-1, 1) by a thousandth of its gap."""
    half_width = 1e-3 + 0.998 * torch.sigmoid(second)
    return 0.999 * (1 - half_width) * torch.tanh(first), half_width


# Inverse CDF: z = F^-1(u) with u uniform


class _PositiveSamples(Distribution):
    """Keeps samples on the open half line: float32 rounds the least of them to 0, where a density may be infinite."""

    def rsample(self, sample_shape: Any = (), **options: Any) -> Tensor:
        """Draw, shape ``(*sample_shape, *batch)``; ``options`` are those of torch's own family."""
        z: Tensor = super().rsample(sample_shape, **options)
        return z.clamp(min=torch.finfo(z.dtype).tiny)


class _UnitSamples(Distribution):
    """Keeps samples inside (0, 1): float32 rounds the outermost of them to 0 or 1, where a density may be infinite."""

    def rsample(self, sample_shape: Any = (), **options: Any) -> Tensor:
        """Draw, shape ``(*sample_shape, *batch)``; ``options`` are those of torch's own family."""
        z: Tensor = super().rsample(sample_shape, **options)
        limits = torch.finfo(z.dtype)
        return z.clamp(min=limits.tiny, max=1 - limits.eps)


class _Weibull(_PositiveSamples, Weibull):
    """torch's, whose density far from its mass is 0 and not undefined: there torch subtracts infinities."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the batch: log k - log scale + (k - 1) r - exp(k r), r = log(z / scale)."""
        log_ratio = value.log() - self.scale.log()
        shape = self.concentration
        return shape.log() - self.scale.log() + (shape - 1) * log_ratio - (shape * log_ratio).exp()


class _Kumaraswamy(Kumaraswamy):
    """torch's, in log space: it forms 1 - u^(1/b) and 1 - z^a, which float32 rounds to 0 and 1."""

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw by the inverse CDF, shape ``(*sample_shape, *batch)``."""
        a, b = self.concentration1, self.concentration0
        log_u = uniform(b, self._extended_shape(torch.Size(sample_shape))).log()
        limits = torch.finfo(b.dtype)
        return (_log1mexp(log_u / b) / a).exp().clamp(min=limits.tiny, max=1 - limits.eps)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the batch: log(a b) + (a - 1) log z + (b - 1) log(1 - z^a)."""
        a, b = self.concentration1, self.concentration0
        log_value = value.log()
        return a.log() + b.log() + (a - 1) * log_value + (b - 1) * _log1mexp(a * log_value)


def _log1mexp(log_x: Tensor) -> Tensor:
    """Return log(1 - x) from log x < 0."""
    return torch.log(-torch.expm1(log_x))


class _LogNormal(LogNormal):
    """torch's, kept among the numbers that have a logarithm: float32 overflows once that is above 88."""

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw, shape ``(*sample_shape, *batch)``."""
        log_z: Tensor = self.base_dist.rsample(torch.Size(sample_shape))
        limits = torch.finfo(log_z.dtype)
        # Before the exponential: a clamp behind it would multiply its infinite derivative by zero.
        return log_z.clamp(0.99 * math.log(limits.tiny), 0.99 * math.log(limits.max)).exp()


class _Gumbel(Gumbel):
    """torch's, whose density saturates before exp(-z) leaves the range of its numbers: below z = -79 in float32."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, shape of the batch: y - exp(y) - log scale with y = (loc - value) / scale."""
        y = (self.loc - value) / self.scale
        highest = 0.9 * math.log(torch.finfo(y.dtype).max)
        return y - y.clamp(max=highest).exp() - self.scale.log()


class _Gamma(_PositiveSamples, Gamma):  # type: ignore[misc]  # the two name the shape differently
    pass


class _Beta(_UnitSamples, Beta):
    pass


class _Dirichlet(_PositiveSamples, Dirichlet):
    pass


@final
class ExponentialFamily(FactorisedFamily):
    """Exponential with a mean of its own on the positive numbers, z = -mean log u; prior mean 1, KL closed.

    Source: torch.distributions; Gil, Alajaji & Linder (2013), table 3.
    """

    def n_parameters(self, latent_dim: int) -> int:
        """One number for each dimension."""
        return latent_dim

    def posterior(self, raw: Tensor) -> Distribution:
        """Return the exponential of mean ``positive(raw)``."""
        return _joined(self.factors(raw, raw))

    def factors(self, first: Tensor, second: Tensor) -> Exponential:
        """Exponential of mean ``positive(first)``; it has no second parameter."""
        return Exponential(1 / positive(first), validate_args=False)

    def standard(self, zeros: Tensor) -> Exponential:
        """Exponential of mean 1."""
        return Exponential(zeros + 1, validate_args=False)


@final
class WeibullFamily(FactorisedFamily):
    """Weibull(scale, shape k) on the positive numbers, z = scale (-log u)^(1/k); prior Weibull(1, 1), KL closed.

    Source: Bauckhage (2013), https://arxiv.org/abs/1310.3713.
    """

    def factors(self, first: Tensor, second: Tensor) -> Weibull:
        """Weibull with scale ``positive(first)`` and shape ``positive(second)``."""
        return _Weibull(positive(first), positive(second, MIN_SHAPE), validate_args=False)

    def standard(self, zeros: Tensor) -> Weibull:
        """Weibull(1, 1), the exponential of mean 1."""
        return _Weibull(zeros + 1, zeros + 1, validate_args=False)


@final
class GumbelFamily(FactorisedFamily):
    """Gumbel(location, scale) on the real numbers, z = location - scale log(-log u); prior Gumbel(0, 1), KL closed.

    Source: torch.distributions; Gil, Alajaji & Linder (2013), table 3.
    """

    def factors(self, first: Tensor, second: Tensor) -> _Gumbel:
        """Gumbel with location ``first`` and scale ``positive(second)``."""
        return _Gumbel(first, positive(second), validate_args=False)

    def standard(self, zeros: Tensor) -> _Gumbel:
        """Gumbel(0, 1)."""
        return _Gumbel(zeros, zeros + 1, validate_args=False)


@final
class RayleighFamily(FactorisedFamily):
    """Rayleigh(scale) on the positive numbers, z = scale sqrt(-2 log u); prior Rayleigh(1), KL closed.

    Source: Gil, Alajaji & Linder (2013), table 3.
    """

    def n_parameters(self, latent_dim: int) -> int:
        """One number for each dimension."""
        return latent_dim

    def posterior(self, raw: Tensor) -> Distribution:
        """Return the Rayleigh of scale ``positive(raw)``."""
        return _joined(self.factors(raw, raw))

    def factors(self, first: Tensor, second: Tensor) -> Rayleigh:
        """Rayleigh of scale ``positive(first)``; it has no second parameter."""
        return Rayleigh(positive(first))

    def standard(self, zeros: Tensor) -> Rayleigh:
        """Rayleigh(1)."""
        return Rayleigh(zeros + 1)


@final
class KumaraswamyFamily(FactorisedFamily):
    """Kumaraswamy(a, b) on (0, 1), z = (1 - (1 - u)^(1/b))^(1/a); prior uniform = Kumaraswamy(1, 1), KL closed.

    Source: Nalisnick & Smyth (2017), Stick-Breaking Variational Autoencoders, https://arxiv.org/abs/1605.06197.
    """

    def factors(self, first: Tensor, second: Tensor) -> Kumaraswamy:
        """Kumaraswamy with shapes ``positive(first)`` and ``positive(second)``."""
        return _Kumaraswamy(positive(first, MIN_SHAPE), positive(second, MIN_SHAPE), validate_args=False)

    def standard(self, zeros: Tensor) -> ClosedUniform:
        """Uniform on (0, 1)."""
        return ClosedUniform(zeros, zeros + 1, validate_args=False)


# Composition: z is made of samples that are themselves reparameterised


@final
class LogNormalFamily(FactorisedFamily):
    """Exponential of a normal, on the positive numbers; prior the exponential of N(0, 1), KL that of the normals.

    Source: torch.distributions; a KL does not change under a map that both share.
    """

    def factors(self, first: Tensor, second: Tensor) -> LogNormal:
        """Log-normal whose logarithm has mean ``first`` and deviation ``positive(second)``."""
        return _LogNormal(first, positive(second), validate_args=False)

    def standard(self, zeros: Tensor) -> LogNormal:
        """Log-normal whose logarithm is N(0, 1)."""
        return _LogNormal(zeros, zeros + 1, validate_args=False)


@final
class GammaFamily(FactorisedFamily):
    """Gamma(shape, rate) on the positive numbers; prior Gamma(1, 1), KL closed.

    A sum of exponentials only for whole shapes; for others the gradient is implicit, through the CDF.

    Source: Figurnov, Mohamed & Mnih (2018), Implicit Reparameterization Gradients, https://arxiv.org/abs/1805.08498.
    """

    def factors(self, first: Tensor, second: Tensor) -> Gamma:
        """Gamma with shape ``positive(first)`` and rate ``positive(second)``."""
        return _Gamma(positive(first, MIN_SHAPE), positive(second), validate_args=False)

    def standard(self, zeros: Tensor) -> Gamma:
        """Gamma(1, 1), the exponential of mean 1."""
        return _Gamma(zeros + 1, zeros + 1, validate_args=False)


@final
class BetaFamily(FactorisedFamily):
    """Beta(a, b) on (0, 1), a share of two gammas; prior Beta(1, 1), the uniform, KL closed.

    Source: torch.distributions; gradients as of Figurnov, Mohamed & Mnih (2018), https://arxiv.org/abs/1805.08498.
    """

    def factors(self, first: Tensor, second: Tensor) -> Beta:
        """Beta with shapes ``positive(first)`` and ``positive(second)``."""
        return _Beta(positive(first, MIN_SHAPE), positive(second, MIN_SHAPE), validate_args=False)

    def standard(self, zeros: Tensor) -> Beta:
        """Beta(1, 1)."""
        return _Beta(zeros + 1, zeros + 1, validate_args=False)


@final
class DirichletFamily(PosteriorFamily):
    """Dirichlet on the positive vectors that sum to 1: gammas, normalised; prior Dirichlet(1, …, 1), KL closed.

    Source: torch.distributions; gradients as of Figurnov, Mohamed & Mnih (2018), https://arxiv.org/abs/1805.08498.
    """

    def n_parameters(self, latent_dim: int) -> int:
        """One number for each dimension."""
        return latent_dim

    def posterior(self, raw: Tensor) -> Dirichlet:
        """Return the Dirichlet with concentrations ``positive(raw)``."""
        return _Dirichlet(positive(raw, MIN_SHAPE), validate_args=False)

    def prior(self, zeros: Tensor) -> Dirichlet:
        """Uniform on the simplex."""
        return _Dirichlet(zeros + 1, validate_args=False)


FAMILIES: dict[str, type[PosteriorFamily]] = {
    "normal": NormalFamily,
    "normal-full": FullNormalFamily,
    "laplace": LaplaceFamily,
    "logistic": LogisticFamily,
    "uniform": UniformFamily,
    "triangular": TriangularFamily,
    "exponential": ExponentialFamily,
    "weibull": WeibullFamily,
    "gumbel": GumbelFamily,
    "rayleigh": RayleighFamily,
    "kumaraswamy": KumaraswamyFamily,
    "log-normal": LogNormalFamily,
    "gamma": GammaFamily,
    "dirichlet": DirichletFamily,
    "beta": BetaFamily,
}


def build_posterior_family(config: ModelConfig) -> PosteriorFamily:
    """Return the posterior family that ``config`` names."""
    if config.posterior == "student-t":
        return StudentTFamily(config.degrees_of_freedom)
    return FAMILIES[config.posterior]()
