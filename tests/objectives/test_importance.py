import math

import pytest
import torch

from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.objectives.elbo import elbo_terms
from explorer.objectives.importance import estimate_evidence, importance_weighted_bound, sample_weights
from tests.support import LinearGaussian, model_config


@pytest.fixture
def nonlinear():
    """A VAE with one latent dimension, random weights large enough to bend, and three binary images."""
    torch.manual_seed(0)
    model = build_model(model_config(latent_dim=1, hidden=(8,))).double().requires_grad_(False)
    model.decoder.body[-1].weight.mul_(4)
    return model, torch.rand(3, 1, 8, 8, dtype=torch.float64).round()


def exact_log_evidence(model, x):
    """log p(x) by the trapezoid rule over z in [-8, 8], in nats."""
    z = torch.linspace(-8, 8, 20_001, dtype=torch.float64)[:, None]
    log_prior = model.prior().log_prob(z)
    log_joint = torch.stack([model.decode(z).log_prob(image.expand(len(z), *image.shape)) for image in x]) + log_prior
    return torch.logsumexp(log_joint, dim=1) + math.log(16 / 20_000)


def test_bounds_rise_with_the_number_of_samples_and_stay_below_the_evidence(nonlinear):
    model, x = nonlinear
    torch.manual_seed(1)
    weights = sample_weights(model, x, n_samples=50 * 2000).total().view(2000, 50, len(x)).transpose(0, 1)
    bounds = {k: importance_weighted_bound(weights[:k]) for k in (1, 5, 50)}
    means = {k: bound.mean(0) for k, bound in bounds.items()}
    error = {k: bound.std(0) / math.sqrt(2000) for k, bound in bounds.items()}
    exact = exact_log_evidence(model, x)
    assert (means[1] + 4 * error[1] < means[5]).all()
    assert (means[5] + 4 * error[5] < means[50]).all()
    assert (means[50] < exact + 4 * error[50]).all()


def test_the_estimate_converges_to_the_evidence_by_quadrature(nonlinear):
    model, x = nonlinear
    torch.manual_seed(2)
    estimate = estimate_evidence(model, x, n_samples=200_000)
    difference = (estimate.log_px - exact_log_evidence(model, x)).abs()
    assert (difference < 4 * estimate.se).all()
    assert (estimate.se < 0.1).all()


def test_one_importance_sample_is_the_elbo(nonlinear):
    model, x = nonlinear
    n = 40_000
    torch.manual_seed(3)
    by_weights = importance_weighted_bound(sample_weights(model, x, n_samples=n).total()[None].flatten(0, 1)[:1])
    torch.manual_seed(3)
    posterior = model.encode(x)
    z = posterior.rsample((n,))[0]
    by_hand = model.decode(z).log_prob(x) + model.prior().log_prob(z) - posterior.log_prob(z)
    torch.testing.assert_close(by_weights, by_hand)


def test_sgvb_a_and_sgvb_b_agree_in_expectation(nonlinear):
    model, x = nonlinear
    torch.manual_seed(4)
    a = sample_weights(model, x, n_samples=20_000).total()
    b = torch.stack([elbo_terms(model, x).elbo() for _ in range(4000)])
    error = (a.var(0) / len(a) + b.var(0) / len(b)).sqrt()
    assert ((a.mean(0) - b.mean(0)).abs() < 4 * error).all()


def test_with_the_exact_posterior_every_weight_is_the_evidence():
    model = LinearGaussian.example()
    x = torch.randn(4, 1, 1, 5, dtype=torch.float64)
    weights = sample_weights(model, x, n_samples=7).total().detach()
    torch.testing.assert_close(weights, model.log_evidence(x).detach().expand(7, 4), atol=1e-10, rtol=0)
    estimate = estimate_evidence(model, x, n_samples=7)
    torch.testing.assert_close(estimate.log_px, model.log_evidence(x), atol=1e-10, rtol=0)
    assert (estimate.se < 1e-6).all()


def test_the_standard_error_is_the_spread_of_repeated_estimates(nonlinear):
    model, x = nonlinear
    torch.manual_seed(5)
    estimates = [estimate_evidence(model, x, n_samples=2000) for _ in range(200)]
    spread = torch.stack([estimate.log_px for estimate in estimates]).std(0)
    claimed = torch.stack([estimate.se for estimate in estimates]).mean(0)
    # The first image's weights have heavy tails, where the claim is too small: the docstring says so.
    is_light = claimed < 0.1
    assert is_light.tolist() == [False, True, True]
    assert ((spread / claimed - 1).abs() < 0.2)[is_light].all()


def test_chunks_change_nothing_but_the_draws(nonlinear):
    model, x = nonlinear
    torch.manual_seed(6)
    whole = estimate_evidence(model, x, n_samples=60_000)
    chunked = estimate_evidence(model, x, n_samples=60_000, max_decoded=1000)
    difference = (whole.log_px - chunked.log_px).abs()
    assert (difference < 4 * (whole.se.square() + chunked.se.square()).sqrt()).all()


def test_weights_that_span_thousands_of_nats_stay_finite():
    weights = torch.tensor([[-5000.0, 3.0], [-9000.0, -7000.0]])
    expected = torch.tensor([-5000.0, 3.0]) - math.log(2)
    torch.testing.assert_close(importance_weighted_bound(weights), expected)


def test_a_cvae_is_weighted_given_its_class():
    torch.manual_seed(7)
    model = build_model(model_config("cvae")).requires_grad_(False)
    x, y = torch.rand(2, 1, 8, 8).round(), torch.tensor([3, 8])
    torch.manual_seed(8)
    together = sample_weights(model, x, y, n_samples=3).total()
    torch.manual_seed(8)
    z = model.encode(x, y).rsample((3,))
    posterior = model.encode(x, y)
    one = model.decode(z[2], y).log_prob(x) + model.prior().log_prob(z[2]) - posterior.log_prob(z[2])
    torch.testing.assert_close(together[2], one)


def test_an_autoencoder_has_nothing_to_bound():
    with pytest.raises(ConfigError, match="no prior, so no p"):
        estimate_evidence(build_model(model_config("ae")), torch.rand(2, 1, 8, 8), n_samples=2)
