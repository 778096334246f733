from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from explorer.analysis.projections import METHODS, pca, plane, project
from explorer.analysis.results import EncodedSet, Projection
from explorer.errors import ProjectionError


def correlated_set(n: int = 300, n_dims: int = 6) -> EncodedSet:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(n_dims, n_dims))
    return EncodedSet(
        mu=(rng.normal(size=(n, n_dims)) @ mixing + rng.normal(size=n_dims)).astype(np.float32),
        log_var=None,
        labels=np.zeros(n, np.int64),
        reconstruction=np.zeros(n, np.float32),
        kl=np.zeros(n, np.float32),
        fingerprint="0" * 16,
    )


def points(n: int = 50) -> np.ndarray:
    return np.random.default_rng(1).uniform(-3, 3, (n, 2)).astype(np.float32)


def projections() -> list[Projection]:
    encoded = correlated_set()
    return [plane(encoded), plane(encoded, 4, 1), pca(encoded)]


def off_the_map(projection: Projection, z: np.ndarray) -> np.ndarray:
    """What of ``z`` is orthogonal to the map's plane."""
    axes = projection.axes.astype(np.float64)
    return z - (z @ axes.T) @ axes


@pytest.mark.parametrize("projection", projections(), ids=["plane", "another plane", "pca"])
def test_a_point_returns_exactly_from_the_latent_space(projection):
    reference = correlated_set().mu[7]
    z = projection.inverse(points(), reference)
    np.testing.assert_allclose(projection.forward(z), points(), atol=1e-5)
    assert projection.exact


@pytest.mark.parametrize("projection", projections(), ids=["plane", "another plane", "pca"])
def test_what_lies_off_the_map_is_that_of_the_reference(projection):
    reference = correlated_set().mu[7]
    z = projection.inverse(points(), reference)
    expected = np.broadcast_to(off_the_map(projection, reference[None]), z.shape)
    np.testing.assert_allclose(off_the_map(projection, z), expected, atol=1e-5)


@pytest.mark.parametrize("projection", projections(), ids=["plane", "another plane", "pca"])
def test_a_code_returns_when_it_is_its_own_reference(projection):
    z = correlated_set().mu[11]
    np.testing.assert_allclose(projection.inverse(projection.forward(z[None]), z)[0], z, atol=1e-5)


@pytest.mark.parametrize("projection", projections(), ids=["plane", "another plane", "pca"])
def test_the_points_of_a_map_are_its_projected_codes(projection):
    np.testing.assert_allclose(projection.forward(correlated_set().mu), projection.points, atol=1e-5)


def test_a_plane_shows_two_dimensions_as_they_are():
    encoded = correlated_set()
    projection = plane(encoded, 4, 1)
    assert np.array_equal(projection.points, encoded.mu[:, [4, 1]])
    assert projection.axis_names == ("z4", "z1")


def test_principal_components_are_those_of_the_singular_value_decomposition():
    encoded = correlated_set()
    centred = encoded.mu.astype(np.float64) - encoded.mu.mean(axis=0, dtype=np.float64)
    _, scales, rows = np.linalg.svd(centred, full_matrices=False)
    projection = pca(encoded)
    np.testing.assert_allclose(np.abs(np.sum(projection.axes * rows[:2], axis=1)), 1, atol=1e-6)
    np.testing.assert_allclose(np.abs(projection.points), np.abs(centred @ rows[:2].T), atol=1e-4)
    ratios = scales[:2] ** 2 / (scales**2).sum()
    np.testing.assert_allclose(projection.parameters["explained_variance_ratio"], ratios, rtol=1e-6)


def test_principal_components_are_those_of_scikit_learn_up_to_sign():
    fitted = PCA(n_components=2, svd_solver="full").fit(correlated_set().mu)
    np.testing.assert_allclose(np.abs(pca(correlated_set()).axes), np.abs(fitted.components_), atol=1e-5)


def test_the_largest_loading_of_each_component_is_positive():
    for axis in pca(correlated_set()).axes:
        assert axis[np.abs(axis).argmax()] > 0


def test_axes_are_orthonormal_and_named_by_their_variance():
    projection = pca(correlated_set())
    np.testing.assert_allclose(projection.axes @ projection.axes.T, np.eye(2), atol=1e-6)
    first, second = projection.parameters["explained_variance_ratio"]
    assert projection.axis_names == (f"PC1, {first:.0%} of variance", f"PC2, {second:.0%} of variance")


def test_codes_that_are_all_the_same_have_a_finite_map_or_none():
    collapsed = replace(correlated_set(), mu=np.ones((300, 6), np.float32))
    try:
        projection = pca(collapsed)
    except ProjectionError:
        return
    assert np.isfinite(projection.points).all()
    assert np.isfinite(projection.parameters["explained_variance_ratio"]).all()


@pytest.mark.parametrize(("i", "j"), [(0, 6), (-1, 0), (2, 2), (0, -6)])
def test_dimensions_that_span_no_plane_are_refused(i, j):
    with pytest.raises(ProjectionError, match="choose two different ones of 0 to 5"):
        plane(correlated_set(), i, j)


@pytest.mark.parametrize(("n", "n_dims"), [(300, 1), (2, 6)])
def test_too_little_for_principal_components_is_refused(n, n_dims):
    with pytest.raises(ProjectionError, match="PCA needs two latent dimensions and three images"):
        pca(correlated_set(n, n_dims))


def test_every_named_method_projects_and_no_other_does():
    for method in METHODS:
        assert project(correlated_set(), method).method == method
    with pytest.raises(ProjectionError, match=r"There is no projection 'magic'\. Choose one of: plane, pca"):
        project(correlated_set(), "magic")


def test_a_projection_survives_storage():
    projection = pca(correlated_set())
    arrays, metadata = projection.to_arrays()
    stored = Projection.from_arrays(arrays, metadata)
    assert np.array_equal(stored.points, projection.points)
    assert (stored.axis_names, stored.parameters) == (projection.axis_names, projection.parameters)
    assert stored.seconds == pytest.approx(projection.seconds, abs=1e-3)


@pytest.mark.parametrize(
    "changes",
    [{"points": np.zeros((3, 3), np.float32)}, {"axes": np.zeros((3, 6), np.float32)}, {"origin": np.zeros(5)}],
    ids=["points", "axes", "origin"],
)
def test_parts_that_do_not_fit_together_are_refused(changes):
    with pytest.raises(ValueError, match="do not fit"):
        replace(pca(correlated_set()), **changes)
