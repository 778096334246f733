"""Maps of the same images, turned onto one another so that what is alike looks alike. numpy only.

A principal component's sign, and the order of two of about the same variance, are accidents. The map of an epoch is
therefore rotated and reflected onto the one before it; distances within a map are never touched. The map of another
model, whose unit of length is an accident too, is also made larger or smaller.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.errors import ProjectionError

STRIP_HEIGHT = 0.4
"""Height of a strip, as a share of its length."""

_STRIP_SEED = 0
_FEWEST = 2


def epoch_map(codes: Floats, before: Floats | None = None) -> Floats:
    """Return a map, shape ``(N, 2)``, of an epoch's codes, shape ``(N, L)``.

    Two dimensions are shown as they are, and one as a strip, whose height has no meaning. More are projected on their
    first two principal components, about their mean, and turned onto the epoch ``before``, shape ``(N, 2)``.

    Raises:
        ValueError: if the codes are no matrix, or ``before`` is a map of other images.
    """
    if codes.ndim != 2 or codes.shape[1] < 1:
        raise ValueError(f"codes have shape {codes.shape}, expected (N, L)")
    if before is not None and before.shape != (len(codes), 2):
        raise ValueError(f"the map before has shape {before.shape}, expected ({len(codes)}, 2)")
    if codes.shape[1] == 1:
        return _strip(codes)
    if codes.shape[1] == 2:
        return codes.astype(np.float32)
    points = principal_plane(codes)
    return (points if before is None else aligned(points, before)).astype(np.float32)


def principal_plane(codes: Floats) -> Doubles:
    """Return the codes, shape ``(N, L)``, on their first two principal components, shape ``(N, 2)``.

    The sign of each is fixed (its largest loading is positive).
    """
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    # eigh sorts by rising variance. The covariance of 512 dimensions costs a tenth of a decomposition of the codes.
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, :-3:-1]
    largest = axes[np.abs(axes).argmax(axis=0), [0, 1]]
    plane: Doubles = centred @ (axes * np.where(largest < 0, -1.0, 1.0))
    return plane


def aligned(points: NDArray[np.floating], reference: NDArray[np.floating]) -> Doubles:
    """Return ``points``, shape ``(N, 2)``, turned about their mean to lie as near to ``reference`` as they can.

    The mean stays where it is; so do all distances between the points.
    """
    mean = points.mean(axis=0, dtype=np.float64)
    centred = points - mean
    turned: Doubles = centred @ nearest_rotation(centred, reference - reference.mean(axis=0, dtype=np.float64)) + mean
    return turned


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Similarity:
    """A rotation or reflection, one scale, and a shift: ``points @ matrix + shift``.

    Attributes:
        matrix: the scale times an orthogonal matrix, shape ``(2, 2)``.
        shift: shape ``(2,)``.
        disparity: share of the spread of the points moved onto that does not fit, from 0, one shape, to 1.
    """

    matrix: Doubles
    shift: Doubles
    disparity: float

    def apply(self, points: NDArray[np.floating]) -> Floats:
        """Return the places, float32 ``(M, 2)``, that ``points``, shape ``(M, 2)``, come to."""
        # Term by term, as a browser does it: a fused multiplication would end one bit away.
        x, y = points.astype(np.float64).T
        (xx, xy), (yx, yy) = self.matrix
        across, up = x * xx + y * yx + self.shift[0], x * xy + y * yy + self.shift[1]
        return np.stack([across, up], axis=1).astype(np.float32)

    def undo(self, points: NDArray[np.floating]) -> Floats:
        """Return the points, float32 ``(M, 2)``, that come to the places ``points``, shape ``(M, 2)``."""
        return ((points.astype(np.float64) - self.shift) @ np.linalg.inv(self.matrix)).astype(np.float32)


def procrustes(points: NDArray[np.floating], reference: NDArray[np.floating]) -> Similarity:
    """Return the similarity that brings ``points`` as near to ``reference`` as one can, both of shape ``(N, 2)``.

    Raises:
        ProjectionError: if there are fewer than 2 points, or all of one of the two lie at one place.

    Source: Gower (1975), Generalized Procrustes analysis, https://doi.org/10.1007/BF02291478.
    """
    if points.shape != reference.shape or len(points) < _FEWEST:
        raise ProjectionError(
            f"Maps of {len(points):,} and {len(reference):,} images cannot be turned onto one another: it takes two or "
            "more images, the same ones on both."
        )
    means = [each.mean(axis=0, dtype=np.float64) for each in (points, reference)]
    moving, fixed = (each - mean for each, mean in zip((points, reference), means, strict=True))
    spreads = [float((each**2).sum()) for each in (moving, fixed)]
    if not min(spreads) > 0:
        raise ProjectionError("All images lie at one place on one of the maps, so the other cannot be turned onto it.")
    rotation = nearest_rotation(moving, fixed)
    fit = float(((moving @ rotation) * fixed).sum())
    matrix: Doubles = fit / spreads[0] * rotation
    disparity = max(0.0, 1 - fit**2 / (spreads[0] * spreads[1]))
    return Similarity(matrix=matrix, shift=means[1] - means[0] @ matrix, disparity=disparity)


def nearest_rotation(points: NDArray[np.floating], reference: NDArray[np.floating]) -> Doubles:
    """Return the orthogonal matrix R, rotation or reflection, that minimises ``|points R - reference|``.

    Source: Schönemann (1966), A generalized solution of the orthogonal Procrustes problem,
    https://doi.org/10.1007/BF02289451.
    """
    left, _, right = np.linalg.svd(points.astype(np.float64).T @ reference.astype(np.float64))
    rotation: Doubles = left @ right
    return rotation


def _strip(codes: Floats) -> Floats:
    """Return z across, and a height that an image keeps in every epoch, as a share of the epoch's length."""
    reach = float(np.ptp(codes)) if len(codes) else 0.0
    height = np.random.default_rng(_STRIP_SEED).uniform(-0.5, 0.5, len(codes)) * STRIP_HEIGHT * (reach or 1.0)
    return np.stack([codes[:, 0], height], axis=1).astype(np.float32)
