"""Maps of the same images after different epochs, turned so that what did not change does not seem to. numpy only.

A principal component's sign, and the order of two of about the same variance, are accidents. Each map is therefore
rotated and reflected onto the one before it; distances within a map are never touched.
"""

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.results import Floats

STRIP_HEIGHT = 0.4
"""Height of a strip, as a share of its length."""

_STRIP_SEED = 0

Doubles = NDArray[np.float64]


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
