"""Paths through encoded images, against Dijkstra's algorithm written out, and where there is no way."""

import heapq

import numpy as np
import pytest

from explorer.analysis.paths.interpolation import linear_path, path_times, step_lengths
from explorer.analysis.paths.neighbour_graph import NeighbourGraph, data_path
from explorer.errors import ConfigError

T = path_times(11)


def codes(n, n_dims=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_dims)).astype(np.float32)


def by_hand(points, ends, n_neighbours):
    """Length and rows of the shortest way, by a heap over every pair of points that are joined."""
    every = np.concatenate([points, ends]).astype(float)
    n = len(points)
    apart = np.linalg.norm(every[:, None] - every, axis=2)
    np.fill_diagonal(apart, np.inf)
    joined = np.zeros(apart.shape, bool)
    for k in range(n):
        joined[k, np.argsort(apart[k, :n])[:n_neighbours]] = True
    for end in (n, n + 1):
        joined[end, np.argsort(apart[end])[:n_neighbours]] = True
    joined |= joined.T
    heap, best = [(0.0, n, ())], {}
    while heap:
        length, node, passed = heapq.heappop(heap)
        if node in best:
            continue
        best[node] = (length, passed)
        for other in np.flatnonzero(joined[node]):
            heapq.heappush(heap, (length + apart[node, other], int(other), (*passed, int(other))))
    length, passed = best.get(n + 1, (np.inf, ()))
    return length, list(passed[:-1])


@pytest.mark.parametrize("n_neighbours", [3, 5, 10])
@pytest.mark.parametrize("n_dims", [1, 2, 6])
def test_the_way_is_that_of_dijkstra_written_out(n_neighbours, n_dims):
    points, ends = codes(80, n_dims), 2 * codes(2, n_dims, seed=5)
    length, rows = by_hand(points, ends, n_neighbours)
    path = data_path(points, *ends, T, n_neighbours=n_neighbours)
    if np.isinf(length):
        assert path.note
        return
    assert n_dims == 1 or path.rows.tolist() == rows  # along a line every way in order is as long
    assert path.note == ""
    assert step_lengths(path.finely(20_000).codes).sum() == pytest.approx(length, rel=1e-4)


def test_it_goes_around_a_hole_from_image_to_image():
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)
    path = data_path(ring, ring[0], ring[25], path_times(101), n_neighbours=2)
    assert path.rows.tolist() == list(range(26))
    assert np.linalg.norm(path.codes, axis=1).min() > 0.99
    np.testing.assert_allclose(step_lengths(path.codes), 25 * 2 * np.sin(np.pi / 60) / 100, rtol=1e-2)


def test_both_ends_are_on_the_path_and_it_overshoots_straight():
    points, (a, b) = codes(100), codes(2, seed=1)
    path = data_path(points, a, b, path_times(9, overshoot=0.1))
    np.testing.assert_array_equal(path.codes[[1, -2]], [a, b])
    assert path.is_overshoot.tolist() == [True, *[False] * 9, True]
    assert path.kind == "data"


def test_rows_are_those_of_the_encoded_set_that_the_codes_were_taken_from():
    points, (a, b) = codes(100), codes(2, seed=1)
    rows = np.arange(100)[::-1] * 7
    graph, renamed = NeighbourGraph(points), NeighbourGraph(points, rows)
    np.testing.assert_array_equal(renamed.path(a, b, T).rows, rows[graph.path(a, b, T).rows])


def test_images_with_the_same_code_are_passed_like_one():
    points = np.repeat(codes(40), 3, axis=0)
    ends = codes(2, seed=1)
    length, _ = by_hand(points, ends, 10)
    path = data_path(points, *ends, T)
    assert np.isfinite(path.codes).all()
    assert step_lengths(path.finely(20_000).codes).sum() == pytest.approx(length, rel=1e-4)


def test_ends_that_are_encoded_images_go_through_them():
    points = codes(200)
    path = data_path(points, points[3], points[150], T)
    assert path.rows[[0, -1]].tolist() == [3, 150]


def test_ends_nearer_to_each_other_than_to_any_image_need_none():
    points = codes(50) + 10
    a, b = np.zeros(2, np.float32), np.full(2, 0.1, np.float32)
    path = data_path(points, a, b, T)
    assert path.rows.tolist() == []
    np.testing.assert_allclose(path.codes, linear_path(a, b, T).codes, atol=1e-6)


def two_islands():
    near = codes(30, seed=2) * 0.1
    return np.concatenate([near, near + 50]).astype(np.float32)


def test_where_there_is_no_way_more_neighbours_are_joined_and_the_note_says_so():
    islands = two_islands()
    path = data_path(islands, islands[0], islands[40], T)
    assert path.note == "With 10 neighbours to each image there was no way through the data; with 40 there is."
    assert path.rows[0] == 0
    assert path.rows[-1] == 40


def test_where_there_is_no_way_at_all_the_path_is_straight_and_says_so():
    near = codes(200, seed=2) * 0.1
    islands = np.concatenate([near, near + 50]).astype(np.float32)
    path = data_path(islands, islands[0], islands[240], T)
    assert "With 160 neighbours to each image there is still no way" in path.note
    assert (path.kind, path.rows.tolist()) == ("data", [])
    np.testing.assert_array_equal(path.codes, linear_path(islands[0], islands[240], T).codes)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_sets_of_next_to_no_images_have_a_path(n):
    a, b = np.array([-3, 0], np.float32), np.array([3, 0], np.float32)
    points = np.array([[0, 1], [1, 1]], np.float32)[:n]
    path = data_path(points, a, b, T)
    np.testing.assert_array_equal(path.codes[[0, -1]], [a, b])
    assert ("no encoded images" in path.note) == (n == 0)


def test_between_the_same_code_it_stays_and_says_so():
    points = codes(50)
    path = data_path(points, points[0], points[0], T)
    assert "same code" in path.note
    np.testing.assert_array_equal(path.codes, np.tile(points[0], (11, 1)))


def test_a_graph_answers_many_paths_as_new_graphs_would():
    points, ends = codes(300, 4), codes(6, 4, seed=1)
    graph = NeighbourGraph(points)
    for a, b in zip(ends[::2], ends[1::2], strict=True):
        np.testing.assert_array_equal(graph.path(a, b, T).codes, data_path(points, a, b, T).codes)


def test_codes_that_are_not_finite_are_refused():
    points = codes(10)
    points[3, 1] = np.nan
    with pytest.raises(ConfigError, match="codes that are not finite"):
        NeighbourGraph(points)


@pytest.mark.parametrize("n_neighbours", [0, 161])
def test_a_graph_of_no_or_too_many_neighbours_is_refused(n_neighbours):
    with pytest.raises(ConfigError, match=f"A graph of {n_neighbours} neighbours is not built: use 1 to 160"):
        data_path(codes(10), *codes(2, seed=1), T, n_neighbours=n_neighbours)
