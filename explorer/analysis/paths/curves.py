"""Curves through latent space that have a code at every time: what paths are sampled from. numpy only.

A curve goes from its first end at t = 0 to its last at t = 1, and goes on beyond both, where paths overshoot.
"""

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats

END_PIECE = 0.1
"""Share of a polyline that says where it goes beyond its end: its last piece alone may be as short as rounding."""


class Curve(Protocol):
    """A code for every time."""

    def at(self, t: Doubles) -> Floats:
        """Return the codes, shape ``(T, L)``, at times ``(T,)``."""
        ...


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Polyline:
    """Straight pieces between vertices; beyond each end straight on, at the mean velocity of the tenth before it.

    Attributes:
        vertices: shape ``(V, L)``, V >= 2.
        knots: the time at each vertex, rising from 0 to 1, shape ``(V,)``.
    """

    vertices: Doubles
    knots: Doubles

    def at(self, t: Doubles) -> Floats:
        """Return the codes, shape ``(T, L)``, at times ``(T,)``."""
        t = np.asarray(t, np.float64)
        inside = np.clip(t, 0, 1)
        ends = self._between(np.array([0, END_PIECE, 1 - END_PIECE, 1]))
        before, after = (ends[1] - ends[0]) / END_PIECE, (ends[3] - ends[2]) / END_PIECE
        beyond = np.minimum(t, 0)[:, None] * before + np.maximum(t - 1, 0)[:, None] * after
        codes: Floats = (self._between(inside) + beyond).astype(np.float32)
        return codes

    def _between(self, t: Doubles) -> Doubles:
        piece = np.clip(np.searchsorted(self.knots, t, side="right") - 1, 0, len(self.knots) - 2)
        share = ((t - self.knots[piece]) / (self.knots[piece + 1] - self.knots[piece]))[:, None]
        codes: Doubles = (1 - share) * self.vertices[piece] + share * self.vertices[piece + 1]
        return codes


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Arc:
    """A turn at constant angular speed in one plane, while the distance from the origin changes at constant speed.

    Attributes:
        along, across: orthonormal, shape ``(L,)``: the direction at t = 0, and the one a quarter turn on.
        angle: of the whole turn, in radians.
        lengths: distances from the origin at both ends.
    """

    along: Doubles
    across: Doubles
    angle: float
    lengths: tuple[float, float]

    def at(self, t: Doubles) -> Floats:
        """Return the codes, shape ``(T, L)``, at times ``(T,)``; none passes the origin to its other side."""
        t = np.asarray(t, np.float64)[:, None]
        direction = np.cos(t * self.angle) * self.along + np.sin(t * self.angle) * self.across
        length = np.maximum((1 - t) * self.lengths[0] + t * self.lengths[1], 0)
        codes: Floats = (length * direction).astype(np.float32)
        return codes


def line(a: Floats, b: Floats) -> Polyline:
    """Return the straight line between codes ``a`` and ``b``, each ``(L,)``."""
    return Polyline(vertices=np.stack([a, b]).astype(np.float64), knots=np.array([0.0, 1.0]))


def polyline(vertices: NDArray[np.floating]) -> Polyline:
    """Return the polyline through ``vertices``, ``(V, L)``, at constant latent speed; it stays where they all coincide.

    Vertices that repeat the one before them are passed over: they take no time.
    """
    points = vertices.astype(np.float64)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    moves = np.concatenate([[True], lengths > 0])
    if moves.sum() == 1:
        return Polyline(vertices=points[[0, -1]], knots=np.array([0.0, 1.0]))
    passed = np.concatenate([[0.0], np.cumsum(lengths[lengths > 0])])
    return Polyline(vertices=points[moves], knots=passed / passed[-1])
