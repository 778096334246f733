"""What an outline on a map encloses, and what the images in it have in common. Numbers alone: no page, no torch.

The browser dims the rest of the points by the same rule on the same numbers (``ui/browser/map/lasso.js``),
so that what is bright and what is counted agree to the last point. Both work in float64, in the same order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.records import EncodedSet
from explorer.errors import ServingError

MAX_VERTICES = 2000
"""Vertices of an outline; the browser thins out a longer one before it uses it."""

MAX_COORDINATE = 1e12
"""Far beyond any map; products of two of these are still finite."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SelectionSummary:
    """What selected images have in common.

    Attributes:
        rows: of the encoded set, ascending, shape ``(M,)``, M >= 1.
        n_total: images in the whole set.
        counts: selected images of each class, shape ``(n_classes,)``.
        totals: images of each class in the whole set, shape ``(n_classes,)``.
        mean_code: mean of the codes, shape ``(L,)``.
        worst: the rows that are rebuilt worst, by -log p(x|z), worst first, shape ``(min(M, n_worst),)``.
    """

    rows: Rows
    n_total: int
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]
    mean_code: Floats
    worst: Rows

    @property
    def commonest(self) -> int:
        """The class with the most selected images; the first of them where several have as many."""
        return int(self.counts.argmax())


def rows_inside(points: Floats, outline: Doubles) -> Rows:
    """Return the rows of ``points``, shape ``(N, 2)``, that an outline encloses, ascending.

    A point is inside if a ray to its right crosses the outline an odd number of times: what a self-crossing outline
    goes around twice is outside. A crossing is counted where the edge passes from at or below the point's height to
    above it or back, so that a vertex at that height counts once. Points on a left or lower edge are inside, those on
    a right or upper edge are not.

    Args:
        points: places on a map; one that is not finite is outside.
        outline: its vertices in order, shape ``(K, 2)``, closed from the last to the first.

    Raises:
        ServingError: if the outline has more than ``MAX_VERTICES`` vertices, or is not made of finite pairs.

    Source: Shimrat (1962), Algorithm 112, https://doi.org/10.1145/368637.368653.
    """
    _check(outline)
    if len(outline) < 3:
        return np.empty(0, np.int64)
    low, high = outline[:, 1].min(), outline[:, 1].max()
    near = np.flatnonzero((points[:, 1] >= low) & (points[:, 1] < high) & np.isfinite(points[:, 0]))
    # By height, an edge's candidates are a slice: the work is that of the edges at each point's height, not of all.
    near = near[np.argsort(points[near, 1], kind="stable")]
    x, y = points[near].astype(np.float64).T
    is_inside = np.zeros(len(near), bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, 1, axis=0), strict=True):
        first, last = np.searchsorted(y, (min(y0, y1), max(y0, y1)))
        if first < last:
            at = slice(first, last)
            is_inside[at] ^= x[at] < (x1 - x0) * (y[at] - y0) / (y1 - y0) + x0
    return np.sort(near[is_inside])


def without_classes(rows: Rows, labels: NDArray[np.int64], hidden: tuple[int, ...]) -> Rows:
    """Return those of ``rows`` whose class in ``labels``, shape ``(N,)``, is not ``hidden``."""
    return rows[~np.isin(labels[rows], hidden)]


def summarise(encoded: EncodedSet, rows: Rows, *, n_classes: int, n_worst: int) -> SelectionSummary:
    """Return what the images ``rows`` of ``encoded``, at least one, have in common."""
    order = np.argsort(-encoded.reconstruction[rows], kind="stable")
    return SelectionSummary(
        rows=rows,
        n_total=len(encoded),
        counts=np.bincount(encoded.labels[rows], minlength=n_classes),
        totals=np.bincount(encoded.labels, minlength=n_classes),
        mean_code=encoded.mu[rows].mean(axis=0, dtype=np.float64).astype(np.float32),
        worst=rows[order[:n_worst]],
    )


def mean_image(images: NDArray[np.uint8], rows: Rows) -> NDArray[np.uint8]:
    """Return the mean, uint8 ``(C, H, W)``, of the images ``rows``, at least one, of ``images``, ``(N, C, H, W)``."""
    total = np.zeros(images.shape[1:], np.int64)
    # In blocks: a copy of a million images at once would be gigabytes.
    for start in range(0, len(rows), 4096):
        total += images[rows[start : start + 4096]].sum(axis=0, dtype=np.int64)
    return np.rint(total / len(rows)).astype(np.uint8)


def _check(outline: Doubles) -> None:
    if outline.ndim != 2 or outline.shape[1:] != (2,) or len(outline) > MAX_VERTICES:
        raise ServingError(
            f"An outline has shape {outline.shape}; expected up to {MAX_VERTICES:,} pairs of map coordinates. "
            "Draw it again."
        )
    if not (np.abs(outline) <= MAX_COORDINATE).all():  # also false for NaN
        raise ServingError(
            f"An outline has a coordinate that is not a number within {MAX_COORDINATE:g}. Draw it again, on the map."
        )
