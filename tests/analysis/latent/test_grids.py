import numpy as np
import pytest
import torch
from scipy import stats

from explorer.analysis.latent.grids import blend_weights, manifold_codes, same_style_codes, traversal_codes
from explorer.analysis.latent.priors import normal_prior, prior_codes
from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.config import POSTERIORS
from explorer.models.latent_model import LatentModel
from tests.support import model_config

STANDARD = np.zeros(2, np.float32), np.ones(2, np.float32)


def test_a_manifold_has_the_quantiles_of_a_normal_rightwards_and_upwards():
    codes = manifold_codes(5, *STANDARD)
    quantiles = stats.norm.ppf([0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(codes[2, :, 0], quantiles, atol=1e-6)
    np.testing.assert_allclose(codes[:, 3, 1], quantiles[::-1], atol=1e-6)
    assert codes[2, 2].tolist() == [0, 0]
    assert codes.dtype == np.float32


def test_the_cells_of_a_manifold_are_equally_likely():
    codes = manifold_codes(8, *STANDARD)
    np.testing.assert_allclose(np.diff(stats.norm.cdf(codes[0, :, 0])), 1 / 8, atol=1e-6)


def test_a_manifold_follows_the_mean_and_the_deviation_of_its_prior():
    mean, scale = np.float32([3, -1]), np.float32([2, 0.5])
    np.testing.assert_allclose(manifold_codes(6, mean, scale), mean + scale * manifold_codes(6, *STANDARD), atol=1e-6)


def test_a_traversal_moves_one_dimension_in_a_row_and_nothing_else():
    start, dims = np.float32([1, 2, 3, 4]), np.array([2, 0])
    values = np.float32([[-1, 0, 1], [7, 8, 9]])
    codes = traversal_codes(start, dims, values)
    assert codes.tolist() == [
        [[1, 2, -1, 4], [1, 2, 0, 4], [1, 2, 1, 4]],
        [[7, 2, 3, 4], [8, 2, 3, 4], [9, 2, 3, 4]],
    ]
    assert start.tolist() == [1, 2, 3, 4]


def test_a_blend_goes_from_all_of_one_class_to_all_of_another_in_equal_steps():
    weights = blend_weights(4, (3, 1), 5)
    assert weights[:, 3].tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert weights[:, 1].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert not weights[:, [0, 2]].any()
    assert weights.dtype == np.float32


def test_a_blend_of_a_class_with_itself_is_that_class():
    assert blend_weights(3, (2, 2), 3).tolist() == [[0, 0, 1]] * 3


@pytest.mark.parametrize(("ends", "n_steps"), [((0, 4), 5), ((-1, 0), 5), ((0, 1), 1)])
def test_a_blend_that_is_none_is_refused_in_words(ends, n_steps):
    with pytest.raises(ConfigError, match="is none: use classes 0 to 3 and at least 2 steps"):
        blend_weights(4, ends, n_steps)


def with_class_priors() -> LatentModel:
    """A cvae whose classes have priors of their own: mean y in every dimension, deviation (y + 1) / 2."""
    model = build_model(model_config("cvae", prior="conditional", latent_dim=3))
    y = torch.arange(10.0)[:, None]
    with torch.no_grad():
        model.class_prior[:, 0] = y
        model.class_prior[:, 1] = 2 * ((y + 1) / 2).log()
    return model


def test_a_style_in_another_class_is_the_same_noise_under_its_prior():
    moments = normal_prior(with_class_priors(), np.arange(10))
    z = np.float32([4.5, 5, 9])  # of class 4, mean 4, deviation 2.5: noise 0.2, 0.4, 2
    codes = same_style_codes(z, 4, *moments)
    np.testing.assert_allclose(codes[0], [0.1, 0.2, 1], atol=1e-5)
    np.testing.assert_allclose(codes[9], [10, 11, 19], atol=1e-5)
    assert np.array_equal(codes[4], z)


def test_a_style_under_one_prior_of_all_classes_is_the_code_itself():
    moments = normal_prior(build_model(model_config("cvae")), np.arange(10))
    z = np.float32([0.3, -2])
    np.testing.assert_allclose(same_style_codes(z, 7, *moments), np.tile(z, (10, 1)), atol=1e-6)


def test_the_style_of_a_draw_is_that_draw_in_every_class():
    model = with_class_priors()
    drawn = [prior_codes(model, 1, seed=3, labels=np.array([label]))[0] for label in range(10)]
    np.testing.assert_allclose(same_style_codes(drawn[6], 6, *normal_prior(model, np.arange(10))), drawn, atol=1e-4)


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_the_moments_of_a_standard_normal_prior_are_known(family):
    mean, scale = normal_prior(build_model(model_config(family, latent_dim=3)))
    assert (mean.tolist(), scale.tolist()) == ([0, 0, 0], [1, 1, 1])


@pytest.mark.parametrize("posterior", [name for name in POSTERIORS if name not in {"normal", "normal-full"}])
def test_a_prior_that_is_not_normal_has_no_such_moments(posterior):
    assert normal_prior(build_model(model_config(posterior=posterior, latent_dim=3))) is None


def test_an_autoencoder_has_no_moments_of_a_prior():
    assert normal_prior(build_model(model_config("ae"))) is None
