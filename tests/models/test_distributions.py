import math

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from explorer.models.distributions import DiagonalNormal, PointMass, Posterior, standard_normal
from explorer.models.divergences import kl_per_dimension

EXTREMES = (-300.0, -104.0, -88.0, -30.0, 0.0, 30.0, 80.0)


def random_normal(seed: int, n: int = 50, n_dims: int = 4) -> DiagonalNormal:
    generator = torch.Generator().manual_seed(seed)
    mu = 2 * torch.randn(n, n_dims, generator=generator, dtype=torch.float64)
    log_var = 12 * torch.rand(n, n_dims, generator=generator, dtype=torch.float64) - 6
    return DiagonalNormal(mu, log_var)


def as_torch(q: DiagonalNormal) -> Normal:
    return Normal(q.mu, (0.5 * q.log_var).exp())


def prior(n_dims: int = 4, dtype: torch.dtype = torch.float64) -> DiagonalNormal:
    return standard_normal(torch.zeros(n_dims, dtype=dtype))


def assert_close_to_mean(samples: Tensor, expected: Tensor) -> None:
    """Within four standard errors of the mean over the first axis."""
    error = samples.std(0) / len(samples) ** 0.5
    assert ((samples.mean(0) - expected).abs() <= 4 * error).all()


def test_kl_of_a_unit_shift_is_half_a_nat_per_dimension():
    q = DiagonalNormal(torch.ones(3, 7), torch.zeros(3, 7))
    torch.testing.assert_close(kl_divergence(q, prior(7, torch.float32)), torch.full((3,), 3.5), atol=0, rtol=0)


def test_kl_of_a_distribution_with_itself_is_zero():
    q = random_normal(0)
    assert kl_divergence(q, q).abs().max() < 1e-12


def test_kl_equals_that_of_torch_for_any_two_normals():
    q, p = random_normal(1), random_normal(2)
    expected = kl_divergence(as_torch(q), as_torch(p)).sum(-1)
    torch.testing.assert_close(kl_divergence(q, p), expected, atol=1e-12, rtol=1e-12)


def test_kl_per_dimension_sums_to_the_kl():
    q = random_normal(3)
    torch.testing.assert_close(kl_per_dimension(q, prior()).sum(-1), kl_divergence(q, prior()), atol=0, rtol=0)


def test_kl_is_the_mean_log_ratio_of_samples():
    torch.manual_seed(0)
    q, p = random_normal(4, n=5), prior()
    z = q.rsample((200_000,))
    assert_close_to_mean(q.log_prob(z) - p.log_prob(z), kl_divergence(q, p))


@pytest.mark.parametrize("log_var", EXTREMES)
def test_kl_and_its_gradients_are_finite_in_float32(log_var: float):
    mu, spread = torch.tensor([[0.3, -2.0]], requires_grad=True), torch.full((1, 2), log_var, requires_grad=True)
    kl = kl_divergence(DiagonalNormal(mu, spread), prior(2, torch.float32))
    kl.sum().backward()
    assert kl.isfinite().all()
    assert mu.grad.isfinite().all()
    assert spread.grad.isfinite().all()


@pytest.mark.parametrize("log_var", EXTREMES)
def test_log_prob_at_the_mean_and_its_gradients_are_known_and_finite_in_float32(log_var: float):
    mu, spread = torch.zeros(1, 2, requires_grad=True), torch.full((1, 2), log_var, requires_grad=True)
    log_prob = DiagonalNormal(mu, spread).log_prob(torch.zeros(1, 2))
    log_prob.sum().backward()
    torch.testing.assert_close(log_prob, torch.tensor([-(log_var + math.log(2 * math.pi))]))
    torch.testing.assert_close(mu.grad, torch.zeros(1, 2))
    torch.testing.assert_close(spread.grad, torch.full((1, 2), -0.5))


@pytest.mark.parametrize("log_var", EXTREMES)
def test_log_prob_of_an_own_sample_is_finite_in_float32(log_var: float):
    torch.manual_seed(0)
    q = DiagonalNormal(torch.full((10, 2), 0.3), torch.full((10, 2), log_var))
    assert q.log_prob(q.rsample()).isfinite().all()


@pytest.mark.parametrize("log_var", EXTREMES)
def test_log_prob_away_from_the_mean_is_finite_in_float64(log_var: float):
    q = DiagonalNormal(torch.zeros(1, 2, dtype=torch.float64), torch.full((1, 2), log_var, dtype=torch.float64))
    assert q.log_prob(torch.ones(1, 2, dtype=torch.float64)).isfinite().all()


def test_log_prob_and_entropy_equal_those_of_torch():
    q = random_normal(5)
    value = random_normal(6).mu
    torch.testing.assert_close(q.log_prob(value), as_torch(q).log_prob(value).sum(-1), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(q.entropy(), as_torch(q).entropy().sum(-1), atol=1e-12, rtol=1e-12)


def test_variance_is_the_exponential_of_the_log_variance():
    q = random_normal(7)
    torch.testing.assert_close(q.variance, as_torch(q).variance)


def test_samples_follow_the_normal_distribution():
    torch.manual_seed(0)
    q = DiagonalNormal(torch.tensor([1.5, -3.0]), torch.tensor([-2.0, 1.0]))
    samples = q.rsample((5000,)).double()
    for mu, log_var, column in zip(q.mu.tolist(), q.log_var.tolist(), samples.T, strict=True):
        assert stats.kstest(column.numpy(), stats.norm(mu, math.exp(log_var / 2)).cdf).pvalue > 1e-3


def test_gradients_of_samples_are_one_and_half_the_scaled_noise():
    torch.manual_seed(0)
    mu, log_var = torch.zeros(4, 3, requires_grad=True), torch.full((4, 3), 0.7, requires_grad=True)
    z = DiagonalNormal(mu, log_var).rsample()
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones(4, 3))
    torch.testing.assert_close(log_var.grad, 0.5 * z.detach())


def test_the_standard_normal_has_the_known_entropy():
    assert prior(3).entropy().item() == pytest.approx(1.5 * math.log(2 * math.pi * math.e), abs=1e-12)


def test_a_point_mass_is_its_point_however_it_is_drawn():
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    point = PointMass(z)
    assert torch.equal(point.mean, z)
    assert torch.equal(point.rsample(), z)
    assert torch.equal(point.rsample((5,)), z.expand(5, 4, 3))


def test_gradients_pass_through_a_point_mass():
    z = torch.zeros(2, 3, requires_grad=True)
    PointMass(z).rsample().sum().backward()
    assert torch.equal(z.grad, torch.ones(2, 3))


def test_both_are_posteriors_and_only_one_has_a_density():
    assert isinstance(random_normal(0), Posterior)
    assert isinstance(PointMass(torch.zeros(1, 2)), Posterior)
    assert not hasattr(PointMass(torch.zeros(1, 2)), "log_prob")
