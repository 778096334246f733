import numpy as np
import pytest

from explorer.analysis.latent.grids import bilinear_grid
from explorer.errors import ConfigError

CORNERS = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)


def test_the_corners_are_exact_and_the_centre_is_their_mean():
    grid = bilinear_grid(CORNERS, 5, 7)
    assert grid.shape == (5, 7, 16)
    assert grid.dtype == np.float32
    np.testing.assert_array_equal(grid[[0, 0, -1, -1], [0, -1, 0, -1]], CORNERS)
    np.testing.assert_allclose(grid[2, 3], CORNERS.mean(axis=0), atol=1e-6)


def test_rows_and_columns_are_straight_and_even():
    grid = bilinear_grid(CORNERS, 4, 6).astype(float)
    np.testing.assert_allclose(np.diff(grid, n=2, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.diff(grid, n=2, axis=1), 0, atol=1e-6)


@pytest.mark.parametrize(("n_rows", "n_columns", "said"), [(1, 4, "1 rows"), (4, 33, "33 columns")])
def test_a_grid_that_cannot_be_shown_is_refused(n_rows, n_columns, said):
    with pytest.raises(ConfigError, match=f"A grid of {said} between four corners cannot be shown: use 2 to 32"):
        bilinear_grid(CORNERS, n_rows, n_columns)


def test_three_corners_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match=r"expected \(4, L\)"):
        bilinear_grid(CORNERS[:3], 4, 4)
