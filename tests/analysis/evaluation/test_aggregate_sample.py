"""The aggregated posterior as a sample: densities of area one, the prior's own, and what an autoencoder has."""

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.analysis.evaluation.aggregate_posterior import aggregate_sample
from explorer.models.build import build_model
from tests.support import STANDARD_PRIORS, digits, model_config


def model(family="vae", **changes):
    torch.manual_seed(0)
    return build_model(model_config(family, **changes)).eval().requires_grad_(False)


def sample_of(it, n=200):
    return aggregate_sample(it, digits("test", n), is_binary=False)


def test_a_marginal_is_a_density_of_the_codes_with_their_moments():
    found = sample_of(model())
    assert found.codes.shape == found.means.shape == (200, 2)
    for dim, marginal in enumerate(found.marginals):
        assert (marginal.density * np.diff(marginal.edges)).sum() == pytest.approx(1)
        codes = found.codes[:, dim].astype(float)
        assert (marginal.mean, marginal.variance) == pytest.approx((codes.mean(), codes.var()))
        assert marginal.mean_se == pytest.approx(codes.std() / np.sqrt(200))
        assert marginal.edges[0] <= codes.min() <= codes.max() <= marginal.edges[-1]


def test_the_error_of_a_variance_is_that_of_normal_codes():
    found = sample_of(model("vae"))
    marginal = found.marginals[0]
    kurtosis = stats.kurtosis(found.codes[:, 0].astype(float), fisher=False)
    assert marginal.variance_se == pytest.approx(marginal.variance * np.sqrt((kurtosis - 1) / 200), rel=1e-6)


def test_the_prior_of_a_normal_model_is_the_normal_density():
    marginal = sample_of(model()).marginals[1]
    np.testing.assert_allclose(marginal.prior, stats.norm.pdf(marginal.places), atol=1e-6)
    assert (marginal.prior_mean, marginal.prior_variance) == (0, 1)


@pytest.mark.parametrize("posterior", ["laplace", "gamma", "beta", "gumbel"])
def test_another_prior_is_drawn_as_its_own_density(posterior):
    marginal = sample_of(model(posterior=posterior)).marginals[0]
    prior = STANDARD_PRIORS[posterior]
    edges = marginal.edges
    expected = np.diff(prior.cdf(edges)) / np.diff(edges)
    error = np.sqrt(np.diff(prior.cdf(edges)) / 20_000) / np.diff(edges)
    assert (np.abs(marginal.prior - expected) <= 5 * error + 0.01).all()
    assert marginal.prior_mean == pytest.approx(prior.mean(), abs=1e-4)


def test_a_conditional_prior_is_the_mixture_that_the_classes_of_the_images_make():
    it = model("cvae", prior="conditional")
    it.class_prior[:, 0, 0] = torch.arange(10.0)
    split = digits("test", 200)
    marginal = aggregate_sample(it, split, is_binary=False).marginals[0]
    expected = stats.norm.pdf(marginal.places[:, None], split.labels, 1).mean(axis=1)
    np.testing.assert_allclose(marginal.prior, expected, atol=1e-6)
    assert marginal.prior_mean == pytest.approx(split.labels.mean())
    assert marginal.prior_variance == pytest.approx(1 + split.labels.var(), rel=1e-4)


def test_codes_that_are_those_of_the_prior_do_not_differ_from_it_and_moved_ones_do():
    it = model()
    for parameter in it.encoder.parameters():
        parameter.zero_()
    same = sample_of(it).discrepancy
    assert same.p_value > 0.01
    assert abs(same.value) < 0.02
    list(it.encoder.parameters())[-1][:2] = 1.0
    assert sample_of(it).discrepancy.p_value < 0.01


def test_an_autoencoder_has_codes_and_nothing_to_compare_them_with():
    found = sample_of(model("ae"))
    assert found.discrepancy is None
    np.testing.assert_array_equal(found.codes, found.means)
    for marginal in found.marginals:
        assert marginal.prior is marginal.prior_mean is marginal.prior_variance is None


def test_the_dimension_that_varies_most_comes_first_and_the_same_seed_draws_the_same():
    found, again = (sample_of(model(latent_dim=5)) for _ in range(2))
    variances = found.means.var(axis=0)[found.order()]
    assert (np.diff(variances) <= 0).all()
    np.testing.assert_array_equal(found.codes, again.codes)
    assert found.discrepancy == again.discrepancy
