import math

import numpy as np
import pytest

from explorer.analysis.projections.lasso import MAX_VERTICES, mean_image, rows_inside, summarise, without_classes
from explorer.analysis.records import EncodedSet
from explorer.errors import ServingError

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


def winding_numbers(points, outline):
    """How often an outline goes around each point, from the angles that its edges are seen under."""
    turns = []
    for point in np.asarray(points, float):
        rays = np.asarray(outline, float) - point
        angles = np.arctan2(rays[:, 1], rays[:, 0])
        steps = np.diff(np.append(angles, angles[0]))
        turns.append(round(sum((step + math.pi) % (2 * math.pi) - math.pi for step in steps) / (2 * math.pi)))
    return np.array(turns)


def places(n, seed=0):
    return np.random.default_rng(seed).uniform(-2, 2, (n, 2)).astype(np.float32)


def inside(points, outline):
    return rows_inside(np.asarray(points, np.float32), np.asarray(outline, np.float64)).tolist()


@pytest.mark.parametrize("n_vertices", [3, 4, 7, 60, MAX_VERTICES])
def test_points_are_inside_where_a_random_outline_goes_around_them_an_odd_number_of_times(n_vertices):
    points = places(200 if n_vertices == MAX_VERTICES else 1000)
    outline = np.random.default_rng(n_vertices).uniform(-2, 2, (n_vertices, 2))
    expected = np.flatnonzero(winding_numbers(points, outline) % 2)
    assert 0 < len(expected) < len(points)
    assert inside(points, outline) == expected.tolist()


def test_the_middle_of_a_pentagram_which_is_gone_around_twice_is_outside():
    angles = 2 * math.pi * np.arange(5) * 2 / 5 + math.pi / 2
    star = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tips = 0.6 * star
    assert winding_numbers([[0, 0]], star).tolist() == [2]
    assert inside(np.vstack([[[0, 0]], tips]), star) == [1, 2, 3, 4, 5]


def test_in_a_bow_tie_both_wings_are_inside_and_what_lies_between_them_is_not():
    bow_tie = [[-1, -1], [1, 1], [1, -1], [-1, 1]]
    assert inside([[-0.5, 0], [0.5, 0], [0, 0.5], [0, -0.5]], bow_tie) == [0, 1]


def test_points_on_the_left_and_lower_edge_are_inside_and_on_the_far_edges_outside():
    edges = [[0, 0.5], [0.5, 0], [1, 0.5], [0.5, 1]]
    corners = [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert inside(edges, SQUARE) == [0, 1]
    assert inside(corners, SQUARE) == [0]


def test_squares_that_share_an_edge_share_no_point_and_lose_none():
    points = np.stack(np.meshgrid(np.arange(0, 2, 0.25), np.arange(0, 1, 0.25)), axis=-1).reshape(-1, 2)
    left, right = inside(points, SQUARE), inside(points, np.add(SQUARE, (1, 0)))
    assert sorted(left + right) == list(range(len(points)))


@pytest.mark.parametrize("turned", [lambda it: it[::-1], lambda it: it[2:] + it[:2]], ids=["backwards", "from another"])
def test_the_order_of_drawing_changes_nothing(turned):
    points = np.vstack([places(500), SQUARE])
    assert inside(points, turned(SQUARE)) == inside(points, SQUARE)


def test_a_vertex_at_the_height_of_a_point_is_one_crossing():
    diamond = [[0, -1], [1, 0], [0, 1], [-1, 0]]
    assert inside([[0, 0], [-2, 0], [0.5, 0], [2, 0]], diamond) == [0, 2]


@pytest.mark.parametrize("outline", [np.empty((0, 2)), [[0, 0]], [[0, 0], [1, 1]], [[0, 0], [1, 0], [2, 0]]])
def test_an_outline_without_area_encloses_nothing(outline):
    assert inside([[0, 0], [0.5, 0], [0.5, 0.5]], outline) == []


def test_no_points_are_in_no_outline():
    assert inside(np.empty((0, 2)), SQUARE) == []


def test_a_point_that_is_not_finite_is_outside():
    assert inside([[np.nan, 0.5], [0.5, np.nan], [-np.inf, 0.5], [0.5, 0.5]], SQUARE) == [3]


def test_an_edge_in_float64_tells_float32_neighbours_apart():
    below, above = np.float32(0.1), np.nextafter(np.float32(0.1), np.float32(1))
    middle = (float(below) + float(above)) / 2
    assert inside([[0, below], [0, above]], [[-1, middle], [1, middle], [1, 1], [-1, 1]]) == [1]


def test_an_outline_with_too_many_vertices_is_refused_with_their_number():
    with pytest.raises(ServingError, match=r"shape \(2001, 2\); expected up to 2,000 pairs"):
        rows_inside(places(5), np.zeros((MAX_VERTICES + 1, 2)))


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e13])
def test_an_outline_that_leaves_every_map_is_refused(number):
    with pytest.raises(ServingError, match=r"not a number within 1e\+12"):
        rows_inside(places(5), np.array([[0, 0], [1, 0], [number, 1]]))


def encoded_set(n=400, n_classes=5):
    rng = np.random.default_rng(3)
    return EncodedSet(
        mu=rng.normal(size=(n, 4)).astype(np.float32),
        log_var=None,
        labels=rng.integers(0, n_classes - 1, n),  # the last class has no image
        reconstruction=rng.gamma(2, 50, n).astype(np.float32),
        kl=np.zeros(n, np.float32),
        fingerprint="",
    )


def test_hidden_classes_are_left_out():
    encoded = encoded_set()
    rows = np.arange(100)
    left = without_classes(rows, encoded.labels, (0, 3))
    assert left.tolist() == [row for row in range(100) if encoded.labels[row] in (1, 2)]
    assert without_classes(rows, encoded.labels, ()).tolist() == rows.tolist()


def test_a_summary_counts_classes_and_names_the_largest_errors_first():
    encoded, rows = encoded_set(), np.arange(1, 400, 3)
    summary = summarise(encoded, rows, n_classes=5, n_worst=6)
    assert summary.counts.tolist() == [sum(encoded.labels[row] == label for row in rows) for label in range(5)]
    assert summary.counts[4] == summary.totals[4] == 0
    assert summary.totals.sum() == summary.n_total == 400
    assert summary.worst.tolist() == sorted(rows, key=lambda row: -encoded.reconstruction[row])[:6]
    np.testing.assert_allclose(summary.mean_code, np.mean([encoded.mu[row] for row in rows], axis=0), rtol=1e-5)
    assert summary.counts[summary.commonest] == max(summary.counts)


def test_a_summary_of_one_image_is_that_image():
    encoded = encoded_set()
    summary = summarise(encoded, np.array([17]), n_classes=5, n_worst=6)
    assert summary.worst.tolist() == [17]
    assert summary.commonest == encoded.labels[17]
    np.testing.assert_array_equal(summary.mean_code, encoded.mu[17])


def test_the_mean_of_black_and_white_is_grey_and_that_of_many_is_numpys():
    images = np.random.default_rng(0).integers(0, 256, (9000, 1, 2, 3), dtype=np.uint8)
    images[0], images[1] = 0, 254
    assert (mean_image(images, np.array([0, 1])) == 127).all()
    rows = np.arange(5, 9000)
    np.testing.assert_allclose(mean_image(images, rows), images[rows].mean(axis=0), atol=0.5)
