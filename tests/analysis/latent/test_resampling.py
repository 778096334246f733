import numpy as np
import pytest
import torch

from explorer.analysis.coding import encode_split
from explorer.analysis.latent.posterior_samples import normal_samples, posterior_samples
from explorer.models.build import build_model
from tests.support import digits, model_config

ROW = 5
MANY = 40_000


def model_of(**changes):
    torch.manual_seed(0)
    return build_model(model_config(**changes))


def test_draws_have_the_mean_and_the_deviation_of_the_posterior():
    mu, log_var = np.array([1.5, -2.0, 0.0], np.float32), np.array([0.0, -3.0, 1.0], np.float32)
    draws = normal_samples(mu, log_var, MANY, seed=0).astype(float)
    deviation = np.exp(log_var / 2)
    # Five standard errors of a mean and of a deviation.
    np.testing.assert_allclose(draws.mean(0), mu, atol=5 * deviation.max() / MANY**0.5)
    np.testing.assert_allclose(draws.std(0) / deviation, 1, atol=5 / (2 * MANY) ** 0.5)
    assert abs(np.corrcoef(draws.T)[0, 1]) < 5 / MANY**0.5


def test_a_draw_depends_on_its_seed_and_its_place_alone():
    mu, log_var = np.zeros(4, np.float32), np.zeros(4, np.float32)
    eight = normal_samples(mu, log_var, 8, seed=3)
    np.testing.assert_array_equal(normal_samples(mu, log_var, 8, seed=3), eight)
    np.testing.assert_array_equal(normal_samples(mu, log_var, 3, seed=3), eight[:3])
    assert np.abs(normal_samples(mu, log_var, 8, seed=4) - eight).min() > 0


@pytest.mark.parametrize("posterior", ["laplace", "normal-full", "gamma", "beta"])
def test_draws_of_another_family_have_the_moments_that_were_stored_of_it(posterior):
    model, split = model_of(posterior=posterior, latent_dim=3), digits("test", 20)
    encoded = encode_split(model, split, is_binary=True, fingerprint="0")
    draws = posterior_samples(model, split, ROW, MANY, seed=0, is_binary=True).astype(float)
    variance = np.exp(encoded.log_var[ROW].astype(float))
    np.testing.assert_allclose(draws.mean(0), encoded.mu[ROW], atol=5 * (variance.max() / MANY) ** 0.5)
    np.testing.assert_allclose(draws.var(0), variance, rtol=0.15)


def test_draws_of_an_encoded_image_repeat_with_their_seed_and_leave_torchs_own_noise_alone():
    model, split = model_of(posterior="laplace"), digits("test", 20)
    before = torch.random.get_rng_state()
    first, again, other = (posterior_samples(model, split, ROW, 4, seed=s, is_binary=False) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).min() > 0
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_conditional_models_image_is_encoded_in_its_own_class():
    model, split = model_of(family="cvae"), digits("test", 20)
    draws = posterior_samples(model, split, ROW, MANY, seed=0, is_binary=False)
    encoded = encode_split(model, split, is_binary=False, fingerprint="0")
    np.testing.assert_allclose(draws.mean(0), encoded.mu[ROW], atol=0.03)
