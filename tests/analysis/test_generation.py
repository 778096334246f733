import numpy as np
import pytest
from scipy import stats

from explorer.analysis.generation import prior_codes as draw_codes
from explorer.analysis.generation import spread_rows
from explorer.models.latent_model import build_model
from tests.support import model_config


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
