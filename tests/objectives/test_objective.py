"""What training maximises, against exact bounds, weights by hand and numbers by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.distributions import DiagonalNormal, PointMass
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.elbo import ElboTerms, kl_after_free_bits
from explorer.objectives.objective import Objective, objective
from tests.support import LinearGaussian, model_config

FREE_BITS = ("per-example", "per-dimension", "batch-mean")


class Approximate(LinearGaussian):
    """Probabilistic PCA whose encoder is off: in its means, and in variances too wide and too narrow."""

    def encode(self, x: Tensor, y: Tensor | None = None) -> DiagonalNormal:
        exact = super().encode(x, y)
        return DiagonalNormal(exact.mu + 0.3, exact.log_var + torch.tensor([0.8, -0.5], dtype=exact.mu.dtype))

    def exact_elbo(self, x: Tensor) -> Tensor:
        q = self.encode(x)
        return self.expected_log_likelihood(q, x) - kl_divergence(q, self.prior())


class Pointed(LinearGaussian):
    """Probabilistic PCA whose encoder returns a point."""

    def encode(self, x: Tensor, y: Tensor | None = None) -> PointMass:  # type: ignore[override]
        return PointMass(super().encode(x, y).mu)


@pytest.fixture
def linear() -> Approximate:
    return Approximate.example().requires_grad_(False)


@pytest.fixture
def image(linear) -> Tensor:
    torch.manual_seed(0)
    return linear.decode(linear.prior().rsample((1,))).sample()


def small_vae(**changes) -> tuple[LatentModel, Tensor]:
    """A VAE in float64 with weights large enough for a KL of nats, and four binary images."""
    torch.manual_seed(0)
    model = build_model(model_config(hidden=(4,), **changes)).double()
    with torch.no_grad():
        model.encoder.body[-1].weight.mul_(5)
    return model, torch.rand(4, 1, 8, 8, dtype=torch.float64).round()


def evaluated(model: LatentModel, x: Tensor, *, seed: int = 1, **settings) -> Objective:
    torch.manual_seed(seed)
    return objective(model, x, None, ObjectiveConfig(**settings))


def images_of(estimate: Objective) -> Tensor:
    return estimate.log_likelihood - estimate.kl


# The estimators


@pytest.mark.parametrize("n_samples", [1, 4])
@pytest.mark.parametrize("estimator", ["sgvb-a", "sgvb-b"])
def test_both_estimators_of_the_elbo_have_its_exact_value_in_expectation(linear, image, estimator, n_samples):
    estimate = evaluated(linear, image.expand(40_000, -1, -1, -1), estimator=estimator, n_samples=n_samples)
    each = images_of(estimate)
    torch.testing.assert_close(estimate.value, each.mean())
    exact = linear.exact_elbo(image)[0]
    assert abs(estimate.value - exact) < 4 * each.std() / math.sqrt(len(each))
    assert exact < linear.log_evidence(image)[0] - 0.1


@pytest.mark.parametrize("estimator", ["sgvb-a", "sgvb-b"])
def test_the_variance_of_an_estimate_falls_as_one_over_its_samples(linear, image, estimator):
    repeated = image.expand(20_000, -1, -1, -1)
    variance = {n: images_of(evaluated(linear, repeated, estimator=estimator, n_samples=n)).var() for n in (1, 16)}
    assert variance[1] / variance[16] == pytest.approx(16, rel=0.15)


def test_a_closed_kl_is_the_same_whatever_was_drawn_and_a_sampled_one_is_not(linear, image):
    closed = [evaluated(linear, image, estimator="sgvb-b", seed=seed).kl for seed in (1, 2)]
    sampled = [evaluated(linear, image, estimator="sgvb-a", seed=seed).kl for seed in (1, 2)]
    assert torch.equal(*closed)
    assert not torch.equal(*sampled)


def test_the_importance_weighted_objective_begins_at_the_elbo_and_rises_towards_the_evidence(linear, image):
    repeated, n_values = image.expand(300, -1, -1, -1), 80
    values = {
        k: torch.stack(
            [evaluated(linear, repeated, estimator="iwae", n_samples=k, seed=s).value for s in range(n_values)]
        )
        for k in (1, 5, 50)
    }
    mean = {k: value.mean() for k, value in values.items()}
    error = {k: value.std() / math.sqrt(n_values) for k, value in values.items()}
    assert abs(mean[1] - linear.exact_elbo(image)[0]) < 4 * error[1]
    assert mean[1] + 4 * error[1] < mean[5]
    assert mean[5] + 4 * error[5] < mean[50]
    assert mean[50] + 4 * error[50] < linear.log_evidence(image)[0]


def test_terms_beside_the_importance_weighted_bound_are_those_of_sgvb_a(linear, image):
    weighted = evaluated(linear, image, estimator="iwae", n_samples=6)
    sampled = evaluated(linear, image, estimator="sgvb-a", n_samples=6)
    torch.testing.assert_close(weighted.log_likelihood, sampled.log_likelihood)
    torch.testing.assert_close(weighted.kl, sampled.kl)
    assert weighted.value > sampled.value


def test_the_gradient_of_the_importance_weighted_objective_is_the_weighted_sum_of_gradients():
    model, x = small_vae()
    weights = list(model.parameters())
    value = evaluated(model, x, estimator="iwae", n_samples=3).value
    got = torch.autograd.grad(value, weights)
    torch.manual_seed(1)
    posterior = model.encode(x)
    z = posterior.rsample((3,))
    log_weights = model.decode(z).log_prob(x) + model.prior().log_prob(z) - posterior.log_prob(z)
    expected = [torch.zeros_like(weight) for weight in weights]
    for b in range(len(x)):
        shares = log_weights[:, b].detach().exp() / log_weights[:, b].detach().exp().sum()
        assert shares.max() < 1 - 1e-3
        for k in range(3):
            gradient = torch.autograd.grad(log_weights[k, b], weights, retain_graph=True)
            expected = [sum_ + shares[k] * part / len(x) for sum_, part in zip(expected, gradient, strict=True)]
    torch.testing.assert_close(got, tuple(expected), atol=1e-10, rtol=0)


# The weight of the KL


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("estimator", ["sgvb-a", "sgvb-b"])
def test_beta_weighs_the_kl_and_nothing_else(estimator, beta):
    model, x = small_vae()
    plain = evaluated(model, x, estimator=estimator)
    weighed = evaluated(model, x, estimator=estimator, beta=beta)
    assert torch.equal(weighed.log_likelihood, plain.log_likelihood)
    assert torch.equal(weighed.kl, plain.kl)
    torch.testing.assert_close(weighed.value, plain.log_likelihood.mean() - beta * plain.kl.mean())


# Free bits


def two_images() -> tuple[ElboTerms, Tensor]:
    """KLs of 2.1 and 0.9 nats; of dimensions, 0.4 and 1.1 on the batch's mean."""
    parts = torch.tensor([[0.1, 2.0], [0.7, 0.2]], dtype=torch.float64, requires_grad=True)
    return ElboTerms(log_likelihood=torch.zeros(2), kl=parts.sum(-1), kl_per_dimension=parts), parts


@pytest.mark.parametrize(
    ("form", "nats", "value", "gradient"),
    [
        ("none", 9.0, 1.5, [[0.5, 0.5], [0.5, 0.5]]),
        ("per-example", 1.0, (2.1 + 1.0) / 2, [[0.5, 0.5], [0.0, 0.0]]),
        ("per-dimension", 0.5, (0.5 + 2.0 + 0.7 + 0.5) / 2, [[0.0, 0.5], [0.5, 0.0]]),
        ("batch-mean", 0.5, 0.5 + 1.1, [[0.0, 0.5], [0.0, 0.5]]),
        ("per-example", 0.0, 1.5, [[0.5, 0.5], [0.5, 0.5]]),
        ("per-example", 3.0, 3.0, [[0.0, 0.0], [0.0, 0.0]]),
        ("per-dimension", 3.0, 6.0, [[0.0, 0.0], [0.0, 0.0]]),
        ("batch-mean", 3.0, 6.0, [[0.0, 0.0], [0.0, 0.0]]),
    ],
)
def test_free_bits_are_numbers_that_can_be_worked_out_by_hand(form, nats, value, gradient):
    terms, parts = two_images()
    kl = kl_after_free_bits(terms, form, nats)
    assert kl.item() == pytest.approx(value, abs=1e-12)
    (got,) = torch.autograd.grad(kl, parts)
    assert got.tolist() == gradient


@pytest.mark.parametrize("posterior", ["normal", "laplace", "logistic"])
@pytest.mark.parametrize("form", FREE_BITS)
def test_free_bits_never_lift_the_objective_above_the_elbo(form, posterior):
    model, x = small_vae(posterior=posterior)
    plain = evaluated(model, x)
    for nats in (0.0, 0.2, 1.0, 5.0):
        assert evaluated(model, x, free_bits=form, free_nats=nats).value <= plain.value + 1e-12
    assert evaluated(model, x, free_bits=form, free_nats=5.0).value < plain.value


@pytest.mark.parametrize("form", FREE_BITS)
def test_free_bits_leave_the_reported_kl_as_it_is(form):
    model, x = small_vae()
    assert torch.equal(evaluated(model, x, free_bits=form, free_nats=9.0).kl, evaluated(model, x).kl)


@pytest.mark.parametrize("form", FREE_BITS)
def test_below_the_floor_the_encoder_hears_from_the_likelihood_alone(form):
    model, x = small_vae()
    weights = list(model.encoder.parameters())
    free = torch.autograd.grad(evaluated(model, x, free_bits=form, free_nats=500.0).value, weights)
    likelihood = torch.autograd.grad(evaluated(model, x, beta=0.0).value, weights)
    torch.testing.assert_close(free, likelihood)


# What does not exist


@pytest.mark.parametrize("form", ["per-dimension", "batch-mean"])
@pytest.mark.parametrize(("posterior", "estimator"), [("normal-full", "sgvb-b"), ("normal", "sgvb-a")])
def test_free_bits_of_dimensions_are_refused_where_the_kl_has_none(form, posterior, estimator):
    model, x = small_vae(posterior=posterior)
    with pytest.raises(ConfigError, match=r"no KL per dimension, or it was sampled whole: use free_bits 'per-example'"):
        evaluated(model, x, estimator=estimator, free_bits=form)
    estimate = evaluated(model, x, estimator=estimator, free_bits="per-example", free_nats=50.0)
    torch.testing.assert_close(estimate.value, estimate.log_likelihood.mean() - 50)


@pytest.mark.parametrize("estimator", ["sgvb-a", "sgvb-b"])
def test_a_point_under_a_prior_has_no_elbo(estimator):
    model = Pointed.example()
    with pytest.raises(ConfigError, match="A point has no KL to a prior"):
        evaluated(model, torch.zeros(2, 1, 1, 5, dtype=torch.float64), estimator=estimator)


def test_an_autoencoder_maximises_its_likelihood_and_has_nothing_to_weigh():
    model, x = small_vae(family="ae", likelihood="gaussian")
    estimate = evaluated(model, x, beta=9.0)
    squared_error = (x - model.decode(model.encode(x).mean).mean).square().sum((1, 2, 3))
    torch.testing.assert_close(estimate.value, (-squared_error - 32 * math.log(math.pi)).mean())
    with pytest.raises(ConfigError, match="'ae' has no prior, so no p"):
        evaluated(model, x, estimator="iwae")
