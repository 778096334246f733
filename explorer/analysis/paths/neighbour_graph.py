"""Paths through the encoded images: shortest ones in the graph that joins each to its nearest neighbours. numpy only.

What lies on such a path was encoded, not invented: between the ends it goes from image to image.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.paths.interpolation import LatentPath, linear_path, polyline_path
from explorer.errors import ConfigError

N_NEIGHBOURS = 10

MAX_NEIGHBOURS = 160
"""Up to here neighbours are added where there is no way; beyond, "through the data" would no longer be true of it."""

Rows = NDArray[np.int64]


class NeighbourGraph:
    """The codes of an encoded set, each joined to its nearest others; an edge is as long as its codes are apart.

    The graph is undirected: two codes are joined if either is among the other's nearest. It is made when first needed
    and kept, one for each number of neighbours.

    Source: Tenenbaum, de Silva & Langford (2000), A Global Geometric Framework for Nonlinear Dimensionality Reduction,
    https://doi.org/10.1126/science.290.5500.2319; for decoders Chen et al. (2019), Fast Approximate Geodesics for Deep
    Generative Models, https://arxiv.org/abs/1812.08284 (whose edges are as long as their images are apart).
    """

    def __init__(self, codes: Floats, rows: Rows | None = None) -> None:
        """Take ``codes``, shape ``(N, L)``, of the encoded set's ``rows``, shape ``(N,)``: all of them if left out.

        Raises:
            ConfigError: if a code has numbers that are not finite.
        """
        if not np.isfinite(codes).all():
            raise ConfigError(
                "Some encoded images have codes that are not finite, so there is no way through them. The model "
                "diverged: choose another, or another kind of path."
            )
        self._codes = codes.astype(np.float64)
        self._rows = np.arange(len(codes)) if rows is None else rows
        self._edges: dict[int, tuple[Rows, Doubles]] = {}

    def path(self, a: Floats, b: Floats, t: Doubles, *, n_neighbours: int = N_NEIGHBOURS) -> LatentPath:
        """Return the shortest path from ``a`` to ``b``, each ``(L,)``, at constant latent speed, at times ``(T,)``.

        Both ends are joined to their own nearest codes. Where there is no way from one to the other, each code is
        joined to twice as many, and so on up to ``MAX_NEIGHBOURS``; then the path is straight. Its note says so.

        Raises:
            ConfigError: if an end is not finite, or ``n_neighbours`` is out of range.
        """
        if not 1 <= n_neighbours <= MAX_NEIGHBOURS:
            raise ConfigError(f"A graph of {n_neighbours} neighbours is not built: use 1 to {MAX_NEIGHBOURS}.")
        straight = linear_path(a, b, t)
        if straight.note or not len(self._codes):
            return replace(straight, kind="data", note=straight.note or _NOTHING_ENCODED, rows=np.empty(0, np.int64))
        ends = np.stack([a, b]).astype(np.float64)
        tried = n_neighbours
        while (passed := self._shortest(ends, tried)) is None:
            if tried >= min(MAX_NEIGHBOURS, len(self._codes) - 1):
                note = _NO_WAY.format(tried)
                return replace(straight, kind="data", note=note, rows=np.empty(0, np.int64))
            tried = min(2 * tried, MAX_NEIGHBOURS)
        vertices = np.concatenate([ends[:1], self._codes[passed], ends[1:]])
        note = "" if tried == n_neighbours else _MORE.format(n_neighbours, tried)
        return polyline_path(vertices, t, note=note, rows=self._rows[passed])

    def _shortest(self, ends: Doubles, n_neighbours: int) -> Rows | None:
        """Return the codes on the shortest path between two ``ends``, ``(2, L)``, in order; None if there is no way."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import dijkstra

        n = len(self._codes)
        neighbours, lengths = self._joined(n_neighbours)
        own, own_lengths = self._nearest(ends, n_neighbours)
        indices = np.concatenate([neighbours.ravel(), own.ravel()])
        weights = np.concatenate([lengths.ravel(), own_lengths.ravel()])
        n_edges = np.concatenate([np.full(n, neighbours.shape[1]), np.full(2, own.shape[1])])
        graph = csr_array((weights, indices, np.concatenate([[0], np.cumsum(n_edges)])), shape=(n + 2, n + 2))
        distances, before = dijkstra(graph, directed=False, indices=n, return_predecessors=True)
        return _backwards(before, n + 1, n) if np.isfinite(distances[n + 1]) else None

    def _joined(self, n_neighbours: int) -> tuple[Rows, Doubles]:
        """Return the nearest others of each code and their distances, each of shape ``(N, n)``, n <= N - 1."""
        if n_neighbours not in self._edges:
            self._edges[n_neighbours] = self._found(n_neighbours)
        return self._edges[n_neighbours]

    def _found(self, n_neighbours: int) -> tuple[Rows, Doubles]:
        from sklearn.neighbors import NearestNeighbors

        n = min(n_neighbours, len(self._codes) - 1)
        if n == 0:
            return np.empty((1, 0), np.int64), np.empty((1, 0))
        # Given no codes, each is asked for its nearest others.
        neighbours = NearestNeighbors(n_neighbors=n).fit(self._codes).kneighbors(return_distance=False)
        # Distances anew: by products of codes, as they are searched, those of codes that coincide are not zero.
        lengths: Doubles = np.linalg.norm(self._codes[neighbours] - self._codes[:, None], axis=2)
        return neighbours, lengths

    def _nearest(self, ends: Doubles, n: int) -> tuple[Rows, Doubles]:
        """Return the ``n`` codes nearest to each of two ends and their distances, each of shape ``(2, n)``.

        Each end is a code for the other, with the number after the last: ends that are neighbours need no image between
        them. An end that is an encoded image's code has that image alone, so that the path goes through it.
        """
        distances = np.linalg.norm(np.concatenate([self._codes, ends]) - ends[:, None], axis=2)
        distances[[0, 1], [-2, -1]] = np.inf
        is_encoded = (distances == 0).any(axis=1, keepdims=True)
        distances[is_encoded & (distances > 0)] = np.inf
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(n, len(self._codes) + 1)]
        return nearest, np.take_along_axis(distances, nearest, axis=1)


_NOTHING_ENCODED = "There are no encoded images to go through: this is the straight path."
_NO_WAY = "With {} neighbours to each image there is still no way through the data: this is the straight path."
_MORE = "With {} neighbours to each image there was no way through the data; with {} there is."


def data_path(
    encoded_codes: Floats, a: Floats, b: Floats, t: Doubles, *, n_neighbours: int = N_NEIGHBOURS
) -> LatentPath:
    """Return the shortest path from ``a`` to ``b`` through ``encoded_codes``, ``(N, L)``: see ``NeighbourGraph.path``.

    Who asks for several paths through one set makes one graph for all of them.
    """
    return NeighbourGraph(encoded_codes).path(a, b, t, n_neighbours=n_neighbours)


def _backwards(before: NDArray[np.int32], last: int, first: int) -> Rows:
    """Return what lies between ``first`` and ``last``, in order, by each one's predecessor."""
    passed = []
    node = int(before[last])
    while node != first:
        passed.append(node)
        node = int(before[node])
    return np.array(passed[::-1], np.int64)
