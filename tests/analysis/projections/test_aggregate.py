import numpy as np
import pytest
from scipy.stats import multivariate_normal

from explorer.analysis.projections import density
from explorer.analysis.projections.base import NeighbourProjection
from explorer.analysis.projections.density import (
    N_CELLS,
    N_CELLS_CORRELATED,
    density_grid,
    interpolated,
    kernel_covariances,
    map_covariances,
)
from explorer.analysis.projections.methods import pca, plane
from explorer.analysis.records import EncodedSet


def encoded_set(n=40, n_dims=4, seed=0, scale=1.0):
    """Codes with posteriors of unequal widths, and for n of them a wide spread."""
    rng = np.random.default_rng(seed)
    return EncodedSet(
        mu=rng.normal(scale=scale, size=(n, n_dims)).astype(np.float32),
        log_var=rng.uniform(-3, 0, (n, n_dims)).astype(np.float32),
        labels=np.arange(n) % 10,
        reconstruction=np.zeros(n, np.float32),
        kl=np.zeros(n, np.float32),
        fingerprint="f",
    )


def as_matrices(covariances):
    return covariances[:, [0, 1, 1, 2]].reshape(-1, 2, 2)


def mixture_at(places, means, matrices):
    return np.mean([multivariate_normal(m, c).pdf(places) for m, c in zip(means, matrices, strict=True)], axis=0)


@pytest.mark.parametrize("project", [plane, pca])
def test_the_density_is_the_mean_of_the_posteriors_of_all_images(project):
    encoded = encoded_set()
    projection = project(encoded)
    covariances = map_covariances(encoded, projection)
    grid = density_grid(projection, covariances)
    x, y = grid.centres()
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(len(y), size=200), rng.integers(len(x), size=200)
    expected = mixture_at(np.stack([x[columns], y[rows]], 1), projection.points.astype(float), as_matrices(covariances))
    np.testing.assert_allclose(grid.values[rows, columns], expected, rtol=1e-5, atol=1e-7 * grid.values.max())
    assert (grid.kind, grid.n_images) == ("posterior", 40)
    assert grid.values.dtype == np.float32
    assert grid.values.shape == ((N_CELLS,) * 2 if project is plane else (N_CELLS_CORRELATED,) * 2)


@pytest.mark.parametrize("project", [plane, pca])
@pytest.mark.parametrize("has_posteriors", [True, False])
def test_a_density_integrates_to_one(project, has_posteriors):
    encoded = encoded_set(n=300)
    projection = project(encoded)
    grid = density_grid(projection, map_covariances(encoded, projection) if has_posteriors else None)
    width, height = grid.cell
    assert grid.values.sum(dtype=np.float64) * width * height == pytest.approx(1, abs=2e-3)


def test_posteriors_narrower_than_a_cell_lose_nothing():
    encoded = encoded_set(n=200)
    encoded.log_var[:] = -40
    projection = plane(encoded)
    grid = density_grid(projection, map_covariances(encoded, projection))
    width, height = grid.cell
    assert grid.values.sum(dtype=np.float64) * width * height == pytest.approx(1, abs=2e-3)


def test_a_covariance_on_the_map_is_that_of_samples_laid_on_it():
    encoded = encoded_set(n=30, n_dims=5)
    projection = pca(encoded)
    covariances = as_matrices(map_covariances(encoded, projection))
    rng = np.random.default_rng(2)
    for row in (0, 7):
        noise = rng.normal(size=(400_000, 5)) * np.exp(encoded.log_var[row] / 2)
        samples = projection.forward((encoded.mu[row] + noise).astype(np.float32))
        np.testing.assert_allclose(np.cov(samples.T), covariances[row], atol=0.006)


def test_on_a_plane_a_covariance_is_the_two_variances():
    encoded = encoded_set()
    covariances = map_covariances(encoded, plane(encoded, 3, 1))
    np.testing.assert_allclose(covariances[:, [0, 2]], np.exp(encoded.log_var[:, [3, 1]]), rtol=1e-6)
    assert np.abs(covariances[:, 1]).max() == 0


def test_a_map_that_is_not_linear_and_a_set_without_variances_have_no_covariances():
    encoded = encoded_set()
    bent = NeighbourProjection(
        method="umap", points=encoded.mu[:, :2], axis_names=("UMAP 1", "UMAP 2"), codes=encoded.mu
    )
    assert map_covariances(encoded, bent) is None
    points_only = EncodedSet(
        mu=encoded.mu,
        log_var=None,
        labels=encoded.labels,
        reconstruction=encoded.reconstruction,
        kl=encoded.kl,
        fingerprint="f",
    )
    assert map_covariances(points_only, plane(points_only)) is None
    grid = density_grid(bent, None)
    assert grid.kind == "kernels"


def test_the_points_alone_are_smoothed_by_the_distance_to_the_kth_neighbour():
    points = np.random.default_rng(0).normal(size=(100, 2))
    distances = np.sort(np.linalg.norm(points[:, None] - points[None], axis=2), axis=1)
    kernels = kernel_covariances(points)
    np.testing.assert_allclose(kernels[:, 0], distances[:, 5] ** 2)  # k = sqrt(100) / 2; the nearest is itself
    np.testing.assert_array_equal(kernels[:, 0], kernels[:, 2])
    assert np.abs(kernels[:, 1]).max() == 0


def test_equal_points_have_a_density():
    encoded = encoded_set(n=30)
    encoded.mu[:] = 1
    grid = density_grid(plane(encoded), None)
    assert np.isfinite(grid.values).all()
    assert grid.values.max() > 0


def test_one_image_in_a_thousand_lies_below_the_threshold():
    encoded = encoded_set(n=5000, n_dims=2)
    projection = plane(encoded)
    grid = density_grid(projection, map_covariances(encoded, projection))
    at_points = interpolated(grid.values, grid.extent, projection.points)
    assert (at_points < grid.threshold).sum() == pytest.approx(5, abs=1)


def test_a_place_far_from_all_images_is_below_the_threshold_and_one_among_them_is_not():
    encoded = encoded_set(n=500, n_dims=2)
    encoded.mu[:250, 0] += 12
    projection = plane(encoded)
    grid = density_grid(projection, map_covariances(encoded, projection))
    between, among = interpolated(grid.values, grid.extent, np.array([[6.0, 0.0], [12.0, 0.0]]))
    assert between < grid.threshold < among


def test_too_many_correlated_normals_are_a_stated_sample(monkeypatch):
    monkeypatch.setattr(density, "MAX_CORRELATED", 100)
    encoded = encoded_set(n=400)
    projection = pca(encoded)
    covariances = map_covariances(encoded, projection)
    grid, again = (density_grid(projection, covariances, seed=3) for _ in range(2))
    assert grid.n_images == 100
    np.testing.assert_array_equal(grid.values, again.values)
    width, height = grid.cell
    assert grid.values.sum(dtype=np.float64) * width * height == pytest.approx(1, abs=5e-3)


def test_a_grid_reads_upwards_and_to_the_right():
    values = np.arange(12.0).reshape(3, 4)
    extent = (10.0, 14.0, -3.0, 0.0)
    found = interpolated(values, extent, np.array([[10.5, -2.5], [13.5, -2.5], [10.5, -0.5], [11.0, -2.0]]))
    np.testing.assert_allclose(found, [0, 3, 8, 2.5])
