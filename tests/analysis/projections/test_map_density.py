import numpy as np
import pytest

from explorer.analysis.projections.density import log_density
from explorer.errors import ProjectionError


def test_the_density_of_normal_points_is_that_of_a_normal_as_wide_as_points_and_kernel():
    n = 200_000
    points = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    points[0] = 0
    variance = 1 + n ** (-1 / 3)
    assert log_density(points)[0] == pytest.approx(-np.log(2 * np.pi * variance), abs=0.03)


def test_it_is_the_sum_of_one_normal_for_each_point():
    points = (np.random.default_rng(1).normal(size=(300, 2)) * [3, 0.5] + [100, -7]).astype(np.float32)
    width = points.std(axis=0) * 300 ** (-1 / 6)
    steps = (points[:, None] - points) / width
    kernels = np.exp(-np.square(steps).sum(axis=-1) / 2) / (2 * np.pi * width.prod())
    np.testing.assert_allclose(log_density(points), np.log(kernels.mean(axis=1)), atol=0.03)


def test_a_map_twice_as_large_is_a_quarter_as_dense():
    points = np.random.default_rng(2).normal(size=(1000, 2)).astype(np.float32)
    np.testing.assert_allclose(log_density(points) - log_density(2 * points), np.log(4), atol=1e-3)


@pytest.mark.parametrize("scale", [(0, 0), (0, 1), (1, 0)])
def test_points_at_one_place_or_on_one_line_have_none(scale):
    points = (np.random.default_rng(3).normal(size=(50, 2)) * scale).astype(np.float32)
    with pytest.raises(ProjectionError, match="at one place or on one line"):
        log_density(points)
