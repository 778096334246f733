import numpy as np
import pytest

from explorer.analysis.projections.base import StripProjection
from explorer.analysis.projections.methods import STRIP_HEIGHT, plane
from explorer.analysis.records import EncodedSet
from explorer.errors import ProjectionError


def encoded_line(mu):
    mu = np.asarray(mu, np.float32)[:, None]
    terms = np.zeros(len(mu), np.float32)
    labels = np.zeros(len(mu), np.int64)
    return EncodedSet(mu=mu, log_var=None, labels=labels, reconstruction=terms, kl=terms, fingerprint="")


LINE = encoded_line(np.random.default_rng(0).normal(size=200))


def test_codes_of_one_dimension_lie_at_their_z_within_the_strip():
    strip = plane(LINE)
    assert isinstance(strip, StripProjection)
    np.testing.assert_array_equal(strip.points[:, 0], LINE.mu[:, 0])
    assert np.abs(strip.points[:, 1]).max() <= STRIP_HEIGHT / 2 * np.ptp(LINE.mu)
    assert strip.points[:, 1].std() > 0.2 * STRIP_HEIGHT * np.ptp(LINE.mu)


def test_the_strip_is_the_same_at_every_call():
    np.testing.assert_array_equal(plane(LINE).points, plane(LINE).points)


def test_a_code_of_the_set_lies_where_its_point_is_and_another_in_the_middle():
    strip = plane(LINE)
    np.testing.assert_array_equal(strip.forward(LINE.mu), strip.points)
    np.testing.assert_array_equal(strip.forward(np.float32([[9], [-9]])), [[9, 0], [-9, 0]])


def test_the_code_at_any_height_is_the_place_across():
    codes = plane(LINE).inverse(np.float32([[0.3, 5], [-1, 0]]), LINE.mean_code())
    np.testing.assert_array_equal(codes, np.float32([[0.3], [-1]]))


def test_codes_that_are_all_the_same_have_a_strip_of_some_height():
    assert plane(encoded_line([2, 2, 2])).points[:, 1].std() > 0


def test_other_dimensions_of_one_are_refused():
    with pytest.raises(ProjectionError, match="a latent space of one"):
        plane(LINE, 0, 2)
