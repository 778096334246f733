from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from explorer.analysis.projections.base import LinearProjection, NeighbourProjection, projection_from_arrays
from explorer.analysis.projections.methods import (
    METHODS,
    SEED,
    expected_seconds,
    measured,
    pca,
    plane,
    project,
    stages_of,
)
from explorer.analysis.records import EncodedSet
from explorer.errors import ProjectionError
from explorer.jobs.progress import Stages


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


QUICK = {name: method.compute(correlated_set(), None) for name, method in METHODS.items() if not method.is_slow}
LINEAR = {name: found for name, found in QUICK.items() if isinstance(found, LinearProjection)}
LINEAR |= {"another plane": plane(correlated_set(), 4, 1)}
linear = pytest.mark.parametrize("projection", LINEAR.values(), ids=LINEAR)


def test_the_plane_and_principal_components_are_linear():
    assert {"plane", "pca"} <= LINEAR.keys()


def off_the_map(projection: LinearProjection, z: np.ndarray) -> np.ndarray:
    """What of ``z`` is orthogonal to the map's plane."""
    axes = projection.axes.astype(np.float64)
    return z - (z @ axes.T) @ axes


@linear
def test_a_point_returns_exactly_from_the_latent_space(projection):
    reference = correlated_set().mu[7]
    z = projection.inverse(points(), reference)
    np.testing.assert_allclose(projection.forward(z), points(), atol=1e-5)
    assert projection.exact


@linear
def test_what_lies_off_the_map_is_that_of_the_reference(projection):
    reference = correlated_set().mu[7]
    z = projection.inverse(points(), reference)
    expected = np.broadcast_to(off_the_map(projection, reference[None]), z.shape)
    np.testing.assert_allclose(off_the_map(projection, z), expected, atol=1e-5)


@linear
def test_a_code_returns_when_it_is_its_own_reference(projection):
    z = correlated_set().mu[11]
    np.testing.assert_allclose(projection.inverse(projection.forward(z[None]), z)[0], z, atol=1e-5)


@linear
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


@pytest.mark.parametrize("method", METHODS)
def test_every_named_method_projects(method):
    projection = project(blobs(), method)
    assert projection.method == method
    assert projection.points.shape == (150, 2)
    assert projection.points.dtype == np.float32
    assert np.isfinite(projection.points).all()


def test_no_other_method_does():
    with pytest.raises(ProjectionError, match=r"There is no projection 'magic'\. Choose one of: plane, pca"):
        project(correlated_set(), "magic")


def test_a_projection_survives_storage():
    encoded = correlated_set()
    projection = pca(encoded)
    arrays, metadata = projection.to_arrays()
    stored = projection_from_arrays(arrays, metadata, encoded.mu)
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


NONLINEAR = [name for name, method in METHODS.items() if method.is_slow]


def blobs(n: int = 150, spread: float = 0.3) -> EncodedSet:
    """Three classes far apart in five dimensions."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    centres = 6 * np.eye(5)[:3]
    return replace(
        correlated_set(n, 5), mu=(centres[labels] + spread * rng.normal(size=(n, 5))).astype(np.float32), labels=labels
    )


def rolled(n: int = 400) -> NeighbourProjection:
    """A map that is a known smooth curve's own plane: codes are (x, y, x y / 4)."""
    xy = np.random.default_rng(3).uniform(-2, 2, (n, 2)).astype(np.float32)
    codes = np.column_stack([xy, xy[:, 0] * xy[:, 1] / 4]).astype(np.float32)
    return NeighbourProjection(method="umap", points=xy, codes=codes, axis_names=("a", "b"))


@pytest.mark.parametrize("method", NONLINEAR)
def test_a_map_of_neighbours_is_exact_at_the_images_and_says_that_it_is_not_elsewhere(method):
    encoded = blobs()
    projection = project(encoded, method)
    np.testing.assert_allclose(projection.inverse(projection.points, encoded.mu[0]), encoded.mu, atol=1e-4)
    np.testing.assert_allclose(projection.forward(encoded.mu), projection.points, atol=1e-3)
    assert not projection.exact


@pytest.mark.parametrize("method", NONLINEAR)
def test_a_map_of_neighbours_keeps_classes_apart_and_is_the_same_again(method):
    encoded = blobs()
    projection = measured(project(encoded, method), encoded)
    assert projection.quality.knn_accuracy == 1
    assert projection.quality.trustworthiness > 0.8
    np.testing.assert_array_equal(project(encoded, method).points, projection.points)


@pytest.mark.parametrize(("method", "n_iterations"), [("pacmap", 450), ("umap", 500), ("tsne", 750)])
def test_a_map_of_neighbours_that_says_how_far_it_is_is_the_same_map(method, n_iterations):
    said = []
    projection = project(blobs(), method, stages_of(method, 150, said.append))
    np.testing.assert_array_equal(projection.points, project(blobs(), method).points)
    stages = list(dict.fromkeys(it.what.split(",")[0] for it in said))
    assert stages == ["loading the method", "finding neighbours", "laying out the points"]
    fractions = [it.fraction for it in said]
    assert fractions == sorted(fractions)
    assert said[-1].what == f"laying out the points, {n_iterations} of {n_iterations}"


def test_the_expected_seconds_are_those_of_the_benchmark_and_grow_with_the_codes():
    measured_seconds = {"pacmap": 3, "umap": 33, "tsne": 21}
    assert {method: expected_seconds(method, 10_000) for method in measured_seconds} == pytest.approx(measured_seconds)
    for method in NONLINEAR:
        assert 0 < expected_seconds(method, 300) < expected_seconds(method, 10_000) < expected_seconds(method, 70_000)


def test_a_place_between_images_is_given_nearly_the_code_that_lies_there():
    projection = rolled()
    places = np.random.default_rng(4).uniform(-1.5, 1.5, (200, 2)).astype(np.float32)
    z = projection.inverse(places, projection.codes[0])
    expected = np.column_stack([places, places[:, 0] * places[:, 1] / 4])
    assert np.median(np.linalg.norm(z - expected, axis=1)) < 0.03
    assert np.linalg.norm(z - expected, axis=1).max() < 0.25


def test_the_round_trip_that_is_reported_is_that_of_places_between_neighbours():
    projection = rolled()
    encoded = replace(correlated_set(400, 3), mu=projection.codes, labels=np.arange(400) % 2)
    reported = measured(projection, encoded).quality.round_trip
    points = projection.points.astype(float)
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(400)
    places = ((points + points[apart.argmin(1)]) / 2).astype(np.float32)
    misses = np.linalg.norm(projection.forward(projection.inverse(places, projection.codes[0])) - places, axis=1)
    radius = np.sqrt(np.square(points - points.mean(0)).sum(1).mean())
    assert reported == pytest.approx(np.median(misses) / radius, rel=1e-4)
    assert 0 < reported < 0.05


def test_the_quality_of_a_map_that_loses_nothing_is_perfect():
    encoded = correlated_set(200, 2)
    quality = measured(plane(encoded), encoded).quality
    assert (quality.trustworthiness, quality.continuity, quality.round_trip) == (1, 1, 0)
    assert quality.knn_accuracy is None
    assert quality.n_compared == 200


def test_trustworthiness_falls_and_continuity_stays_where_a_map_folds():
    encoded = correlated_set(300, 3)
    folded = replace(plane(encoded), points=np.abs(plane(encoded).points))
    quality = measured(folded, encoded).quality
    assert quality.trustworthiness < quality.continuity


def test_neighbours_on_a_map_of_mixed_classes_are_right_by_chance():
    encoded = replace(correlated_set(2000, 2), labels=np.random.default_rng(SEED).integers(0, 4, 2000))
    assert measured(plane(encoded), encoded).quality.knn_accuracy == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("method", NONLINEAR)
def test_too_few_images_and_codes_that_are_no_numbers_have_no_map_of_neighbours(method):
    with pytest.raises(ProjectionError, match="looks at neighbours, and 19 images have too few: it needs 20"):
        project(blobs(19), method)
    wrong = blobs()
    wrong.mu[3, 1] = np.nan
    with pytest.raises(ProjectionError, match="A code is not a finite number"):
        project(wrong, method)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "plane"])
def test_codes_that_are_all_the_same_have_no_map_and_that_is_said_at_once(method, monkeypatch):
    monkeypatch.setattr(Stages, "begin", lambda *_: pytest.fail("the method was loaded"))
    same = replace(blobs(), mu=np.ones_like(blobs().mu))
    with pytest.raises(ProjectionError, match=f"All codes are the same, so {METHODS[method].title} has no map of them"):
        project(same, method, stages_of(method, 100, lambda _: None) if METHODS[method].is_slow else None)


def test_a_map_of_neighbours_survives_storage_with_its_quality_and_needs_codes_that_fit():
    encoded = blobs()
    projection = measured(project(encoded, "pacmap"), encoded)
    arrays, metadata = projection.to_arrays()
    assert set(arrays) == {"points"}
    stored = projection_from_arrays(arrays, metadata, encoded.mu)
    place = projection.points[:5] + 0.1
    np.testing.assert_array_equal(stored.inverse(place, encoded.mu[0]), projection.inverse(place, encoded.mu[0]))
    assert stored.quality == projection.quality
    with pytest.raises(ValueError, match="points are float32 of shape"):
        projection_from_arrays(arrays, metadata, encoded.mu[1:])
