import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from explorer.analysis.coding import encode_split
from explorer.analysis.evaluation import NO_PRIOR, evaluate
from explorer.errors import ConfigError
from explorer.models.distributions import DiagonalNormal, standard_normal
from explorer.models.latent_model import build_model
from explorer.objectives.information import surgery
from tests.support import digits, model_config


def model(family="vae", **changes):
    torch.manual_seed(0)
    return build_model(model_config(family, **changes)).eval().requires_grad_(False)


def mutual_information(posterior):
    return surgery(posterior, standard_normal(torch.zeros_like(posterior.mu[0]))).mutual_information


def test_posteriors_that_are_all_the_same_carry_no_information():
    posterior = DiagonalNormal(torch.zeros(500, 2), torch.zeros(500, 2))
    assert mutual_information(posterior) == pytest.approx(0, abs=1e-5)


def test_posteriors_far_apart_carry_log_n_nats_and_no_estimate_is_above_it():
    posterior = DiagonalNormal(100 * torch.arange(300.0)[:, None], torch.zeros(300, 1))
    assert mutual_information(posterior) == pytest.approx(math.log(300), abs=1e-4)


def test_information_of_gaussian_posteriors_under_a_gaussian_is_the_channel_capacity():
    torch.manual_seed(1)
    spread, noise = 1.5, 0.8
    mu = spread * torch.randn(4000, 1, dtype=torch.float64)
    posterior = DiagonalNormal(mu, torch.full_like(mu, 2 * math.log(noise)))
    capacity = 0.5 * math.log1p(spread**2 / noise**2)
    assert mutual_information(posterior) == pytest.approx(capacity, abs=0.04)


def test_units_are_active_where_the_mean_code_varies_over_images():
    silent = model(latent_dim=4)
    silent.encoder.body[-1].weight[1].zero_()
    silent.encoder.body[-1].weight[3].zero_()
    silent.encoder.body[-1].weight[0].mul_(50)
    silent.encoder.body[-1].weight[2].mul_(50)
    assert evaluate(silent, digits("test", 60), is_binary=False, n_samples=1).active_units == 2


def test_the_kl_per_dimension_is_that_of_torch_and_sums_to_the_kl():
    vae, split = model(latent_dim=3), digits("test", 40)
    result = evaluate(vae, split, is_binary=False, n_samples=1)
    encoded = encode_split(vae, split, is_binary=False, fingerprint="")
    q = Normal(torch.from_numpy(encoded.mu).double(), torch.from_numpy(np.exp(encoded.log_var / 2)).double())
    expected = kl_divergence(q, Normal(torch.zeros(3), torch.ones(3))).mean(0)
    assert result.kl_per_dimension == pytest.approx(expected.tolist(), rel=1e-4)
    assert result.kl == pytest.approx(sum(result.kl_per_dimension), rel=1e-5)
    assert result.elbo == pytest.approx(result.log_likelihood - result.kl, rel=1e-6)


def test_the_squared_error_is_that_of_the_decoded_mean_codes():
    ae, split = model("ae"), digits("test", 30)
    result = evaluate(ae, split, is_binary=False, n_samples=1)
    x = torch.from_numpy(split.images).float() / 255
    decoded = ae.decode(ae.encode(x).mean).mean
    assert result.squared_error == pytest.approx(float((x - decoded).square().sum() / 30), rel=1e-5)


def test_the_importance_weighted_bound_is_above_the_elbo():
    result = evaluate(model(), digits("test", 100), is_binary=True, n_samples=200)
    assert result.elbo < result.log_px
    assert result.mutual_information <= result.mutual_information_ceiling == math.log(100)


def test_an_evaluation_is_a_function_of_its_arguments():
    first, second = (evaluate(model(), digits("test", 50), is_binary=True, n_samples=5) for _ in range(2))
    assert first == second


def test_what_an_autoencoder_lacks_is_absent_with_its_reason():
    result = evaluate(model("ae"), digits("test", 20), is_binary=False, n_samples=1)
    assert (result.elbo, result.kl, result.log_px, result.mutual_information) == (None, None, None, None)
    assert set(result.reasons.values()) == {NO_PRIOR}
    assert result.active_units in {0, 1, 2}


def test_too_few_samples_and_images_of_another_shape_are_refused_in_words():
    with pytest.raises(ConfigError, match="0 importance samples are too few"):
        evaluate(model(), digits("test", 5), is_binary=False, n_samples=0)
    with pytest.raises(ConfigError, match="not"):
        evaluate(model(image_shape=(1, 9, 9)), digits("test", 5), is_binary=False)


def test_the_mixture_density_is_that_of_torch():
    torch.manual_seed(2)
    mu, log_var = torch.randn(6, 2).double(), torch.randn(6, 2).double()
    torch.manual_seed(3)
    estimate = mutual_information(DiagonalNormal(mu, log_var))
    torch.manual_seed(3)
    z = DiagonalNormal(mu, log_var).rsample()
    own = Independent(Normal(mu, (log_var / 2).exp()), 1)
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(torch.ones(6).double()), own)
    assert estimate == pytest.approx(float((own.log_prob(z) - mixture.log_prob(z)).mean()), abs=1e-10)
