import math
from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import integrate, stats
from torch import Tensor
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli
from torch.distributions import MultivariateNormal, Normal

from explorer.models.config import LIKELIHOODS, LikelihoodName
from explorer.models.likelihoods import (
    BernoulliLikelihood,
    ContinuousBernoulli,
    DiagonalGaussianLikelihood,
    GaussianLikelihood,
    Likelihood,
    LowRankGaussianLikelihood,
    build_likelihood,
)
from tests.support import model_config

LOGITS = (-500.0, -40.0, -3.0, -0.2, -1e-3, 0.0, 1e-6, 0.05, 0.1, 2.0, 15.0, 100.0, 500.0)
LEARNED_NAMES = [name for name, facts in LIKELIHOODS.items() if facts.deviation == "learned"]
LEARNED = [build_likelihood(model_config(likelihood=name, sigma=0.2, rank=3)) for name in LEARNED_NAMES]
ALL = [build_likelihood(model_config(likelihood=name, sigma=0.2, rank=3)) for name in LIKELIHOODS]
FINEST, WIDEST = 1 / 255, math.exp(5)


def name_of(likelihood: Likelihood) -> str:
    learned = "learned " if any(True for _ in likelihood.parameters()) else ""
    return learned + type(likelihood).__name__


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def image(values: list[float]) -> Tensor:
    """One image of one row."""
    return torch.tensor(values)[None, None, None]


def cdf(x: np.ndarray, logit: float) -> np.ndarray:
    return x if logit == 0 else np.expm1(logit * x) / np.expm1(logit)


@pytest.mark.parametrize("name", get_args(LikelihoodName))
def test_what_is_said_of_a_likelihood_without_torch_is_so(name):
    facts = LIKELIHOODS[name]
    narrow, wide, other = (
        build_likelihood(model_config(likelihood=name, sigma=sigma, rank=rank))
        for sigma, rank in ((0.2, 2), (0.4, 2), (0.2, 3))
    )
    raw = torch.zeros(1, narrow.n_heads, 1, 1)
    p = [narrow(raw).log_prob(image([value])).exp().item() for value in (0.0, 1.0)]
    assert (sum(p) == pytest.approx(1)) == facts.is_probability
    is_learned = narrow.n_heads > 1 or any(True for _ in narrow.parameters())
    is_wider = bool((wide(raw).log_prob(image([0.3])) != narrow(raw).log_prob(image([0.3]))).all())
    assert facts.deviation == ("learned" if is_learned else "fixed" if is_wider else "none")
    assert (other.n_heads != narrow.n_heads) == facts.has_rank


def test_the_normaliser_is_what_of_log_prob_is_left_at_the_mean_of_any_image():
    for name, facts in LIKELIHOODS.items():
        config = model_config(likelihood=name, sigma=0.2)
        likelihood = build_likelihood(config)
        grey = torch.rand(5, *config.image_shape, generator=torch.manual_seed(0)) * 0.8 + 0.1
        at_the_mean = -likelihood(likelihood.raw_of_mean(grey)).log_prob(grey)
        if facts.normaliser is not None:
            np.testing.assert_allclose(at_the_mean.detach(), config.normaliser, rtol=1e-4)
        else:
            # Nothing is the same for every image, or it is learned.
            assert config.normaliser is None
            assert facts.deviation == "learned" or at_the_mean.std() > 0.1


def test_bernoulli_log_prob_is_that_computed_by_hand():
    # sigmoid(log 3) = 3/4
    likelihood = BernoulliLikelihood()(image([math.log(3), math.log(3), 0.0]))
    assert likelihood.log_prob(image([1.0, 0.0, 1.0])).item() == pytest.approx(math.log(0.75 * 0.25 * 0.5), abs=1e-6)


def test_a_likelihood_sums_over_the_image_and_not_over_the_batch():
    for likelihood in ALL:
        distribution = likelihood(torch.zeros(4, likelihood.n_heads * 3, 5, 6))
        assert distribution.batch_shape == (4,)
        assert distribution.event_shape == (3, 5, 6)
        log_prob = distribution.log_prob(torch.zeros(4, 3, 5, 6))
        one_pixel = likelihood(torch.zeros(1, likelihood.n_heads, 1, 1)).log_prob(torch.zeros(1, 1, 1, 1))
        torch.testing.assert_close(log_prob, (90 * one_pixel).expand(4))


@pytest.mark.parametrize("likelihood", ALL, ids=name_of)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("logit", LOGITS)
def test_log_prob_and_its_gradient_are_finite_in_float32(likelihood: Likelihood, value: float, logit: float):
    raw = torch.full((1, likelihood.n_heads, 1, 2), logit, requires_grad=True)
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


@pytest.mark.parametrize("likelihood", ALL, ids=name_of)
def test_the_raw_value_of_a_mean_has_that_mean(likelihood: Likelihood):
    mean = torch.linspace(0.001, 0.999, 102).view(2, 3, 17)
    raw = likelihood.raw_of_mean(mean)
    assert raw.shape == (likelihood.n_heads * 2, 3, 17)
    torch.testing.assert_close(likelihood(raw[None]).mean, mean[None], atol=1e-5, rtol=0)


@pytest.mark.parametrize("likelihood", ALL, ids=name_of)
def test_pixels_that_are_always_black_or_white_have_a_finite_raw_value(likelihood: Likelihood):
    mean = image([0.0, 1.0])
    raw = likelihood.raw_of_mean(mean[0])
    assert raw.isfinite().all()
    torch.testing.assert_close(likelihood(raw[None]).mean, mean, atol=1.001e-3, rtol=0)


def deviation(raw: Tensor) -> Tensor:
    """exp(1/2 log-variance), the log-variance a softplus above that of one grey level and one below 10."""
    least = -2 * math.log(255)
    floored = least + torch.log1p((raw - least).exp())
    return (0.5 * (10 - torch.log1p((10 - floored).exp()))).exp()


def random_raw(likelihood: Likelihood, *batch: int, shape: tuple[int, int, int] = (2, 3, 4)) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    channels, height, width = shape
    return torch.randn(*batch, likelihood.n_heads * channels, height, width, generator=generator, dtype=torch.float64)


def random_images(*batch: int, shape: tuple[int, int, int] = (2, 3, 4)) -> Tensor:
    return torch.rand(*batch, *shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_a_gaussian_with_one_learned_deviation_is_torchs_normal():
    likelihood = GaussianLikelihood(0.2, is_learned=True).double()
    raw, x = random_raw(likelihood, 5), random_images(5)
    expected = Normal(raw, likelihood.sigma).log_prob(x).sum(dim=(1, 2, 3))
    torch.testing.assert_close(likelihood(raw).log_prob(x), expected, atol=1e-10, rtol=1e-10)
    assert likelihood.sigma == pytest.approx(0.2, abs=1e-7)


def test_a_learned_variance_is_best_at_the_mean_squared_error():
    # Source: Rybkin et al. (2021), Simple and Effective VAE Training with Calibrated Decoders, equation 6.
    likelihood = GaussianLikelihood(1.0, is_learned=True).double()
    raw, x = 0.3 * random_raw(likelihood, 50), random_images(50)
    optimiser = torch.optim.LBFGS(likelihood.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = -likelihood(raw).log_prob(x).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    assert likelihood.sigma**2 == pytest.approx((x - raw).square().mean().item(), rel=1e-5)


def test_a_diagonal_gaussian_takes_its_first_channels_for_the_mean_and_the_others_for_the_variance():
    likelihood = DiagonalGaussianLikelihood(0.2)
    raw, x = random_raw(likelihood, 5), random_images(5)
    expected = Normal(raw[:, :2], deviation(raw[:, 2:]))
    torch.testing.assert_close(likelihood(raw).log_prob(x), expected.log_prob(x).sum((1, 2, 3)), atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(likelihood(raw).mean, raw[:, :2], atol=0, rtol=0)
    torch.testing.assert_close(likelihood(raw).variance, expected.variance)


def dense(raw: Tensor, rank: int, channels: int = 2) -> MultivariateNormal:
    """The low-rank normal with its covariance S (I + V V^T) S written out."""
    mean, log_var, *columns = raw.split(channels, dim=-3)
    scale = deviation(log_var).flatten(-3)
    factor = torch.stack([column.flatten(-3) for column in columns], dim=-1)
    assert factor.shape[-1] == rank
    identity = torch.eye(scale.shape[-1], dtype=raw.dtype)
    covariance = scale[..., :, None] * (identity + factor @ factor.mT) * scale[..., None, :]
    return MultivariateNormal(mean.flatten(-3), covariance)


@pytest.mark.parametrize("rank", [1, 3, 30])
@pytest.mark.parametrize("batch", [(5,), (6, 5)], ids=str)
def test_a_low_rank_gaussian_is_the_normal_with_the_dense_covariance(rank, batch):
    likelihood = LowRankGaussianLikelihood(0.2, rank)
    raw, x = random_raw(likelihood, *batch), random_images(5)
    ours, theirs = likelihood(raw), dense(raw, rank)
    torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x.flatten(1)), atol=1e-8, rtol=1e-10)
    torch.testing.assert_close(ours.mean.flatten(-3), theirs.mean, atol=0, rtol=0)
    torch.testing.assert_close(ours.variance.flatten(-3), theirs.variance, atol=1e-10, rtol=1e-10)
    assert ours.batch_shape == batch
    assert ours.event_shape == (2, 3, 4)


def test_samples_of_a_low_rank_gaussian_have_its_mean_and_covariance():
    likelihood = LowRankGaussianLikelihood(0.2, 2)
    raw = random_raw(likelihood, 2, shape=(1, 2, 2))
    torch.manual_seed(0)
    samples = likelihood(raw).rsample((20_000,))
    assert samples.shape == (20_000, 2, 1, 2, 2)
    expected = dense(raw, 2, channels=1)
    error = samples.flatten(-3) - expected.mean
    for values, mean in ((error, 0), (error[..., :, None] * error[..., None, :], expected.covariance_matrix)):
        assert ((values.mean(0) - mean).abs() < 4 * values.std(0) / 20_000**0.5).all()


def test_a_low_rank_gaussian_without_columns_is_the_diagonal_one():
    generator, x = torch.Generator().manual_seed(2), random_images(5)
    raw = torch.randn(5, 4, 3, 4, generator=generator, dtype=torch.float64)
    padded = torch.cat([raw, torch.zeros(5, 6, 3, 4, dtype=torch.float64)], dim=1)
    ours = LowRankGaussianLikelihood(0.2, 3)(padded).log_prob(x)
    torch.testing.assert_close(ours, DiagonalGaussianLikelihood(0.2)(raw).log_prob(x), atol=1e-9, rtol=1e-10)


def deviation_of(likelihood: Likelihood, raw_log_var: float) -> Tensor:
    """The deviation of one pixel whose raw log-variance is given."""
    if isinstance(likelihood, GaussianLikelihood):
        learned = GaussianLikelihood(0.2, is_learned=True)
        learned.raw_log_var.data.fill_(raw_log_var)
        return learned(torch.zeros(1, 1, 1, 1)).stddev
    raw = torch.zeros(1, likelihood.n_heads, 1, 1)
    raw[:, 1] = raw_log_var
    return likelihood(raw).variance.sqrt()


@pytest.mark.parametrize("likelihood", LEARNED, ids=name_of)
@pytest.mark.parametrize(
    ("raw_log_var", "expected"),
    [(-500.0, FINEST), (-30.0, FINEST), (0.0, 1.0), (10.0, WIDEST / 2**0.5), (500.0, WIDEST)],
)
def test_a_learned_deviation_stays_between_one_grey_level_and_148_times_the_range(likelihood, raw_log_var, expected):
    assert deviation_of(likelihood, raw_log_var).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sigma", [0.0045, 0.05, 0.5**0.5, 10.0])
@pytest.mark.parametrize("name", [name for name, facts in LIKELIHOODS.items() if facts.deviation != "none"])
def test_the_deviation_starts_where_the_configuration_says(name, sigma):
    likelihood = build_likelihood(model_config(likelihood=name, sigma=sigma, rank=2))
    raw = likelihood.raw_of_mean(torch.full((1, 8, 8), 0.3))
    variance = likelihood(raw[None]).variance
    torch.testing.assert_close(variance.sqrt(), torch.full((1, 1, 8, 8), sigma), rtol=1e-5, atol=0)
    assert likelihood.sigma == pytest.approx(sigma, rel=1e-5)


@pytest.mark.parametrize("name", LEARNED_NAMES)
def test_a_deviation_below_one_grey_level_to_start_learning_from_is_refused(name):
    with pytest.raises(ValidationError, match="sigma"):
        model_config(likelihood=name, sigma=0.002)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_extreme_raw_output_has_finite_log_prob_and_gradients_in_float32(name):
    likelihood = build_likelihood(model_config(likelihood=name))
    generator = torch.Generator().manual_seed(0)
    raw = (1000 * torch.rand(20, likelihood.n_heads, 28, 28, generator=generator) - 500).requires_grad_()
    log_prob = likelihood(raw).log_prob(torch.rand(20, 1, 28, 28, generator=generator))
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("scale", [200.0, 500.0])
def test_large_parallel_columns_of_a_low_rank_gaussian_have_a_finite_log_prob(scale):
    raw = torch.full((2, 6, 28, 28), scale)
    assert LowRankGaussianLikelihood(0.2, 4)(raw).log_prob(torch.rand(2, 1, 28, 28)).isfinite().all()


@pytest.mark.parametrize("scale", [0.3, 20.0])
def test_a_low_rank_gaussian_has_the_same_log_prob_in_float32_as_in_float64(scale):
    torch.manual_seed(0)
    likelihood = LowRankGaussianLikelihood(0.2, 4)
    columns = scale * torch.randn(8, 4, 28, 28)
    raw = torch.cat([torch.rand(8, 1, 28, 28), torch.full((8, 1, 28, 28), -6.0), columns], dim=1)
    x = likelihood(raw).rsample()
    expected = likelihood(raw.double()).log_prob(x.double())
    torch.testing.assert_close(likelihood(raw).log_prob(x).double(), expected, atol=0.02, rtol=0)
