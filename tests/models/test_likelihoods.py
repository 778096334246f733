import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli

from explorer.models.likelihoods import (
    BernoulliLikelihood,
    ContinuousBernoulli,
    ContinuousBernoulliLikelihood,
    GaussianLikelihood,
    Likelihood,
    build_likelihood,
)
from tests.support import model_config

LOGITS = (-500.0, -40.0, -3.0, -0.2, -1e-3, 0.0, 1e-6, 0.05, 0.1, 2.0, 15.0, 100.0, 500.0)
ALL = (BernoulliLikelihood(), ContinuousBernoulliLikelihood(), GaussianLikelihood(0.2))


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def image(values: list[float]) -> Tensor:
    """One image of one row."""
    return torch.tensor(values)[None, None, None]


def cdf(x: np.ndarray, logit: float) -> np.ndarray:
    return x if logit == 0 else np.expm1(logit * x) / np.expm1(logit)


def test_bernoulli_log_prob_is_that_computed_by_hand():
    # sigmoid(log 3) = 3/4
    likelihood = BernoulliLikelihood()(image([math.log(3), math.log(3), 0.0]))
    assert likelihood.log_prob(image([1.0, 0.0, 1.0])).item() == pytest.approx(math.log(0.75 * 0.25 * 0.5), abs=1e-6)


def test_a_likelihood_sums_over_the_image_and_not_over_the_batch():
    raw = torch.zeros(4, 3, 5, 6)
    for likelihood in ALL:
        distribution = likelihood(raw)
        assert distribution.batch_shape == (4,)
        assert distribution.event_shape == (3, 5, 6)
        log_prob = distribution.log_prob(torch.zeros(4, 3, 5, 6))
        one_pixel = likelihood(torch.zeros(1, 1, 1, 1)).log_prob(torch.zeros(1, 1, 1, 1))
        torch.testing.assert_close(log_prob, (90 * one_pixel).expand(4))


@pytest.mark.parametrize("likelihood", ALL, ids=lambda likelihood: type(likelihood).__name__)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("logit", LOGITS)
def test_log_prob_and_its_gradient_are_finite_in_float32(likelihood: Likelihood, value: float, logit: float):
    raw = torch.full((1, 1, 1, 2), logit, requires_grad=True)
    log_prob = likelihood(raw).log_prob(torch.full((1, 1, 1, 2), value))
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("logit", LOGITS)
def test_mean_and_samples_of_the_continuous_bernoulli_and_their_gradients_are_finite(logit: float):
    torch.manual_seed(0)
    raw = torch.full((1000,), logit, requires_grad=True)
    distribution = ContinuousBernoulli(raw)
    samples = distribution.rsample()
    (samples.sum() + distribution.mean.sum()).backward()
    assert raw.grad.isfinite().all()
    assert ((samples >= 0) & (samples <= 1)).all()
    assert ((distribution.mean > 0) & (distribution.mean < 1)).all()


@pytest.mark.parametrize("logit", [-40.0, -3.0, -0.1, -1e-3, 0.0, 1e-6, 0.05, 0.0999, 0.1, 2.0, 15.0, 100.0])
def test_the_continuous_bernoulli_is_a_density_with_its_mean(logit: float):
    distribution = ContinuousBernoulli(double(logit))

    def density(x: float) -> float:
        return distribution.log_prob(double(x)).exp().item()

    total, _ = integrate.quad(density, 0, 1, epsabs=1e-11, epsrel=1e-11, points=[0.05, 0.95])
    mean, _ = integrate.quad(lambda x: x * density(x), 0, 1, epsabs=1e-11, epsrel=1e-11, points=[0.05, 0.95])
    assert total == pytest.approx(1, abs=1e-8)
    assert mean == pytest.approx(distribution.mean.item(), abs=1e-8)


def test_the_continuous_bernoulli_equals_torchs_where_that_is_exact():
    # torch expands around 0.5 between 0.499 and 0.501, and clamps beyond logit 16.
    logits = torch.cat([torch.linspace(-10, -0.1, 60), torch.linspace(0.1, 10, 60)]).double()
    value = torch.linspace(0, 1, 120).double()
    ours, theirs = ContinuousBernoulli(logits), TorchContinuousBernoulli(logits=logits)
    torch.testing.assert_close(ours.log_prob(value), theirs.log_prob(value), atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(ours.mean, theirs.mean, atol=1e-9, rtol=1e-9)


def test_series_and_closed_form_meet_where_they_change_over():
    below, above = ContinuousBernoulli(double(0.1 - 1e-9)), ContinuousBernoulli(double(0.1 + 1e-9))
    assert below.log_normaliser().item() == pytest.approx(above.log_normaliser().item(), abs=2e-9)
    assert below.mean.item() == pytest.approx(above.mean.item(), abs=2e-9)


@pytest.mark.parametrize("logit", [-1.0, -0.1, -0.03, 0.0, 0.03, 0.1, 1.0])
def test_the_derivative_of_the_log_normaliser_is_a_half_minus_what_lies_between_the_means(logit: float):
    # log C(l) + log sigmoid(-l) is minus the log partition function of x l, whose derivative is minus the mean.
    raw = double(logit).requires_grad_()
    distribution = ContinuousBernoulli(raw)
    (slope,) = torch.autograd.grad(distribution.log_normaliser(), raw)
    assert slope.item() == pytest.approx((torch.sigmoid(raw) - distribution.mean).item(), abs=1e-8)


@pytest.mark.parametrize("logit", [-30.0, -1.0, -0.05, 0.0, 0.3, 8.0])
def test_samples_of_the_continuous_bernoulli_follow_its_distribution(logit: float):
    torch.manual_seed(0)
    samples = ContinuousBernoulli(double(logit)).rsample((5000,))
    assert stats.kstest(samples.numpy(), lambda x: cdf(x, logit)).pvalue > 1e-3
    assert abs(samples.mean() - ContinuousBernoulli(double(logit)).mean) < 4 * samples.std() / 5000**0.5


def test_a_squared_error_is_a_gaussian_with_variance_a_half_up_to_a_constant():
    generator = torch.Generator().manual_seed(0)
    x, raw = torch.rand(3, 1, 4, 5, generator=generator), torch.rand(3, 1, 4, 5, generator=generator)
    log_prob = GaussianLikelihood(0.5**0.5)(raw).log_prob(x)
    squared_error = (x - raw).square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(log_prob, -squared_error - 10 * math.log(math.pi))


def test_the_default_sigma_is_the_one_of_a_squared_error():
    likelihood = build_likelihood(model_config(likelihood="gaussian"))
    assert likelihood.sigma**2 == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("likelihood", ALL, ids=lambda likelihood: type(likelihood).__name__)
def test_the_raw_value_of_a_mean_has_that_mean(likelihood: Likelihood):
    mean = torch.linspace(0.001, 0.999, 101)[None, None, None]
    torch.testing.assert_close(likelihood(likelihood.raw_of_mean(mean)).mean, mean, atol=1e-5, rtol=0)


@pytest.mark.parametrize("likelihood", ALL, ids=lambda likelihood: type(likelihood).__name__)
def test_pixels_that_are_always_black_or_white_have_a_finite_raw_value(likelihood: Likelihood):
    mean = image([0.0, 1.0])
    raw = likelihood.raw_of_mean(mean)
    assert raw.isfinite().all()
    torch.testing.assert_close(likelihood(raw).mean, mean, atol=1.001e-3, rtol=0)
