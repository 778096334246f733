from typing import get_args

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.analysis.latent.priors import prior_codes as draw_codes
from explorer.analysis.latent.priors import spread_rows
from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.config import POSTERIORS, PosteriorName
from tests.support import STANDARD_PRIORS, model_config


def prior_codes(n, latent_dim, **settings):
    return draw_codes(build_model(model_config("vae", latent_dim=latent_dim)), n, **settings)


def test_prior_codes_follow_the_standard_normal():
    codes = prior_codes(5000, 3, seed=0)
    for column in codes.T:
        assert stats.kstest(column.astype(np.float64), stats.norm.cdf).pvalue > 1e-3
    correlation = np.corrcoef(codes.T) - np.eye(3)
    assert np.abs(correlation).max() < 4 / 5000**0.5


def test_a_draw_is_the_same_however_many_are_drawn():
    many = prior_codes(64, 5, seed=7)
    for n in (1, 2, 63):
        assert np.array_equal(prior_codes(n, 5, seed=7), many[:n])


def test_another_seed_draws_other_codes():
    assert not np.array_equal(prior_codes(4, 5, seed=7), prior_codes(4, 5, seed=8))


@pytest.mark.parametrize("temperature", [0.0, 0.5, 2.0])
def test_a_temperature_scales_the_draws(temperature):
    expected = temperature * prior_codes(10, 3, seed=1)
    np.testing.assert_allclose(prior_codes(10, 3, seed=1, temperature=temperature), expected, rtol=1e-6)


def test_rows_take_the_classes_in_turn_in_the_order_in_which_they_stand():
    labels = np.array([1, 1, 0, 2, 1, 0, 2])
    assert spread_rows(labels, 5).tolist() == [2, 0, 3, 5, 1]
    assert spread_rows(labels, 7).tolist() == [2, 0, 3, 5, 1, 6, 4]


def test_there_are_no_more_rows_than_labels():
    assert spread_rows(np.array([4, 4]), 10).tolist() == [0, 1]


def test_as_many_rows_as_classes_show_each_class_once():
    labels = np.random.default_rng(0).integers(0, 10, 500)
    assert labels[spread_rows(labels, 10)].tolist() == list(range(10))


STANDARD = STANDARD_PRIORS | {"normal-full": stats.norm(), "dirichlet": stats.beta(1, 2)}
"""The matching prior of each dimension of three; a Dirichlet's is a beta."""

NOT_NORMAL = [name for name in get_args(PosteriorName) if name not in {"normal", "normal-full"}]


def built(family="vae", **changes):
    return build_model(model_config(family, **({"latent_dim": 3} | changes)))


def classes(n, label):
    return np.full(n, label, np.int64)


def with_class_priors(**changes):
    """A cvae whose classes have priors of their own: mean y in every dimension, deviation (y + 1) / 2."""
    model = built("cvae", prior="conditional", **changes)
    y = torch.arange(10.0)[:, None]
    with torch.no_grad():
        model.class_prior[:, 0] = y
        model.class_prior[:, 1] = 2 * ((y + 1) / 2).log()
    return model


@pytest.mark.parametrize("posterior", get_args(PosteriorName))
def test_codes_follow_the_matching_prior_of_every_posterior(posterior):
    codes = draw_codes(built(posterior=posterior), 1500, seed=0)
    assert codes.dtype == np.float32
    for column in codes.T.astype(np.float64):
        assert stats.kstest(column, STANDARD[posterior].cdf).pvalue > 1e-3
    correlation = np.corrcoef(stats.rankdata(codes, axis=0).T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(correlation, -0.5 if posterior == "dirichlet" else 0, atol=0.11)


@pytest.mark.parametrize("posterior", [name for name in NOT_NORMAL if POSTERIORS[name].is_real])
def test_codes_of_a_normal_prior_are_normal_whatever_the_posterior(posterior):
    codes = draw_codes(built(posterior=posterior, prior="normal"), 1500, seed=1)
    for column in codes.T.astype(np.float64):
        assert stats.kstest(column, stats.norm.cdf).pvalue > 1e-3


def test_codes_of_a_gan_are_those_of_a_vae():
    assert np.array_equal(draw_codes(built("gan"), 20, seed=3), draw_codes(built(), 20, seed=3))


@pytest.mark.parametrize("posterior", ["normal", "laplace"])
def test_codes_of_a_class_follow_the_prior_of_that_class(posterior):
    for label in (0, 7):
        codes = draw_codes(with_class_priors(posterior=posterior), 1500, seed=2, labels=classes(1500, label))
        for column in codes.T.astype(np.float64):
            assert stats.kstest(column, stats.norm(label, (label + 1) / 2).cdf).pvalue > 1e-3


@pytest.mark.parametrize("posterior", ["normal", "normal-full", "laplace", "student-t"])
def test_a_draw_has_the_same_noise_in_every_class(posterior):
    model = with_class_priors(posterior=posterior)
    drawn = {label: draw_codes(model, 9, seed=4, labels=classes(9, label)) for label in (0, 3, 9)}
    noise = {label: (codes - label) / ((label + 1) / 2) for label, codes in drawn.items()}
    np.testing.assert_allclose(noise[3], noise[0], atol=1e-5)
    np.testing.assert_allclose(noise[9], noise[0], atol=1e-5)
    labels = np.array([9, 0, 3] * 3)
    expected = [drawn[label][row] for row, label in enumerate(labels)]
    np.testing.assert_allclose(draw_codes(model, 9, seed=4, labels=labels), expected, atol=1e-5)


@pytest.mark.parametrize("posterior", get_args(PosteriorName))
def test_a_draw_is_the_same_however_many_are_drawn_from_every_prior(posterior):
    many = draw_codes(built(posterior=posterior), 40, seed=7)
    for n in (1, 6, 39):
        assert np.array_equal(draw_codes(built(posterior=posterior), n, seed=7), many[:n])


CONDITIONAL = ["normal", "normal-full", *(name for name in NOT_NORMAL if POSTERIORS[name].is_real)]


@pytest.mark.parametrize("posterior", CONDITIONAL)
def test_a_draw_of_a_class_is_the_same_however_many_are_drawn(posterior):
    model = with_class_priors(posterior=posterior)
    many = draw_codes(model, 50, seed=7, labels=classes(50, 3))
    np.testing.assert_allclose(draw_codes(model, 6, seed=7, labels=classes(6, 3)), many[:6], atol=1e-6)


def test_a_temperature_scales_the_deviation_of_a_class_around_its_mean():
    model, labels = with_class_priors(), classes(10, 5)
    warm, plain = (draw_codes(model, 10, seed=1, temperature=t, labels=labels) for t in (0.5, 1.0))
    np.testing.assert_allclose(warm - 5, 0.5 * (plain - 5), atol=1e-5)
    assert np.abs(draw_codes(model, 10, seed=1, temperature=0.0, labels=labels) - 5).max() == 0


@pytest.mark.parametrize("posterior", NOT_NORMAL)
def test_a_prior_that_is_not_normal_has_no_temperature(posterior):
    with pytest.raises(
        ConfigError, match=rf"prior of a {posterior} posterior is no normal.* temperature 0\.5 .* Use 1\."
    ):
        draw_codes(built(posterior=posterior), 4, seed=0, temperature=0.5)


@pytest.mark.parametrize("posterior", ["laplace", "gumbel"])
def test_a_normal_prior_of_another_posterior_has_a_temperature(posterior):
    model = built(posterior=posterior, prior="normal")
    cold, plain = (draw_codes(model, 10, seed=1, temperature=t) for t in (0.5, 1.0))
    np.testing.assert_allclose(cold, 0.5 * plain, rtol=1e-5)


def test_an_autoencoder_has_nothing_to_draw_from_and_says_so():
    with pytest.raises(ConfigError, match="A model of family 'ae' has no prior: there is nothing to draw from"):
        draw_codes(built("ae"), 4, seed=0)


def test_a_prior_of_classes_without_a_class_is_refused_in_words():
    with pytest.raises(ConfigError, match="This cvae has a prior for each class: pass classes, 0 to 9"):
        draw_codes(with_class_priors(), 4, seed=0)


def test_drawing_leaves_the_outer_random_state():
    model = built(posterior="gamma")
    before = torch.get_rng_state()
    draw_codes(model, 4, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_draw_between_two_classes_has_the_same_noise_as_in_either():
    model, weights = with_class_priors(), np.zeros((9, 10), np.float32)
    weights[:, [0, 3]] = 0.25, 0.75
    between, first = (draw_codes(model, 9, seed=4, labels=labels) for labels in (weights, classes(9, 0)))
    scale = 0.5**0.25 * 2**0.75  # deviations of classes 0 and 3, weighed in their logarithms
    np.testing.assert_allclose((between - 0.75 * 3) / scale, first / 0.5, atol=1e-5)
