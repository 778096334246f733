"""What each latent dimension carries, against torch's own distributions and against the stored bound."""

import json

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from explorer.analysis.latent.dimensions import dimension_use, kl_per_dimension
from explorer.analysis.records import EncodedSet
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from tests.support import model_config

N = 500


def encoded_set(mu, log_var=None):
    n = len(mu)
    return EncodedSet(
        mu=np.asarray(mu, np.float32),
        log_var=None if log_var is None else np.asarray(log_var, np.float32),
        labels=np.zeros(n, np.int64),
        reconstruction=np.zeros(n, np.float32),
        kl=np.zeros(n, np.float32),
        fingerprint="0" * 16,
    )


@pytest.fixture
def normals():
    """Posteriors of four dimensions: wide, off centre, carrying nothing, narrow."""
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(N, 4)) * [0.9, 0.1, 0.001, 2.0] + [0, 2, 0, -3]
    log_var = rng.normal(size=(N, 4)) * 0.01 + [-1, -0.5, 0, -4]
    return encoded_set(mu, log_var)


def use_of(encoded, family="vae", prior=None, **settings):
    return dimension_use(encoded, model_config(family, latent_dim=encoded.latent_dim, **settings), prior)


def torch_kl(encoded, prior_mu=0.0, prior_log_var=0.0):
    mu, log_var = (torch.from_numpy(part).double() for part in (encoded.mu, encoded.log_var))
    shape = mu.shape
    prior_mu, prior_log_var = (
        torch.as_tensor(part, dtype=torch.float64).expand(shape) for part in (prior_mu, prior_log_var)
    )
    return kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(prior_mu, (prior_log_var / 2).exp())).mean(0).numpy()


def test_the_kl_of_each_dimension_is_that_of_torchs_normals(normals):
    np.testing.assert_allclose(kl_per_dimension(normals), torch_kl(normals), rtol=1e-10)


def test_with_a_prior_for_each_image_the_kl_is_to_that_prior(normals):
    rng = np.random.default_rng(1)
    prior = rng.normal(size=(N, 4)).astype(np.float32), rng.normal(size=(N, 4)).astype(np.float32)
    np.testing.assert_allclose(kl_per_dimension(normals, prior), torch_kl(normals, *prior), rtol=1e-6)


@pytest.mark.parametrize("name", ["mnist-vae-16d", "mnist-cvae-16d", "digits-vae-2d"])
def test_over_the_dimensions_the_kl_sums_to_that_of_the_stored_bound(name):
    encoded = open_run(name, CHECKPOINTS).encoded()
    assert kl_per_dimension(encoded).sum() == pytest.approx(float(encoded.kl.mean()), rel=1e-4)


def test_the_dimension_that_carries_most_comes_first(normals):
    use = use_of(normals)
    assert use.order.tolist() == np.argsort(-torch_kl(normals)).tolist() == [3, 1, 0, 2]


def test_a_dimension_whose_posterior_is_the_prior_is_dead(normals):
    assert use_of(normals).is_dead.tolist() == [False, False, True, False]


def test_a_constant_posterior_that_is_not_the_prior_is_not_dead():
    encoded = encoded_set(np.full((N, 1), 0.5), np.zeros((N, 1)))
    use = use_of(encoded)
    assert use.kl == pytest.approx([0.125])
    assert not use.is_dead.any()


def test_without_a_kl_the_order_is_that_of_the_variances(normals):
    for use in (use_of(normals, posterior="laplace"), use_of(encoded_set(normals.mu), "ae", likelihood="gaussian")):
        assert use.kl is None
        np.testing.assert_allclose(use.variance, normals.mu.astype(float).var(0), rtol=1e-10)
        assert use.order.tolist() == [3, 0, 1, 2]


def test_without_a_kl_a_mean_that_varies_less_than_the_rule_of_active_units_is_dead(normals):
    mu = np.random.default_rng(0).normal(size=(N, 2)) * [0.11, 0.09]
    assert use_of(encoded_set(mu, np.zeros((N, 2))), posterior="gumbel").is_dead.tolist() == [False, True]


def test_the_scale_of_an_autoencoders_codes_does_not_decide_what_is_dead():
    mu = np.random.default_rng(0).normal(size=(N, 3)) * [1, 0.05, 0.001]
    for scale in (1e-3, 1.0, 1e3):
        assert use_of(encoded_set(scale * mu), "ae", likelihood="gaussian").is_dead.tolist() == [False, False, True]


def test_the_reach_covers_every_code_four_deviations_and_three_of_the_prior(normals):
    use = use_of(normals)
    mean, deviation = normals.mu.mean(0, dtype=float), normals.mu.astype(float).std(0)
    assert (use.low <= normals.mu.min(0)).all()
    assert (use.high >= normals.mu.max(0)).all()
    assert (use.low <= mean - 4 * deviation + 1e-9).all()
    assert (use.high >= mean + 4 * deviation - 1e-9).all()
    assert use.low[2] == -3
    assert use.high[2] == 3


@pytest.mark.parametrize(
    ("posterior", "least", "greatest"),
    [("beta", 0, 1), ("kumaraswamy", 0, 1), ("dirichlet", 0, 1), ("uniform", -1, 1), ("gamma", 0, None)],
)
def test_the_reach_stays_within_the_support_of_the_posterior(posterior, least, greatest):
    encoded = encoded_set(np.random.default_rng(0).uniform(0.2, 0.9, (N, 2)), np.zeros((N, 2)))
    use = use_of(encoded, posterior=posterior)
    assert use.low.tolist() == [least, least]
    assert (use.high == greatest).all() if greatest is not None else (use.high >= 3).all()


def test_a_dimension_that_does_not_vary_has_a_slider_all_the_same():
    use = use_of(encoded_set(np.full((N, 2), 7.0)), "ae", likelihood="gaussian")
    assert use.low.tolist() == [6, 6]
    assert use.high.tolist() == [8, 8]
    assert use.is_dead.all()


def test_codes_of_a_model_that_diverged_give_finite_numbers():
    mu = np.array([[np.nan, np.inf, 1.0]] * 3)
    use = use_of(encoded_set(mu, [[6e4, np.nan, -6e4]] * 3))
    numbers = [use.kl, use.variance, use.mean, use.low, use.high]
    assert all(np.isfinite(part).all() for part in numbers)
    json.dumps([part.tolist() for part in numbers], allow_nan=False)


def test_one_dimension_is_enough():
    use = use_of(encoded_set([[0.0], [1.0]], [[-1.0], [-1.0]]))
    assert use.order.tolist() == [0]
    assert not use.is_dead[0]
