"""Where the images lie on a map as a density: the aggregated posterior q(z) = mean of q(z|x) over images, on a grid.

On a linear map of a model whose q(z|x) is normal each q(z|x) falls onto the map as a normal in two dimensions, and q(z)
is their mean. Elsewhere there is no such normal: the points themselves are smoothed, and the record says so.
What colours points by their density is another estimate, on a histogram: fast for a million points.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.projections.base import LinearProjection, Projection
from explorer.analysis.records import EncodedSet
from explorer.errors import ProjectionError

DensityKind = Literal["posterior", "kernels"]

N_CELLS = 256
"""Cells along each side of a grid."""

N_CELLS_CORRELATED = 128
"""The same where normals are correlated on the map: these do not factorise, and each meets each cell."""

MAX_CORRELATED = 20_000
"""Correlated normals that are averaged, drawn at random from more: they take 0.1 ms each."""

PADDING = 0.08
"""Margin around the normals, three deviations wide, as a share of their extent."""

UNSEEN_SHARE = 0.001
"""Share of encoded images that lie below the threshold: where fewer do, the decoder was never trained."""

_CHUNK = 4096

N_BINS = 512
"""Cells of the histogram along each axis."""


_REACH_OF_KERNEL = 4
"""Bandwidths left around the points, beyond which the kernel is 3e-4 of its peak."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DensityGrid:
    """A density at the centres of the cells of a grid over a map.

    Attributes:
        values: density per unit of area of the map, rows upwards and columns to the right, shape ``(rows, columns)``.
        extent: outer edges of the grid: left, right, bottom, top.
        kind: "posterior" for the aggregated posterior; "kernels" for the points, smoothed.
        n_images: how many images were averaged.
        threshold: density below which lie ``UNSEEN_SHARE`` of the encoded images.
    """

    values: Floats
    extent: tuple[float, float, float, float]
    kind: DensityKind
    n_images: int
    threshold: float

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell."""
        left, right, bottom, top = self.extent
        rows, columns = self.values.shape
        return (right - left) / columns, (top - bottom) / rows

    def centres(self) -> tuple[Doubles, Doubles]:
        """Return the coordinates of the cells' centres, shapes ``(columns,)`` and ``(rows,)``."""
        left, right, bottom, top = self.extent
        rows, columns = self.values.shape
        return _centres(left, right, columns), _centres(bottom, top, rows)


def map_covariances(encoded: EncodedSet, projection: Projection) -> Doubles | None:
    """Return the covariance on the map of each image's diagonal normal q(z|x), as xx, xy, yy, shape ``(N, 3)``.

    None where it has none: the map is not linear, or the set has no variances. That q(z|x) is a diagonal normal is the
    caller's to know. Source: covariance of a linear map A z, A diag(variance) A^T.
    """
    if not isinstance(projection, LinearProjection) or encoded.log_var is None:
        return None
    variance = np.exp(encoded.log_var.astype(np.float64))
    first, second = projection.axes.astype(np.float64)
    return np.stack([variance @ (first * first), variance @ (first * second), variance @ (second * second)], axis=1)


def density_grid(projection: Projection, covariances: Doubles | None, *, seed: int = 0) -> DensityGrid:
    """Return the density of the encoded set on its map.

    Args:
        projection: the map.
        covariances: of the images' posteriors on the map, shape ``(N, 3)``; None to smooth the points instead.
        seed: of the images that are averaged where correlated normals are too many.
    """
    points = projection.points.astype(np.float64)
    kernels = kernel_covariances(points) if covariances is None else covariances
    is_correlated = bool(np.abs(kernels[:, 1]).max(initial=0) > 1e-9 * np.sqrt(kernels[:, 0] * kernels[:, 2]).max())
    n_cells = N_CELLS_CORRELATED if is_correlated else N_CELLS
    means, extent = points, _extent(points, kernels)
    if is_correlated and len(points) > MAX_CORRELATED:
        rows = np.sort(np.random.default_rng(seed).permutation(len(points))[:MAX_CORRELATED])
        means, kernels = points[rows], kernels[rows]
    x, y = _centres(*extent[:2], n_cells), _centres(*extent[2:], n_cells)
    kernels = _at_least(kernels, (x[1] - x[0]) ** 2, (y[1] - y[0]) ** 2)
    values = (correlated_mixture if is_correlated else separable_mixture)(means, kernels, x, y)
    return DensityGrid(
        values=values.astype(np.float32),
        extent=extent,
        kind="kernels" if covariances is None else "posterior",
        n_images=len(means),
        threshold=float(np.quantile(interpolated(values, extent, points), UNSEEN_SHARE)),
    )


def kernel_covariances(points: Doubles) -> Doubles:
    """Return a round kernel for each point, xx, xy, yy, shape ``(N, 3)``, wider where points are sparse.

    Its deviation is the distance to the k-th nearest point, k = sqrt(N) / 2.

    Source: Breiman, Meisel & Purcell (1977), Variable Kernel Estimates of Multivariate Densities,
    https://doi.org/10.1080/00401706.1977.10489521.
    """
    from scipy.spatial import cKDTree

    k = min(max(round(len(points) ** 0.5 / 2), 3), len(points) - 1)
    distances = cKDTree(points).query(points, k=[k + 1])[0][:, 0]
    variance = np.maximum(distances, 1e-9) ** 2
    return np.stack([variance, np.zeros_like(variance), variance], axis=1)


def separable_mixture(means: Doubles, covariances: Doubles, x: Doubles, y: Doubles) -> Doubles:
    """Return the mean of uncorrelated normals on the grid ``x`` times ``y``, shape ``(len(y), len(x))``.

    Each is a product of a normal across and one upwards, so that their sum is a product of two matrices.
    """
    total = np.zeros((len(y), len(x)))
    for start in range(0, len(means), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        across = _normal(x, means[chunk, :1], covariances[chunk, :1])
        upwards = _normal(y, means[chunk, 1:], covariances[chunk, 2:])
        total += upwards.T @ across
    return total / len(means)


def correlated_mixture(means: Doubles, covariances: Doubles, x: Doubles, y: Doubles) -> Doubles:
    """Return the mean of normals on the grid ``x`` times ``y``, shape ``(len(y), len(x))``; column by column.

    A normal is that of the first coordinate times that of the second given the first.
    """
    slope = covariances[:, 1] / covariances[:, 0]
    rest = (covariances[:, 2] - slope * covariances[:, 1])[:, None]
    across = _normal(x, means[:, :1], covariances[:, :1])
    total = np.empty((len(y), len(x)))
    for column, place in enumerate(x):
        given = (means[:, 1] + slope * (place - means[:, 0]))[:, None]
        # Normals that have nothing left at this column, below 1e-14 of their height, are passed over.
        near = np.abs(place - means[:, 0]) < 8 * np.sqrt(covariances[:, 0])
        total[:, column] = across[near, column] @ _normal(y, given[near], rest[near])
    return total / len(means)


def interpolated(values: Doubles, extent: tuple[float, float, float, float], points: Doubles) -> Doubles:
    """Return the grid's values at ``points``, shape ``(M, 2)``, interpolated between centres; shape ``(M,)``."""
    from scipy.ndimage import map_coordinates

    left, right, bottom, top = extent
    rows, columns = values.shape
    across = (points[:, 0] - left) / (right - left) * columns - 0.5
    upwards = (points[:, 1] - bottom) / (top - bottom) * rows - 0.5
    result: Doubles = map_coordinates(values, [upwards, across], order=1, mode="nearest")
    return result


def _normal(places: Doubles, mean: Doubles, variance: Doubles) -> Doubles:
    """Densities at ``places``, shape ``(M,)``, of normals with parameters ``(N, 1)``; shape ``(N, M)``."""
    result: Doubles = np.exp(-0.5 * (places - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)
    return result


def _extent(points: Doubles, covariances: Doubles) -> tuple[float, float, float, float]:
    """Edges of a grid that holds the points with a margin, and all but the tails of their normals."""
    reach = 3 * np.sqrt(covariances[:, [0, 2]])
    low, high = (points - reach).min(axis=0), (points + reach).max(axis=0)
    margin = PADDING * np.maximum(high - low, 1e-6)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)


def _at_least(covariances: Doubles, least_x: float, least_y: float) -> Doubles:
    """Covariances whose deviations are at least one cell: a narrower normal would fall between the centres."""
    raised = covariances.copy()
    for column, least in ((0, least_x), (2, least_y)):
        raised[:, column] = np.maximum(raised[:, column], least)
    return raised


def _centres(low: float, high: float, n: int) -> Doubles:
    return low + (np.arange(n) + 0.5) * (high - low) / n


def log_density(points: Floats) -> Floats:
    """Return the log density at each of ``points``, shape ``(N, 2)``, in nats per unit area of the map, shape ``(N,)``.

    The kernel is normal with Scott's bandwidth, n^(-1/6) deviations along each axis; each point counts at the middle of
    its cell, one of ``N_BINS`` along an axis, and between cells the density is interpolated.

    Raises:
        ProjectionError: if the points lie at one place or on one line, where they have no density.

    Source: Scott (1992), Multivariate Density Estimation, section 6.3; for the histogram, Silverman (1982), Kernel
    density estimation using the fast Fourier transform, https://doi.org/10.2307/2347084.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    bandwidth = points.std(axis=0, dtype=np.float64) * len(points) ** (-1 / 6)
    if not (bandwidth > 1e-12).all():
        raise ProjectionError(
            "All points lie at one place or on one line of this map, so they have no density. Colour by class instead."
        )
    low = points.min(axis=0).astype(np.float64) - _REACH_OF_KERNEL * bandwidth
    size = (points.max(axis=0) + _REACH_OF_KERNEL * bandwidth - low) / N_BINS
    places: NDArray[np.float64] = (points - low) / size
    cells = places.astype(np.int64)
    counts = np.bincount(cells[:, 0] * N_BINS + cells[:, 1], minlength=N_BINS**2).reshape(N_BINS, N_BINS)
    smooth = gaussian_filter(counts.astype(np.float64), bandwidth / size, mode="constant", truncate=_REACH_OF_KERNEL)
    density = map_coordinates(smooth, places.T - 0.5, order=1, mode="nearest") / (len(points) * size.prod())
    result: Floats = np.log(np.maximum(density, np.finfo(np.float64).tiny)).astype(np.float32)
    return result
