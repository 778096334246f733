"""The encoded codes around a place of latent space: which are nearest, how far, how many, and how far is far.

"Far" is told by the encoded set itself, so that it means something at any latent size and scale.
"""

from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats

N_CROWD = 10
"""Encoded images that a typical one has around it: what the radius is chosen by."""

N_SAMPLED = 500
"""Encoded images, spread evenly over the set, that say what is typical: medians of 500 are within 4 % in rank."""

CLOSE, FARTHEST = 0.9, 0.99
"""Shares of the encoded images whose nearest other one is no farther than the two distances that verdicts go by."""

TREE_DIMS = 8
"""Beyond as many dimensions a k-d tree of 10,000 codes takes 0.4 ms for each place, a matrix product 0.15."""

TABLE_CODES = range(1_000, 100_000)
SPARE = 8
"""Codes of which the distance is computed beyond those asked for: products in float32 tell 7 digits apart."""


class Verdict(StrEnum):
    """What the distance from a code to the nearest encoded one says of the image that is decoded from it.

    Files and routes have known the three by their values since before they had these names.
    """

    mark: str
    words: str

    def __new__(cls, value: str, mark: str, words: str) -> Self:
        """Return the verdict of that ``value``; its mark is a circle: full, half, or empty."""
        verdict = str.__new__(cls, value)
        verdict._value_, verdict.mark, verdict.words = value, mark, words
        return verdict

    IN_DISTRIBUTION = "near", "●", "near the data"
    BORDERLINE = "edge", "◐", "at the edge of the data"
    OUT_OF_DISTRIBUTION = "far", "○", "far from the data"


class Neighbourhood:
    """The encoded codes that a code is compared with: all of them, or those of one class.

    Attributes:
        radius: median distance to the ``n_typical``-th nearest other code.
        close, reach: distances to the nearest other code that 9 in 10, and 99 in 100, do not exceed.
        n_typical: ``N_CROWD``, or fewer in a set that has no more.
    """

    def __init__(self, codes: Floats, rows: NDArray[np.int64]) -> None:
        """Index ``codes``, shape ``(N, L)``, of the encoded set's ``rows``, shape ``(N,)``."""
        self._index, self._rows = _index(codes.astype(np.float64)), rows
        self.n_typical = min(N_CROWD, max(len(codes) - 1, 0))
        self.radius = self.close = self.reach = 0.0
        if self.n_typical:
            distances, _ = self._index.query(codes[spread(len(codes))].astype(np.float64), self.n_typical + 1)
            self.radius = float(np.median(distances[:, -1]))
            self.close, self.reach = np.quantile(distances[:, 1], (CLOSE, FARTHEST)).tolist()

    def nearest(self, z: Floats, n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return rows of the encoded set and distances of at most ``n`` codes, those nearest to ``z``, ``(L,)``."""
        n = min(n, len(self._rows))
        if n == 0:
            return np.empty(0, np.int64), np.empty(0)
        distances, found = self._index.query(z[None].astype(np.float64), n)
        return self._rows[found[0]], distances[0]

    def around(self, z: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the distances to the nearest code, and how many lie within the radius, each ``(M,)``, of ``(M, L)``.

        Where there is no code the distance is infinite.
        """
        if not len(self._rows):
            return np.full(len(z), np.inf), np.zeros(len(z), np.int64)
        return self._index.around(z.astype(np.float64), self.radius)

    def verdict(self, nearest: float) -> Verdict:
        """Return the verdict on a code whose ``nearest`` encoded one is that far away in z."""
        if nearest <= self.close:
            return Verdict.IN_DISTRIBUTION
        return Verdict.BORDERLINE if nearest <= self.reach else Verdict.OUT_OF_DISTRIBUTION


class _Tree:
    """Codes of few dimensions, in a k-d tree."""

    def __init__(self, codes: NDArray[np.float64]) -> None:
        from scipy.spatial import cKDTree

        self._tree = cKDTree(codes)

    def query(self, z: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and indices of the ``n`` codes nearest to each of ``z``, ``(M, L)``; each ``(M, n)``."""
        distances, found = self._tree.query(z, k=np.arange(1, n + 1))
        return distances, found

    def around(self, z: NDArray[np.float64], radius: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the distance to the nearest code, and how many lie within ``radius``, of each of ``z``; each (M,)."""
        return self._tree.query(z)[0], self._tree.query_ball_point(z, radius, return_length=True)


class _Table:
    """Codes of many dimensions, all of which are looked at: products are quicker than a tree there.

    Products in float32 say which codes are near; how far these are is computed from the codes. One place at a time: a
    table of several does not fit into the processor's cache, and takes ten times as long.
    """

    def __init__(self, codes: NDArray[np.float64]) -> None:
        self._codes, self._mean = codes, codes.mean(axis=0)
        self._centred = (codes - self._mean).astype(np.float32)
        self._half_squares = np.square(self._centred).sum(axis=1) / 2
        self._longest = float(np.sqrt(2 * self._half_squares.max()))

    def query(self, z: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """As that of a tree."""
        found = [self._nearest(place, self._heights(place), n) for place in z]
        return np.stack([distances for distances, _ in found]), np.stack([rows for _, rows in found])

    def around(self, z: NDArray[np.float64], radius: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """As that of a tree."""
        nearest, n_near = np.empty(len(z)), np.empty(len(z), np.int64)
        for k, place in enumerate(z):
            heights = self._heights(place)
            tried = np.flatnonzero(heights <= heights.min() + self._slack(place))
            nearest[k] = np.linalg.norm(self._codes[tried] - place, axis=1).min()
            n_near[k] = np.count_nonzero(heights <= (radius**2 - np.square(place - self._mean).sum()) / 2)
        return nearest, n_near

    def _heights(self, place: NDArray[np.float64]) -> Floats:
        """Half the squared distances from ``place``, ``(L,)``, less half its own square: shape ``(N,)``."""
        heights: Floats = self._half_squares - self._centred @ (place - self._mean).astype(np.float32)
        return heights

    def _slack(self, place: NDArray[np.float64]) -> float:
        """More than two heights from ``place`` can differ by rounding: twice the bound on a sum of L + 2 products."""
        length = float(np.linalg.norm(place - self._mean)) + self._longest
        return 2 * (len(place) + 2) * float(np.finfo(np.float32).eps) * self._longest * length

    def _nearest(
        self, place: NDArray[np.float64], heights: Floats, n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        n_tried = min(n + SPARE, len(heights))
        tried = np.argpartition(heights, n_tried - 1)[:n_tried]
        distances = np.linalg.norm(self._codes[tried] - place, axis=1)
        order = np.argsort(distances, kind="stable")[:n]
        return distances[order], tried[order]


def _index(codes: NDArray[np.float64]) -> _Tree | _Table:
    is_table = codes.shape[1] > TREE_DIMS and len(codes) in TABLE_CODES
    return _Table(codes) if is_table else _Tree(codes)


def spread(n: int) -> NDArray[np.int64]:
    """Return at most ``N_SAMPLED`` rows of ``n``, evenly spread, each once."""
    return np.unique(np.linspace(0, n - 1, min(n, N_SAMPLED)).round().astype(np.int64))
