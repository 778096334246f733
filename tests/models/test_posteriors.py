"""Every posterior family against scipy, whose parameters are written out here again, and against quadrature."""

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from torch import Tensor
from torch.distributions import Distribution

from explorer.models.build import build_model
from explorer.models.config import POSTERIORS, PosteriorName
from explorer.models.divergences import kl, kl_per_dimension
from explorer.models.posteriors import PosteriorFamily, build_posterior_family
from explorer.objectives.importance import estimate_evidence
from tests.support import STANDARD_PRIORS as PRIORS
from tests.support import model_config

NU = 5.0  # of STANDARD_PRIORS too
N_DIMS = 2
FACTORISED = [name for name, facts in POSTERIORS.items() if facts.factorises]
REAL = [name for name in FACTORISED if POSTERIORS[name].is_real]
SAMPLED = {"logistic", "student-t", "triangular"}
SAMPLED_TO_A_NORMAL = {"logistic", "student-t"}


class Kumaraswamy(stats.rv_continuous):
    """What scipy lacks: distribution function 1 - (1 - x^a)^b."""

    def _cdf(self, x, a, b):
        return -np.expm1(b * np.log1p(-(x**a)))

    def _ppf(self, u, a, b):
        return (-np.expm1(np.log1p(-u) / b)) ** (1 / a)

    def _isf(self, u, a, b):
        return (-np.expm1(np.log(u) / b)) ** (1 / a)

    def _logpdf(self, x, a, b):
        return np.log(a * b) + (a - 1) * np.log(x) + (b - 1) * np.log(-np.expm1(a * np.log(x)))

    def _munp(self, n, a, b):
        return b * special.beta(1 + n / a, b)


kumaraswamy = Kumaraswamy(a=0, b=1, name="kumaraswamy")


def positive(raw: Any, least: float = 1e-4) -> Any:
    return least + np.log1p(np.exp(raw) * (math.e - 1))


def interval(first: Any, second: Any) -> tuple[Any, Any]:
    """Lower end and width."""
    half_width = 1e-3 + 0.998 * special.expit(second)
    return 0.999 * (1 - half_width) * np.tanh(first) - half_width, 2 * half_width


REFERENCES: dict[str, Callable[..., Any]] = {
    "normal": lambda a, b: stats.norm(a, np.exp(b / 2)),
    "laplace": lambda a, b: stats.laplace(a, positive(b)),
    "logistic": lambda a, b: stats.logistic(a, positive(b)),
    "student-t": lambda a, b: stats.t(NU, a, positive(b)),
    "uniform": lambda a, b: stats.uniform(*interval(a, b)),
    "triangular": lambda a, b: stats.triang(0.5, *interval(a, b)),
    "exponential": lambda a: stats.expon(scale=positive(a)),
    "weibull": lambda a, b: stats.weibull_min(positive(b, 0.2), scale=positive(a)),
    "gumbel": lambda a, b: stats.gumbel_r(a, positive(b)),
    "rayleigh": lambda a: stats.rayleigh(scale=positive(a)),
    "kumaraswamy": lambda a, b: kumaraswamy(positive(a, 0.2), positive(b, 0.2)),
    "log-normal": lambda a, b: stats.lognorm(positive(b), scale=np.exp(a)),
    "gamma": lambda a, b: stats.gamma(positive(a, 0.2), scale=1 / positive(b)),
    "beta": lambda a, b: stats.beta(positive(a, 0.2), positive(b, 0.2)),
}


def family_of(name: str, n_dims: int = N_DIMS) -> PosteriorFamily:
    return build_posterior_family(model_config(posterior=name, latent_dim=n_dims, degrees_of_freedom=NU))


def raw_rows(name: str, n_dims: int = N_DIMS, n: int = 5) -> Tensor:
    """Raw output of an encoder between -1.5 and 1.5."""
    generator = torch.Generator().manual_seed(1)
    shape = (n, family_of(name).n_parameters(n_dims))
    return 3 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1.5


def posterior_of(name: str, n_dims: int = N_DIMS) -> Distribution:
    return family_of(name).posterior(raw_rows(name, n_dims))


def prior_of(name: str, n_dims: int = N_DIMS) -> Distribution:
    return family_of(name).prior(torch.zeros(n_dims, dtype=torch.float64))


def reference(name: str, raw: Tensor) -> Any:
    """scipy's distributions of the dimensions, shape ``(B, L)``."""
    return REFERENCES[name](*np.split(raw.numpy(), raw.shape[-1] // N_DIMS, axis=-1))


def drawn(q: Distribution, n: int) -> Tensor:
    torch.manual_seed(0)
    return q.rsample((n,)).detach()


def expectation(function: Callable[[Any], Any], q: Any) -> Any:
    """E_q[function] by the trapezoid rule over the logit of the quantile, where every integrand here decays."""
    logit, step = np.linspace(-36, 36, 20_001, retstep=True)
    logit = logit[:, None, None]
    z = np.where(logit < 0, q.ppf(special.expit(logit)), q.isf(special.expit(-logit)))
    if q.support()[1].max() == 1 and q.support()[0].min() == 0:
        z = z.clip(1e-300, 1 - 1e-16)
    return integrate.trapezoid(function(z) * special.expit(logit) * special.expit(-logit), dx=step, axis=0)


def kl_by_quadrature(q: Any, p: Any) -> Tensor:
    return torch.from_numpy(expectation(lambda z: q.logpdf(z) - p.logpdf(z), q))


def assert_is_mean(samples: Tensor, expected: Tensor, rounding: float = 1e-12) -> None:
    """Within four standard errors of the mean over the first axis."""
    error = samples.std(0) / len(samples) ** 0.5
    assert ((samples.mean(0) - expected).abs() <= 4 * error + rounding).all()


def assert_follow(uniform: np.ndarray) -> None:
    """Columns of quantiles are uniform by the Kolmogorov-Smirnov test."""
    for column in uniform.reshape(len(uniform), -1).T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


def cholesky_factor(raw: Tensor, n_dims: int) -> np.ndarray:
    factor = np.zeros((len(raw), n_dims, n_dims))
    diagonal, below = raw.numpy()[:, n_dims : 2 * n_dims], raw.numpy()[:, 2 * n_dims :]
    for row in range(n_dims):
        factor[:, row, row] = positive(diagonal[:, row])
        factor[:, row, :row] = below[:, row * (row - 1) // 2 : row * (row + 1) // 2]
    return factor


def test_every_family_is_tested_here():
    assert list(POSTERIORS) == list(get_args(PosteriorName))
    assert set(REFERENCES) == set(PRIORS) == set(FACTORISED) == set(POSTERIORS) - {"normal-full", "dirichlet"}


@pytest.mark.parametrize("name", FACTORISED)
def test_samples_follow_the_distribution_that_scipy_has(name):
    assert_follow(reference(name, raw_rows(name)).cdf(drawn(posterior_of(name), 4000).numpy()))


def test_whitened_samples_of_a_full_normal_are_standard_normal():
    raw = raw_rows("normal-full", 3)
    z = drawn(posterior_of("normal-full", 3), 4000).numpy()
    noise = np.linalg.solve(cholesky_factor(raw, 3), (z - raw.numpy()[:, :3])[..., None])[..., 0]
    assert_follow(stats.norm.cdf(noise))
    products = torch.from_numpy(noise[..., :, None] * noise[..., None, :])
    assert_is_mean(products, torch.eye(3, dtype=torch.float64))


def test_samples_of_a_dirichlet_sum_to_one_and_have_beta_marginals():
    alpha = positive(raw_rows("dirichlet", 4).numpy(), 0.2)
    z = drawn(posterior_of("dirichlet", 4), 4000).numpy()
    np.testing.assert_allclose(z.sum(-1), 1, rtol=0, atol=1e-12)
    assert_follow(stats.beta(alpha, alpha.sum(-1, keepdims=True) - alpha).cdf(z))


@pytest.mark.parametrize("name", FACTORISED)
def test_log_prob_is_that_of_scipy_summed_over_dimensions(name):
    z = drawn(posterior_of(name), 200)
    expected = reference(name, raw_rows(name)).logpdf(z.numpy()).sum(-1)
    torch.testing.assert_close(posterior_of(name).log_prob(z), torch.from_numpy(expected), atol=1e-9, rtol=1e-9)
    of_prior = torch.from_numpy(PRIORS[name].logpdf(z.numpy()).sum(-1))
    torch.testing.assert_close(prior_of(name).log_prob(z), of_prior, atol=1e-9, rtol=1e-9)


def test_log_prob_of_a_full_normal_is_that_of_scipy():
    raw, z = raw_rows("normal-full", 3), drawn(posterior_of("normal-full", 3), 50)
    factor, log_prob = cholesky_factor(raw, 3), posterior_of("normal-full", 3).log_prob(z)
    for row in range(len(raw)):
        expected = stats.multivariate_normal(raw[row, :3].numpy(), factor[row] @ factor[row].T).logpdf(z[:, row])
        np.testing.assert_allclose(log_prob[:, row], expected, rtol=1e-9, atol=1e-9)


def test_log_prob_of_a_dirichlet_is_that_of_scipy_and_its_prior_is_flat():
    alpha, z = positive(raw_rows("dirichlet", 4).numpy(), 0.2), drawn(posterior_of("dirichlet", 4), 50)
    log_prob = posterior_of("dirichlet", 4).log_prob(z)
    for row in range(len(alpha)):
        expected = [stats.dirichlet(alpha[row]).logpdf(point / point.sum()) for point in z[:, row].numpy()]
        np.testing.assert_allclose(log_prob[:, row], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(prior_of("dirichlet", 4).log_prob(z), math.log(math.factorial(3)), atol=1e-12)


@pytest.mark.parametrize("name", FACTORISED)
def test_mean_and_variance_are_those_of_scipy(name):
    q, expected = posterior_of(name), reference(name, raw_rows(name))
    np.testing.assert_allclose(q.mean, expected.mean(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(q.variance, expected.var(), rtol=1e-8, atol=1e-12)


def test_mean_and_variance_of_the_families_that_do_not_factorise_are_known():
    raw, q = raw_rows("normal-full", 3), posterior_of("normal-full", 3)
    np.testing.assert_allclose(q.mean, raw[:, :3], atol=0)
    np.testing.assert_allclose(q.variance, np.square(cholesky_factor(raw, 3)).sum(-1), rtol=1e-12)
    alpha, q = positive(raw_rows("dirichlet", 4).numpy(), 0.2), posterior_of("dirichlet", 4)
    np.testing.assert_allclose(q.mean, [stats.dirichlet(row).mean() for row in alpha], rtol=1e-12)
    np.testing.assert_allclose(q.variance, [stats.dirichlet(row).var() for row in alpha], rtol=1e-12)


def has_closed_kl(q: Distribution, p: Distribution) -> bool:
    try:
        kl(q, p)
    except NotImplementedError:
        return False
    return True


def test_three_families_have_no_closed_kl_to_their_prior():
    assert {name for name in POSTERIORS if not has_closed_kl(posterior_of(name), prior_of(name))} == SAMPLED


def normal_prior(name: str, mu: float = 0.0, log_var: float = 0.0) -> Distribution:
    zeros = torch.zeros(N_DIMS, dtype=torch.float64)
    return family_of(name).normal_prior(zeros + mu, zeros + log_var)


def test_two_families_have_no_closed_kl_to_a_normal():
    real = [name for name, facts in POSTERIORS.items() if facts.is_real]
    assert {name for name in real if not has_closed_kl(posterior_of(name), normal_prior(name))} == SAMPLED_TO_A_NORMAL


@pytest.mark.parametrize("name", [name for name in FACTORISED if name not in SAMPLED])
def test_the_closed_kl_is_that_by_quadrature(name):
    q, p = posterior_of(name), prior_of(name)
    expected = kl_by_quadrature(reference(name, raw_rows(name)), PRIORS[name])
    torch.testing.assert_close(kl_per_dimension(q, p), expected, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(kl(q, p), expected.sum(-1), atol=2e-6, rtol=1e-6)


@pytest.mark.parametrize(("mu", "log_var"), [(0.0, 0.0), (0.8, -1.1)])
@pytest.mark.parametrize("name", [name for name in REAL if name not in SAMPLED_TO_A_NORMAL])
def test_the_closed_kl_to_a_normal_is_that_by_quadrature(name, mu, log_var):
    expected = kl_by_quadrature(reference(name, raw_rows(name)), stats.norm(mu, math.exp(log_var / 2)))
    ours = kl_per_dimension(posterior_of(name), normal_prior(name, mu, log_var))
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-6)


def test_the_kl_of_a_full_normal_is_that_of_the_dense_formula():
    raw = raw_rows("normal-full", 3)
    factor, mu = cholesky_factor(raw, 3), raw.numpy()[:, :3]
    covariance = factor @ factor.transpose(0, 2, 1)
    for prior_mu, log_var in ((0.0, 0.0), (0.8, -1.1)):
        zeros = torch.zeros(3, dtype=torch.float64)
        p = family_of("normal-full").normal_prior(zeros + prior_mu, zeros + log_var)
        spread = (np.trace(covariance, axis1=1, axis2=2) + np.square(mu - prior_mu).sum(-1)) * math.exp(-log_var)
        expected = 0.5 * (spread - 3 + 3 * log_var - np.linalg.slogdet(covariance)[1])
        np.testing.assert_allclose(kl(posterior_of("normal-full", 3), p), expected, rtol=1e-12)


def test_the_kl_of_a_dirichlet_over_two_is_that_of_a_beta_by_quadrature():
    alpha = positive(raw_rows("dirichlet").numpy(), 0.2)
    expected = kl_by_quadrature(stats.beta(alpha[:, :1], alpha[:, 1:]), stats.uniform())[:, 0]
    torch.testing.assert_close(kl(posterior_of("dirichlet"), prior_of("dirichlet")), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in POSTERIORS if name not in SAMPLED])
def test_the_closed_kl_is_the_mean_log_ratio_of_samples(name):
    q, p = posterior_of(name, 3), prior_of(name, 3)
    z = drawn(q, 40_000)
    assert_is_mean(q.log_prob(z) - p.log_prob(z), kl(q, p))


@pytest.mark.parametrize(
    ("name", "prior", "expected_prior"),
    [(name, prior_of(name), PRIORS[name]) for name in sorted(SAMPLED)]
    + [(name, normal_prior(name, 0.8, 0.5), stats.norm(0.8, math.exp(0.25))) for name in sorted(SAMPLED_TO_A_NORMAL)],
)
def test_the_sampled_kl_agrees_with_quadrature(name, prior, expected_prior):
    q = posterior_of(name)
    z = drawn(q, 40_000)
    expected = kl_by_quadrature(reference(name, raw_rows(name)), expected_prior)
    per_dimension = kl_per_dimension(q, prior, z)
    ratios = q.base_dist.log_prob(z) - prior.base_dist.log_prob(z)
    error = ratios.std(0) / len(z) ** 0.5
    assert ((per_dimension - expected).abs() < 4 * error).all()
    torch.testing.assert_close(per_dimension.sum(-1), kl(q, prior, z))


@pytest.mark.parametrize("name", POSTERIORS)
def test_the_kl_per_dimension_sums_to_the_kl_where_dimensions_are_independent(name):
    q, p = posterior_of(name), prior_of(name)
    z = drawn(q, 7)
    per_dimension = kl_per_dimension(q, p, z)
    if not POSTERIORS[name].factorises:
        assert per_dimension is None
        return
    assert per_dimension.shape == (5, N_DIMS)
    torch.testing.assert_close(per_dimension.sum(-1), kl(q, p, z), atol=1e-12, rtol=1e-12)


def inverse_of_positive(value: float, least: float) -> float:
    return math.log(math.expm1(value - least) / (math.e - 1))


UNIT_SCALE, UNIT_SHAPE = inverse_of_positive(1, 1e-4), inverse_of_positive(1, 0.2)
RAW_OF_THE_PRIOR = {
    "normal": (0, 0),
    "laplace": (0, UNIT_SCALE),
    "logistic": (0, UNIT_SCALE),
    "student-t": (0, UNIT_SCALE),
    "exponential": (UNIT_SCALE,),
    "weibull": (UNIT_SCALE, UNIT_SHAPE),
    "gumbel": (0, UNIT_SCALE),
    "rayleigh": (UNIT_SCALE,),
    "kumaraswamy": (UNIT_SHAPE, UNIT_SHAPE),
    "log-normal": (0, UNIT_SCALE),
    "gamma": (UNIT_SHAPE, UNIT_SCALE),
    "beta": (UNIT_SHAPE, UNIT_SHAPE),
    "dirichlet": (UNIT_SHAPE,),
    "normal-full": (0, UNIT_SCALE, 0),
}


@pytest.mark.parametrize("name", RAW_OF_THE_PRIOR)
def test_a_posterior_that_says_nothing_is_the_prior(name):
    values = torch.tensor(RAW_OF_THE_PRIOR[name], dtype=torch.float64)
    sizes = torch.tensor([N_DIMS, N_DIMS, 1][: len(values)])
    q, p = family_of(name).posterior(values.repeat_interleave(sizes)[None]), prior_of(name)
    z = drawn(p, 50)[:, None]
    torch.testing.assert_close(q.log_prob(z), p.log_prob(z), atol=1e-9, rtol=1e-9)
    assert kl(q, p, z).abs() < 1e-9


def test_the_widest_interval_of_a_uniform_has_a_kl_of_a_thousandth_of_a_nat():
    q = family_of("uniform").posterior(torch.tensor([[0.0, 0.0, 50.0, 50.0]], dtype=torch.float64))
    assert kl(q, prior_of("uniform")).item() == pytest.approx(-2 * math.log(0.999), abs=1e-12)


@pytest.mark.parametrize("name", FACTORISED)
def test_support_and_cover_are_what_the_facts_say(name):
    facts, q, p = POSTERIORS[name], reference(name, raw_rows(name)), PRIORS[name]
    (low, high), (prior_low, prior_high) = q.support(), p.support()
    expected = {
        "real numbers": (-np.inf, np.inf),
        "positive numbers": (0, np.inf),
        "numbers between 0 and 1": (0, 1),
        "numbers between -1 and 1": (-1, 1),
    }
    assert (prior_low, prior_high) == expected[facts.support]
    assert facts.covers == bool((low == prior_low).all() and (high == prior_high).all())
    assert (low >= prior_low).all()
    assert (high <= prior_high).all()


@pytest.mark.parametrize("name", ["uniform", "triangular"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_interval_lies_strictly_inside_that_of_the_prior(name, dtype):
    extremes = torch.tensor([-300, -30, -3, 0, 3, 30, 300], dtype=dtype)
    q = family_of(name).posterior(torch.cartesian_prod(extremes, extremes)).base_dist
    low, high = (q.low, q.high) if name == "uniform" else (q.centre - q.half_width, q.centre + q.half_width)
    assert (low > -1).all()
    assert (high < 1).all()
    assert (high - low > 1e-3).all()


def gradients_of_samples(name: str, raw: Tensor, n: int, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Samples and the derivative of their weighted sum by each raw number, ``(n, B, L)`` and ``(n, B, n_raw)``."""
    torch.manual_seed(0)
    each = raw.expand(n, *raw.shape).clone().requires_grad_()
    z = family_of(name).posterior(each).rsample()
    (gradients,) = torch.autograd.grad((z * weights).sum(), each)
    return z.detach(), gradients


def slopes(function: Callable[[Tensor], Any], raw: Tensor, step: float = 1e-5) -> Tensor:
    """Central differences of ``function``, shape ``(*, B)``, by each raw number: shape ``(*, B, n_raw)``."""
    moves = step * torch.eye(raw.shape[-1], dtype=raw.dtype)
    rises = [function(raw + move) - function(raw - move) for move in moves]
    return torch.from_numpy(np.stack(rises, -1)) / (2 * step)


@pytest.mark.parametrize("name", FACTORISED)
def test_gradients_of_samples_are_on_average_those_of_the_mean(name):
    raw = raw_rows(name)
    _, gradients = gradients_of_samples(name, raw, 20_000, torch.ones(N_DIMS))
    zeros = np.zeros((len(raw), N_DIMS))
    assert_is_mean(gradients, slopes(lambda moved: (reference(name, moved).mean() + zeros).sum(-1), raw), 1e-9)


def test_gradients_of_dirichlet_samples_are_on_average_those_of_the_mean():
    raw, weights = raw_rows("dirichlet", 3), torch.tensor([1.0, -2.0, 5.0], dtype=torch.float64)
    _, gradients = gradients_of_samples("dirichlet", raw, 20_000, weights)

    def mean(moved: Tensor) -> Any:
        alpha = positive(moved.numpy(), 0.2)
        return alpha @ weights.numpy() / alpha.sum(-1)

    assert_is_mean(gradients, slopes(mean, raw), 1e-9)


@pytest.mark.parametrize("name", ["gamma", "beta", "student-t"])
def test_the_implicit_gradient_of_each_sample_is_the_slope_of_its_quantile(name):
    raw = raw_rows(name)
    z, gradients = gradients_of_samples(name, raw, 200, torch.ones(N_DIMS))
    quantile = reference(name, raw).cdf(z.numpy())
    for dimension in range(N_DIMS):
        columns = [dimension] if name == "gamma" else [dimension, N_DIMS + dimension]
        expected = slopes(lambda moved, d=dimension: reference(name, moved).ppf(quantile)[..., d], raw)
        torch.testing.assert_close(gradients[..., columns], expected[..., columns], atol=1e-5, rtol=2e-3)


def wild_rows(name: str, values: tuple[float, ...], n: int = 200) -> Tensor:
    """Raw output in float32 whose numbers are drawn from ``values``."""
    generator = torch.Generator().manual_seed(0)
    drawn_from = torch.randint(len(values), (n, family_of(name).n_parameters(N_DIMS)), generator=generator)
    return torch.tensor(values)[drawn_from].requires_grad_()


def is_inside(name: str, z: Tensor) -> Tensor:
    match POSTERIORS[name].support:
        case "real numbers":
            return z.isfinite()
        case "positive numbers":
            return (z > 0) & z.isfinite()
        case "numbers between -1 and 1":
            return z.abs() < 1
        case "numbers between 0 and 1":
            return (z > 0) & (z < 1)
        case _:
            return (z > 0) & ((z.sum(-1, keepdim=True) - 1).abs() < 1e-6)


FAR = (-30.0, -10.0, -3.0, 0.0, 3.0, 10.0, 30.0)
FARTHEST = (-300.0, -104.0, -88.0, -30.0, 0.0, 30.0, 80.0)
UNREPRESENTABLE = ("gumbel", "log-normal")
"""Both hold the exponential of a raw number times noise, which has no value in float32 beyond 88."""


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *[pytest.param(name, FAR, id=f"{name}-far") for name in POSTERIORS],
        *[pytest.param(name, FARTHEST, id=f"{name}-farthest") for name in POSTERIORS if name not in UNREPRESENTABLE],
    ],
)
def test_wild_raw_output_gives_samples_in_the_support_with_a_finite_density(name, values):
    raw = wild_rows(name, values)
    torch.manual_seed(0)
    q, p = family_of(name).posterior(raw), family_of(name).prior(torch.zeros(N_DIMS))
    z = q.rsample((500,))
    assert is_inside(name, z).all()
    assert q.log_prob(z).isfinite().all()
    assert p.log_prob(z).isfinite().all()
    (gradients,) = torch.autograd.grad((q.log_prob(z) - p.log_prob(z)).mean(0).sum(), raw)
    assert gradients.isfinite().all()


@pytest.mark.parametrize("name", POSTERIORS)
def test_the_kl_and_its_gradients_are_finite_in_float32_for_raw_output_up_to_ten(name):
    raw = wild_rows(name, (-10.0, -3.0, 0.0, 3.0, 10.0))
    torch.manual_seed(0)
    q, p = family_of(name).posterior(raw), family_of(name).prior(torch.zeros(N_DIMS))
    divergence = kl(q, p, q.rsample((10,)))
    (gradients,) = torch.autograd.grad(divergence.sum(), raw)
    assert divergence.isfinite().all()
    assert gradients.isfinite().all()


@pytest.mark.parametrize("name", POSTERIORS)
def test_a_sample_has_the_same_log_prob_in_float32_as_in_float64(name):
    raw = raw_rows(name)
    single, double = family_of(name).posterior(raw.float()), family_of(name).posterior(raw.float().double())
    z = drawn(single, 20_000)
    torch.testing.assert_close(single.log_prob(z).double(), double.log_prob(z.double()), atol=1e-3, rtol=1e-4)


def test_gradients_of_a_million_samples_of_a_kumaraswamy_are_finite_in_float32():
    raw = torch.tensor([[10.0, 100.0]], requires_grad=True)
    torch.manual_seed(0)
    family_of("kumaraswamy").posterior(raw).rsample((1_000_000,)).sum().backward()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("name", [name for name, facts in POSTERIORS.items() if facts.is_real])
def test_a_normal_prior_is_the_standard_normal_for_every_posterior_over_the_real_numbers(name):
    model = build_model(model_config(posterior=name, prior="normal", latent_dim=3)).double()
    z = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.from_numpy(stats.norm.logpdf(z).sum(-1))
    torch.testing.assert_close(model.prior().log_prob(z), expected, atol=1e-12, rtol=1e-12)


def test_importance_weights_of_an_interval_lack_the_posterior_mass_outside_it():
    torch.manual_seed(0)
    model = build_model(model_config(latent_dim=1, hidden=(8,), posterior="uniform")).double().requires_grad_(False)
    model.decoder.body[-1].weight.mul_(6)
    x = torch.rand(3, 1, 8, 8, dtype=torch.float64).round()
    q = model.encode(x).base_dist

    def log_integral(low: Tensor, high: Tensor) -> Tensor:
        """Log of the integral of p(x, z) over z from ``low`` to ``high``, each ``(B, 1)``, by the trapezoid rule."""
        z = low + (high - low) * torch.linspace(0, 1, 20_001, dtype=torch.float64)[:, None, None]
        log_joint = model.decode(z).log_prob(x) + math.log(0.5)
        return torch.trapezoid(log_joint.exp(), z[..., 0], dim=0).log()

    log_evidence = log_integral(-torch.ones_like(q.low), torch.ones_like(q.low))
    log_mass_inside = log_integral(q.low, q.high) - log_evidence
    estimate = estimate_evidence(model, x, n_samples=100_000)
    assert ((estimate.log_px - (log_evidence + log_mass_inside)).abs() < 4 * estimate.se).all()
    assert (log_mass_inside < -0.1).all()
    assert (estimate.se < 0.01).all()
