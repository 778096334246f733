"""How densely the points of a map lie, by a normal kernel on a histogram: fast for a million points. numpy and scipy.

It is a density of points on the map, in two dimensions; densities of codes are in ``density``.
"""

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.results import Floats
from explorer.errors import ProjectionError

N_CELLS = 512
"""Cells of the histogram along each axis."""

_REACH = 4
"""Bandwidths left around the points, beyond which the kernel is 3e-4 of its peak."""


def log_density(points: Floats) -> Floats:
    """Return the log density at each of ``points``, shape ``(N, 2)``, in nats per unit area of the map, shape ``(N,)``.

    The kernel is normal with Scott's bandwidth, n^(-1/6) deviations along each axis; each point counts at the middle of
    its cell, one of ``N_CELLS`` along an axis, and between cells the density is interpolated.

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
    low = points.min(axis=0).astype(np.float64) - _REACH * bandwidth
    size = (points.max(axis=0) + _REACH * bandwidth - low) / N_CELLS
    places: NDArray[np.float64] = (points - low) / size
    cells = places.astype(np.int64)
    counts = np.bincount(cells[:, 0] * N_CELLS + cells[:, 1], minlength=N_CELLS**2).reshape(N_CELLS, N_CELLS)
    smooth = gaussian_filter(counts.astype(np.float64), bandwidth / size, mode="constant", truncate=_REACH)
    density = map_coordinates(smooth, places.T - 0.5, order=1, mode="nearest") / (len(points) * size.prod())
    result: Floats = np.log(np.maximum(density, np.finfo(np.float64).tiny)).astype(np.float32)
    return result
