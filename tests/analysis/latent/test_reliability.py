import math

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.analysis.coding import encode_images, encode_split
from explorer.analysis.latent.reliability import ReliabilityGauge, log_density, re_encoded, re_encoding_error
from explorer.analysis.records import EncodedSet
from explorer.models.build import build_model
from explorer.models.config import POSTERIORS
from tests.analysis.latent.test_neighbourhood import codes
from tests.support import LinearGaussian, digits, model_config

LATENT_DIM = 2


def encoded_set(mu, labels=None):
    n = len(mu)
    zeros = np.zeros(n, np.float32)
    labels = np.zeros(n, np.int64) if labels is None else labels
    return EncodedSet(
        mu=mu.astype(np.float32), log_var=None, labels=labels, reconstruction=zeros, kl=zeros, fingerprint=""
    )


def linear_gaussian():
    return LinearGaussian.example().float()


def family_model(family="vae", **changes):
    torch.manual_seed(0)
    return build_model(model_config(family, **changes)).eval()


def measured(gauge, z, labels=None):
    return gauge.measure(z, labels, np.zeros_like(z))


def test_far_away_no_encoded_image_is_near():
    gauge = ReliabilityGauge(linear_gaussian(), encoded_set(codes(100)))
    (reliability,) = measured(gauge, np.array([[50.0, 0.0]], np.float32))
    assert (reliability.n_near, reliability.verdict) == (0, "far")
    assert reliability.nearest == pytest.approx(50, abs=5)
    assert reliability.to_json()["says"] == "○ far from the data"


def test_at_an_encoded_image_the_nearest_one_is_itself():
    mu = codes(100)
    (reliability,) = measured(ReliabilityGauge(linear_gaussian(), encoded_set(mu)), mu[[7]])
    assert reliability.nearest == 0
    assert reliability.n_near >= 1


def test_the_prior_of_a_standard_normal_is_known():
    z = codes(20, seed=1)
    reliability = measured(ReliabilityGauge(linear_gaussian(), encoded_set(codes(50))), z)
    np.testing.assert_allclose([one.log_prior for one in reliability], stats.norm.logpdf(z).sum(-1), rtol=1e-5)
    typical = np.median(stats.norm.logpdf(codes(50)).sum(-1))
    assert reliability[0].typical_log_prior == pytest.approx(typical, rel=1e-3)


def test_the_posterior_mean_of_a_linear_gaussian_models_own_image_is_shrunk_by_a_known_factor():
    # enc(dec(z)) = W^T W z / (W^T W + s^2), for images that no clamp touches: the shift is s^2 z / (W^T W + s^2).
    model = linear_gaussian()
    z = codes(30)
    with torch.inference_mode():
        means = model.decode(torch.from_numpy(z)).mean
    gain = model.decoder.weight.square().sum(0).detach().numpy()
    expected = np.linalg.norm(model.sigma**2 / (gain + model.sigma**2) * z, axis=1)
    back = re_encoded(model, means)
    np.testing.assert_allclose(np.linalg.norm(back - z, axis=1), expected, rtol=1e-4)


def test_the_re_encoding_error_is_that_of_encoding_what_was_decoded():
    model, z = family_model(), codes(5)
    with torch.inference_mode():
        x = model.decode(torch.from_numpy(z)).mean
        expected = (model.encode(x).mean - torch.from_numpy(z)).norm(dim=1)
    np.testing.assert_allclose(re_encoding_error(model, z), expected, rtol=1e-5)


def test_what_is_typical_of_re_encoding_is_the_median_over_the_encoded_images():
    model, mu = family_model(), codes(80)
    gauge = ReliabilityGauge(model, encoded_set(mu))
    assert gauge.typical_re_encoding == pytest.approx(np.median(re_encoding_error(model, mu)))
    back = re_encoded(model, model.decode(torch.from_numpy(mu[:1])).mean.detach())
    (reliability,) = gauge.measure(mu[:1], None, back)
    assert reliability.re_encoding == pytest.approx(re_encoding_error(model, mu[:1])[0], rel=1e-4)


def test_an_autoencoder_has_no_density_and_says_why():
    gauge = ReliabilityGauge(family_model("ae"), encoded_set(codes(50)))
    (reliability,) = measured(gauge, codes(1))
    assert (reliability.log_prior, reliability.typical_log_prior) == (None, None)
    assert reliability.no_log_prior == "an autoencoder has no prior"


def test_off_the_support_of_the_prior_there_is_no_density():
    gauge = ReliabilityGauge(family_model(posterior="gamma"), encoded_set(np.abs(codes(50))))
    inside, outside = measured(gauge, np.array([[1, 2], [-1, 2]], np.float32))
    assert inside.log_prior == pytest.approx(-3)  # gamma(1, 1) is exponential
    assert (outside.log_prior, outside.no_log_prior) == (None, "outside the prior's support")


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_every_matching_prior_has_a_density_at_its_own_draws_and_no_error_elsewhere(posterior):
    prior = family_model(posterior=posterior, latent_dim=3).prior()
    assert np.isfinite(log_density(prior, prior.sample((50,)))).all()
    assert not np.isnan(log_density(prior, 30 * torch.from_numpy(codes(50, 3)))).any()


def test_codes_on_a_simplex_keep_their_density_when_storage_rounds_them():
    prior = torch.distributions.Dirichlet(torch.ones(3), validate_args=False)
    stored = np.random.default_rng(0).dirichlet(np.ones(3), 20).astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(log_density(prior, torch.from_numpy(stored)), math.log(2), rtol=1e-5)
    assert log_density(prior, torch.tensor([[0.5, 0.5, 0.5]])) == -math.inf


def test_a_conditional_model_is_compared_with_images_of_the_class():
    labels = np.arange(200) % 10
    mu = codes(200) + 20.0 * labels[:, None].astype(np.float32)
    gauge = ReliabilityGauge(family_model("cvae"), encoded_set(mu, labels))
    own, other = measured(gauge, np.repeat(mu[[3]], 2, axis=0), np.array([3, 4]))
    assert (own.nearest, own.verdict) == (0, "near")
    assert (other.n_near, other.verdict) == (0, "far")
    rows, _ = gauge.neighbourhood(4).nearest(mu[3], 5)
    assert set(labels[rows]) == {4}


def test_a_conditional_priors_density_is_that_of_the_class():
    model = family_model("cvae", prior="conditional")
    with torch.no_grad():
        model.class_prior[:, 0] = torch.arange(10.0)[:, None]
    gauge = ReliabilityGauge(model, encoded_set(codes(50), np.arange(50) % 10))
    reliability = measured(gauge, np.full((2, 2), 4, np.float32), np.array([4, 5]))
    peak = -math.log(2 * math.pi)
    assert [one.log_prior for one in reliability] == pytest.approx([peak, peak - 1])


def test_a_class_without_images_is_far_from_everywhere():
    gauge = ReliabilityGauge(family_model("cvae"), encoded_set(codes(20), np.zeros(20, np.int64)))
    (reliability,) = measured(gauge, codes(1), np.array([9]))
    assert (reliability.n_near, reliability.nearest, reliability.verdict) == (0, math.inf, "far")
    assert reliability.to_json()["nearest"] is None


def test_a_set_of_one_image_has_a_nearest_one_and_no_crowd():
    (reliability,) = measured(ReliabilityGauge(linear_gaussian(), encoded_set(codes(1))), codes(1, seed=1))
    assert (reliability.n_near, reliability.n_typical, reliability.radius) == (0, 0, 0)
    assert reliability.nearest > 0


@pytest.mark.parametrize("family", ["vae", "ae"])
def test_images_are_encoded_grey_to_the_mean_of_the_posterior(family):
    model, split = family_model(family), digits("test", 6)
    grey = encode_split(model, split, is_binary=False, fingerprint="")
    np.testing.assert_allclose(encode_images(model, split.images), grey.mu, rtol=1e-5, atol=1e-6)


def test_images_of_a_conditional_model_are_encoded_given_their_class():
    model, split = family_model("cvae"), digits("test", 6)
    grey = encode_split(model, split, is_binary=False, fingerprint="")
    found = encode_images(model, split.images, split.labels)
    np.testing.assert_allclose(found, grey.mu, rtol=1e-5, atol=1e-6)
    assert np.abs(encode_images(model, split.images, (split.labels + 1) % 10) - found).max() > 1e-3
