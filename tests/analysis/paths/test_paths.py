"""Straight, spherical and polygonal paths: where they are, how evenly they go, and what is said where they cannot."""

import numpy as np
import pytest

from explorer.analysis.paths.interpolation import (
    MAX_FRAMES,
    at_constant_speed,
    linear_path,
    path_times,
    polyline_path,
    spherical_path,
    step_lengths,
)
from explorer.errors import ConfigError

T = path_times(9)


def codes(n, n_dims=16, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_dims)).astype(np.float32)


def angles(path):
    """Angles between each code and the next, as seen from the origin."""
    z = path.codes.astype(float)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    return np.arccos(np.clip((unit[1:] * unit[:-1]).sum(1), -1, 1))


def test_times_go_evenly_from_0_to_1():
    np.testing.assert_array_equal(path_times(5), [0, 0.25, 0.5, 0.75, 1])


def test_an_overshoot_adds_a_frame_beyond_each_end():
    t = path_times(3, overshoot=0.2)
    np.testing.assert_allclose(t, [-0.2, 0, 0.5, 1, 1.2])
    a, b = codes(2)
    assert linear_path(a, b, t).is_overshoot.tolist() == [True, False, False, False, True]
    assert not linear_path(a, b, T).is_overshoot.any()


@pytest.mark.parametrize("n_frames", [1, 0, -3, MAX_FRAMES + 1])
def test_too_few_and_too_many_frames_are_refused(n_frames):
    with pytest.raises(ConfigError, match=f"A path of {n_frames} frames cannot be shown: use 2 to 1,000"):
        path_times(n_frames)


@pytest.mark.parametrize("overshoot", [-0.1, 1.5, float("nan")])
def test_an_overshoot_that_is_no_share_is_refused(overshoot):
    with pytest.raises(ConfigError, match="out of reach: use 0 to 1"):
        path_times(4, overshoot=overshoot)


@pytest.mark.parametrize("make", [linear_path, spherical_path])
def test_both_ends_are_on_the_path(make):
    a, b = codes(2)
    path = make(a, 3 * b, T)
    assert path.codes.dtype == np.float32
    assert path.codes.shape == (9, 16)
    np.testing.assert_allclose(path.codes[[0, -1]], [a, 3 * b], rtol=1e-6, atol=1e-6)


def test_a_linear_path_is_the_weighted_mean_of_its_ends_and_goes_straight_on():
    a, b = codes(2)
    t = path_times(5, overshoot=0.3)
    np.testing.assert_allclose(linear_path(a, b, t).codes, np.outer(1 - t, a) + np.outer(t, b), atol=1e-6)


def test_a_quarter_turn_is_cosine_and_sine():
    path = spherical_path(np.array([2.0, 0], np.float32), np.array([0, 2.0], np.float32), path_times(7, overshoot=0.5))
    turned = path.t * np.pi / 2
    np.testing.assert_allclose(path.codes, 2 * np.stack([np.cos(turned), np.sin(turned)], axis=1), atol=1e-6)


def test_between_codes_of_equal_length_a_spherical_path_keeps_the_length_and_equal_angles():
    a, b = codes(2)
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    path = spherical_path(a, b, path_times(9, overshoot=0.25))
    np.testing.assert_allclose(np.linalg.norm(path.codes, axis=1), np.linalg.norm(a), rtol=1e-5)
    np.testing.assert_allclose(angles(path)[1:-1], angles(path)[1], rtol=1e-4)
    np.testing.assert_allclose(angles(path)[[0, -1]], 2 * angles(path)[1], rtol=1e-4)
    assert path.note == ""


def test_between_codes_of_unequal_length_the_length_goes_evenly_and_the_angles_stay_equal():
    a, b = codes(2)
    path = spherical_path(a, 5 * b, T)
    lengths = np.linalg.norm(path.codes, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(np.linalg.norm(a), 5 * np.linalg.norm(b), 9), rtol=1e-5)
    np.testing.assert_allclose(angles(path), angles(path)[0], rtol=1e-4)


def test_between_parallel_codes_a_spherical_path_is_the_straight_one():
    a = codes(1)[0]
    t = path_times(9, overshoot=0.5)
    np.testing.assert_allclose(spherical_path(a, 2 * a, t).codes, linear_path(a, 2 * a, t).codes, atol=1e-5)


@pytest.mark.parametrize("angle", [1e-2, 1e-4, 1e-6, 1e-8])
def test_towards_parallel_codes_a_spherical_path_becomes_the_straight_one(angle):
    a = np.array([1.0, 0, 0], np.float32)
    b = np.array([2 * np.cos(angle), 2 * np.sin(angle), 0]).astype(np.float32)
    difference = np.abs(spherical_path(a, b, T).codes - linear_path(a, b, T).codes).max()
    assert difference <= angle


def test_between_opposite_codes_the_way_is_a_half_circle_by_the_dimension_they_have_least_of():
    a = np.array([3.0, 0.5, -4.0], np.float32)
    path = spherical_path(a, -a, path_times(5))
    assert path.note.endswith("this one goes by way of dimension 1.")
    np.testing.assert_allclose(np.linalg.norm(path.codes, axis=1), np.linalg.norm(a), rtol=1e-6)
    np.testing.assert_allclose(angles(path), np.pi / 4, rtol=1e-5)
    middle = path.codes[2].astype(float)
    assert middle @ a == pytest.approx(0, abs=1e-5)
    assert middle[1] == np.abs(middle).max()
    np.testing.assert_array_equal(path.codes, spherical_path(a, -a, path_times(5)).codes)


def test_of_opposite_codes_that_rounding_has_turned_the_plane_is_that_of_opposite_ones():
    a = codes(1)[0]
    b = (-a.astype(float) / 3).astype(np.float32)
    path, exact = spherical_path(a, b, T), spherical_path(a, -a, T)
    assert "opposite" in path.note
    cosine = (path.codes[4].astype(float) @ exact.codes[4]) / np.prod(
        np.linalg.norm([path.codes[4], exact.codes[4]], axis=1)
    )
    assert cosine == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_zero_code_has_no_direction_so_the_path_is_straight_and_says_so(is_first):
    a, zero = codes(1)[0], np.zeros(16, np.float32)
    ends = (zero, a) if is_first else (a, zero)
    path = spherical_path(*ends, T)
    assert "zero code, which has no direction" in path.note
    np.testing.assert_array_equal(path.codes, linear_path(*ends, T).codes)


def test_in_one_dimension_the_way_from_minus_to_plus_is_straight_and_says_so():
    a, b = np.array([-1.0], np.float32), np.array([2.0], np.float32)
    path = spherical_path(a, b, T)
    assert "no way around the origin" in path.note
    np.testing.assert_allclose(path.codes[:, 0], np.linspace(-1, 2, 9), atol=1e-6)
    assert spherical_path(-a, b, T).note == ""


@pytest.mark.parametrize("make", [linear_path, spherical_path])
def test_between_the_same_code_the_path_stays_and_says_so(make):
    a = codes(1)[0]
    path = make(a, a, path_times(5, overshoot=0.5))
    assert path.note == "Both ends are the same code: the path stays there."
    np.testing.assert_array_equal(path.codes, np.tile(a, (7, 1)))


def test_an_overshoot_towards_the_origin_does_not_pass_it():
    a, b = np.array([1.0, 0], np.float32), np.array([0, 9.0], np.float32)
    path = spherical_path(a, b, path_times(3, overshoot=1))
    np.testing.assert_array_equal(path.codes[0], [0, 0])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("make", [linear_path, spherical_path])
def test_a_code_that_is_not_finite_is_refused(make, wrong):
    a, b = codes(2)
    b[3] = wrong
    with pytest.raises(ConfigError, match="not finite"):
        make(a, b, T)


def test_codes_of_unlike_shapes_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(4,\)"):
        linear_path(np.zeros(3, np.float32), np.zeros(4, np.float32), T)


def test_a_polyline_goes_in_equal_latent_steps_through_its_vertices():
    vertices = np.array([[0, 0], [3, 0], [3, 1], [3, 1], [2, 1]], np.float32)
    path = polyline_path(vertices, path_times(11))
    np.testing.assert_allclose(path.codes[[0, 6, 8, 10]], vertices[[0, 1, 2, 4]], atol=1e-6)
    np.testing.assert_allclose(step_lengths(path.codes), 0.5, rtol=1e-5)


def test_a_polyline_of_two_vertices_is_the_linear_path():
    a, b = codes(2)
    t = path_times(7, overshoot=0.4)
    np.testing.assert_allclose(polyline_path(np.stack([a, b]), t).codes, linear_path(a, b, t).codes, atol=1e-6)


def test_beyond_its_ends_a_polyline_goes_straight_on_at_its_own_speed():
    vertices = np.array([[0, 0], [2, 0], [2, 2]], np.float32)
    path = polyline_path(vertices, np.array([-0.5, -0.25, 1.25, 1.5]))
    np.testing.assert_allclose(path.codes, [[-2, 0], [-1, 0], [2, 3], [2, 4]], atol=1e-5)


def test_a_first_piece_as_short_as_rounding_does_not_say_where_a_polyline_goes_on():
    vertices = np.array([[0, 1e-6], [0, 0], [1, 0]], np.float32)
    beyond = polyline_path(vertices, np.array([-0.5])).codes[0]
    np.testing.assert_allclose(beyond, [-0.5, 0], atol=1e-4)


def test_a_polyline_whose_vertices_coincide_stays():
    path = polyline_path(np.ones((4, 3), np.float32), path_times(5, overshoot=0.5))
    np.testing.assert_array_equal(path.codes, np.ones((7, 3)))


def test_a_path_at_other_times_is_the_same_curve():
    a, b = codes(2)
    path = spherical_path(a, b, T)
    np.testing.assert_array_equal(path.at(path_times(33)).codes[::4], path.codes)
    assert len(path.finely(100)) == 101
    assert path.finely(100).kind == "spherical"


def test_at_constant_speed_the_images_change_equally():
    # The image's speed along z = t is 3 t^2: a third of the way is behind it at t = 3^(-1/3).
    path = linear_path(np.zeros(1, np.float32), np.ones(1, np.float32), path_times(4, overshoot=0.1))
    fine = path.finely(4096)
    even = at_constant_speed(path, fine, fine.codes.astype(float) ** 3)
    np.testing.assert_allclose(even.t, [-0.1, 0, (1 / 3) ** (1 / 3), (2 / 3) ** (1 / 3), 1, 1.1], atol=1e-4)
    np.testing.assert_allclose(even.codes[:, 0], even.t, atol=1e-6)
    np.testing.assert_allclose(step_lengths(even.codes[1:-1].astype(float) ** 3), 1 / 3, atol=1e-3)


def test_where_the_image_stands_still_no_frame_is_spent():
    path = linear_path(np.zeros(1, np.float32), np.ones(1, np.float32), path_times(5))
    fine = path.finely(1000)
    stands_between = np.where(fine.codes < 0.25, fine.codes, np.maximum(fine.codes - 0.5, 0.25))
    np.testing.assert_allclose(at_constant_speed(path, fine, stands_between).t, [0, 0.125, 0.25, 0.875, 1], atol=1e-3)


def test_where_the_image_never_changes_the_frames_stay_and_the_note_says_so():
    a, b = codes(2)
    path = linear_path(a, b, T)
    even = at_constant_speed(path, path.finely(8), np.ones((9, 1, 4, 4)))
    np.testing.assert_array_equal(even.codes, path.codes)
    assert even.note == "The image does not change along this path."


def test_images_of_another_sampling_are_a_mistake_of_the_caller():
    a, b = codes(2)
    path = linear_path(a, b, T)
    with pytest.raises(ValueError, match="5 images do not go with 9 codes"):
        at_constant_speed(path, path, np.zeros((5, 2)))
