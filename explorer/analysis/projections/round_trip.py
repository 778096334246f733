"""Holes of a latent space: places of a map whose decoded image does not encode back to where it came from.

An encoder that reads its decoder's images as codes elsewhere was never asked about these places. What counts as back is
measured by the test images' own codes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats
from explorer.analysis.projections.base import Projection
from explorer.analysis.records import EncodedSet
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress, Stages

if TYPE_CHECKING:
    from explorer.analysis.latent.reliability import ReliabilityGauge
    from explorer.models.latent_model import LatentModel

SIDE = 40
"""Places along each side of the square that is swept."""

CORE = 0.5
"""Percentile of the points, from below and from above, at which the swept part of a map ends, but for its margin."""

MARGIN = 0.08
"""Of the swept part, as a share of its width and height."""

RETURNING = 0.95
"""Share of the test images whose codes come back from decoding as near as what is no hole."""

BATCH = 200
SWEEPING = "decoding places and encoding them back"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RoundTripErrors:
    """A map swept place by place.

    Attributes:
        error: distance in z from the code of a place to the code of its decoded image, rows upwards and columns to the
            right, shape ``(S, S)``.
        is_empty: whether the nearest encoded image is farther from the place's code than for 99 in 100 encoded images
            another one is, shape ``(S, S)``.
        threshold: the error that ``RETURNING`` of the test images' own codes stay within.
        extent: outer edges of the swept part in map coordinates: left, right, bottom, top.
        n_images: test images that the threshold was measured on.
    """

    error: NDArray[np.float64]
    is_empty: NDArray[np.bool_]
    threshold: float
    extent: tuple[float, float, float, float]
    n_images: int

    @property
    def is_hole(self) -> NDArray[np.bool_]:
        """Where the decoded image does not encode back: shape ``(S, S)``."""
        return ~(self.error <= self.threshold)

    @property
    def empty_share(self) -> float:
        """Share of the places that are empty."""
        return float(self.is_empty.mean())

    def hole_share(self, *, of_empty: bool) -> float | None:
        """Return the share of holes among the empty places, or among the filled ones; None where there are none."""
        among = self.is_hole[self.is_empty == of_empty]
        return float(among.mean()) if among.size else None


def round_trip_errors(
    gauge: "ReliabilityGauge",
    projection: Projection,
    *,
    side: int = SIDE,
    on_progress: OnProgress = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> RoundTripErrors | None:
    """Return how far the images decoded over a map encode back; None if ``stop`` said so before the end.

    Off the map the rest of z is that of the mean code; a model that decodes in a class does so in that of the nearest
    encoded image on the map.

    Args:
        gauge: of the run's model and encoded set.
        projection: its map.
        side: places along each side, at least 2.
        on_progress: is told how far it is.
        stop: is asked between batches.

    Raises:
        ConfigError: if ``side`` is below 2, or the points have no extent.
    """
    from explorer.analysis.latent.neighbourhood import spread
    from explorer.analysis.latent.reliability import re_encoding_error

    model, encoded = gauge.model, gauge.encoded
    extent = _extent(projection.points, side)
    places = _centres(extent, side)
    labels = _labels(model, encoded, projection, places)
    codes = projection.inverse(places, encoded.mean_code())
    stages = Stages({SWEEPING: 1.0}, on_progress)
    error = np.empty(len(codes))
    for start in range(0, len(codes), BATCH):
        if stop():
            return None
        part = slice(start, start + BATCH)
        error[part] = re_encoding_error(model, codes[part], None if labels is None else labels[part])
        stages.count(SWEEPING, min(start + BATCH, len(codes)), len(codes))
    rows = spread(len(encoded))
    own = re_encoding_error(model, encoded.mu[rows], encoded.labels[rows] if model.needs_label else None)
    return RoundTripErrors(
        error=error.reshape(side, side),
        is_empty=_is_empty(gauge, codes, labels).reshape(side, side),
        threshold=float(np.quantile(own, RETURNING)),
        extent=extent,
        n_images=len(rows),
    )


def _extent(points: Floats, side: int) -> tuple[float, float, float, float]:
    if side <= 1:
        raise ConfigError(f"{side} places along a side sweep nothing: use at least 2.")
    low, high = np.percentile(points, [CORE, 100 - CORE], axis=0)
    if not (high > low).all():
        raise ConfigError("The encoded images lie at one place or on one line of this map: there is nothing to sweep.")
    margin = MARGIN * (high - low)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)


def _centres(extent: tuple[float, float, float, float], side: int) -> Floats:
    """Return the centres of the cells, shape ``(side * side, 2)``, the lowest row first."""
    left, right, bottom, top = extent
    steps = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(left + steps * (right - left), bottom + steps * (top - bottom))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def _labels(
    model: "LatentModel", encoded: EncodedSet, projection: Projection, places: Floats
) -> NDArray[np.int64] | None:
    from scipy.spatial import KDTree

    if not model.needs_label:
        return None
    labels: NDArray[np.int64] = encoded.labels[KDTree(projection.points).query(places)[1]]
    return labels


def _is_empty(gauge: "ReliabilityGauge", codes: Floats, labels: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    from explorer.analysis.latent.reliability import rows_of_classes

    is_empty = np.zeros(len(codes), bool)
    for label, rows in rows_of_classes(labels, len(codes)):
        around = gauge.neighbourhood(label)
        is_empty[rows] = around.around(codes[rows])[0] > around.reach
    return is_empty
