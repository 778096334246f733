from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from explorer.analysis.projections.base import LinearProjection, aligned_onto
from explorer.analysis.projections.procrustes import (
    STRIP_HEIGHT,
    aligned,
    epoch_map,
    nearest_rotation,
    principal_plane,
    procrustes,
)
from explorer.errors import ProjectionError


def cloud(n=200, n_dims=2, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, n_dims)) * np.linspace(3, 0.5, n_dims) + 5).astype(np.float32)


def turn(angle, *, mirrored=False):
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return rotation * [1, -1] if mirrored else rotation


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.3, 2.0, np.pi])
def test_a_planted_rotation_is_found_and_undone(angle, mirrored):
    planted, points = turn(angle, mirrored=mirrored), cloud()
    np.testing.assert_allclose(nearest_rotation(points, points @ planted), planted, atol=1e-6)
    turned = (points - points.mean(axis=0)) @ planted + [7, -1]
    # What is left of the difference is that of the means, which are not touched.
    np.testing.assert_allclose(aligned(turned, points) - [7, -1], points - points.mean(axis=0), atol=1e-5)


def test_the_nearest_rotation_is_that_of_scipy():
    points, reference = cloud(seed=1), cloud(seed=2)
    expected, _ = orthogonal_procrustes(points.astype(float), reference.astype(float))
    np.testing.assert_allclose(nearest_rotation(points, reference), expected, atol=1e-10)


def test_no_other_rotation_brings_the_points_nearer():
    points, reference = cloud(seed=1), cloud(seed=2)
    points, reference = points - points.mean(axis=0), reference - reference.mean(axis=0)
    least = np.linalg.norm(points @ nearest_rotation(points, reference) - reference)
    others = [turn(angle, mirrored=m) for angle in np.linspace(0, 2 * np.pi, 500) for m in (False, True)]
    assert least <= min(np.linalg.norm(points @ other - reference) for other in others) + 1e-9


def test_aligning_keeps_all_distances_and_the_mean():
    points, reference = cloud(seed=1), cloud(seed=2)
    turned = aligned(points, reference)
    np.testing.assert_allclose(pdist(turned), pdist(points), rtol=1e-5)
    np.testing.assert_allclose(turned.mean(axis=0), points.mean(axis=0, dtype=float), atol=1e-9)


@pytest.mark.parametrize("n_dims", [3, 16, 60])
def test_the_principal_plane_is_that_of_scikit_learn_but_for_signs(n_dims):
    codes = cloud(n_dims=n_dims)
    plane, expected = principal_plane(codes), PCA(2).fit_transform(codes.astype(float))
    np.testing.assert_allclose(np.abs(plane), np.abs(expected), atol=1e-5)


def test_more_dimensions_than_images_have_a_plane_too():
    codes = cloud(n=10, n_dims=40)
    np.testing.assert_allclose(
        pdist(principal_plane(codes)), pdist(PCA(2).fit_transform(codes.astype(float))), rtol=1e-4
    )


def test_a_map_does_not_jump_when_the_codes_are_turned_between_epochs():
    codes = cloud(n_dims=5)
    turned = codes @ np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
    before = epoch_map(codes)
    np.testing.assert_allclose(epoch_map(turned.astype(np.float32), before), before, atol=1e-4)


def test_two_dimensions_are_shown_as_they_are_whatever_came_before():
    codes = cloud()
    assert np.array_equal(epoch_map(codes, codes @ turn(1).astype(np.float32)), codes)


def test_one_dimension_is_a_strip_in_which_an_image_keeps_its_height():
    first, second = epoch_map(cloud(n_dims=1)), epoch_map(2 * cloud(n_dims=1, seed=4))
    assert np.array_equal(first[:, 0], cloud(n_dims=1)[:, 0])
    shares = [points[:, 1] / np.ptp(points[:, 0]) for points in (first, second)]
    np.testing.assert_allclose(shares[0], shares[1], rtol=1e-4)
    assert np.abs(shares[0]).max() <= STRIP_HEIGHT / 2


def test_codes_that_are_all_the_same_are_one_point():
    assert np.array_equal(epoch_map(np.ones((9, 4), np.float32), cloud(9)), np.zeros((9, 2)))
    assert np.isfinite(epoch_map(np.ones((9, 1), np.float32))).all()


def test_maps_of_other_images_and_codes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"map before has shape \(5, 2\), expected \(9, 2\)"):
        epoch_map(cloud(9, 3), cloud(5))
    with pytest.raises(ValueError, match=r"codes have shape \(9,\)"):
        epoch_map(np.zeros(9, np.float32))


def test_a_map_is_turned_onto_another_as_scipy_does_it():
    points, reference = cloud(40), cloud(40, seed=8)
    _, fitted, disparity = scipy_procrustes(reference, points)
    found = procrustes(points, reference)
    assert found.disparity == pytest.approx(disparity, rel=1e-6)
    moved = found.apply(points)
    scale = np.linalg.norm(reference - reference.mean(axis=0))
    np.testing.assert_allclose((moved - reference.mean(axis=0)) / scale, fitted, atol=1e-6)


def test_what_was_turned_mirrored_scaled_and_shifted_comes_back():
    reference = cloud(30)
    moved = 7.5 * reference @ turn(2.1, mirrored=True) + np.array([30, -4])
    found = procrustes(moved, reference)
    np.testing.assert_allclose(found.apply(moved), reference, atol=1e-5)
    np.testing.assert_allclose(found.undo(found.apply(moved)), moved, atol=1e-4)
    assert found.disparity == pytest.approx(0, abs=1e-9)


def test_maps_without_extent_or_of_other_images_are_not_turned():
    with pytest.raises(ProjectionError, match="Maps of 5 and 9 images cannot be turned"):
        procrustes(cloud(5), cloud(9))
    with pytest.raises(ProjectionError, match="at one place"):
        procrustes(np.ones((9, 2)), cloud(9))


def test_a_turned_map_keeps_its_way_back_to_codes():
    encoded = cloud(50, n_dims=5)
    mean = encoded.mean(axis=0)
    linear = LinearProjection(
        method="pca",
        points=(encoded - mean)[:, :2],
        axis_names=("a", "b"),
        axes=np.eye(5, dtype=np.float32)[:2],
        origin=mean,
    )
    turned = aligned_onto(linear, replace(linear, points=cloud(50, seed=3), axis_names=("PC1, 55%", "PC2")))
    assert (turned.exact, turned.axis_names) == (True, ("turned onto PC1", "turned onto PC2"))
    np.testing.assert_allclose(turned.forward(encoded), turned.points, atol=1e-5)
    np.testing.assert_allclose(turned.forward(turned.inverse(turned.points, mean)), turned.points, atol=1e-5)
