"""Paths between two codes, sampled at times: straight, around the origin, or through given codes. numpy only.

Geodesics of a decoder are in ``geodesics.py``, paths through the encoded images in ``data_paths.py``.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.paths.curves import Arc, Curve, line, polyline
from explorer.errors import ConfigError

KINDS = ("linear", "spherical", "geodesic", "data")
"""The kinds of path that a person can ask for."""

MAX_FRAMES = 1000

N_FINE = 256
"""Steps of the fine sampling by which paths are measured and re-timed.

On the shipped models an image length by 256 steps is within 0.2 % of that by 4,096.
"""

OPPOSITE = 1e-6
"""Sine of the angle to the opposite code below which the plane through both is the accident of rounding to float32."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LatentPath:
    """Codes along a curve from one code to another.

    Attributes:
        kind: what was asked for, one of ``KINDS``; ``note`` says where that could not be had.
        codes: shape ``(T, L)``.
        t: the curve's time at each code: 0 at its first end, 1 at its last, shape ``(T,)``.
        curve: what the codes are sampled from.
        note: in words, where the path is not quite what was asked for, and why; else empty.
        iterations: of the minimisation of a geodesic's energy; None for the others.
        is_converged: whether that ended for want of anything to gain, and not of time; None for the others.
        energy, straight_energy: the energy that it ended with, and that of the straight line, over the points that
            were moved; None for the others.
        rows: the encoded images that it goes through; None for a path that goes through none.
    """

    kind: str
    codes: Floats
    t: Doubles
    curve: Curve
    note: str = ""
    iterations: int | None = None
    is_converged: bool | None = None
    energy: float | None = None
    straight_energy: float | None = None
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_overshoot(self) -> NDArray[np.bool_]:
        """Whether each code lies beyond the ends, shape ``(T,)``."""
        return (self.t < 0) | (self.t > 1)

    def at(self, t: Doubles) -> Self:
        """Return the same path at other times, shape ``(T,)``."""
        return replace(self, t=np.asarray(t, np.float64), codes=self.curve.at(t))

    def finely(self, n_steps: int = N_FINE) -> Self:
        """Return the same path at ``n_steps + 1`` times from end to end: what its length is measured by."""
        return self.at(np.linspace(0, 1, n_steps + 1))


def path_along(curve: Curve, t: Doubles, kind: str, **facts: Any) -> LatentPath:
    """Return the path of that ``kind`` along ``curve`` at times ``(T,)``, with those ``facts`` of a ``LatentPath``."""
    t = np.asarray(t, np.float64)
    return LatentPath(kind=kind, codes=curve.at(t), t=t, curve=curve, **facts)


def path_times(n_frames: int, *, overshoot: float = 0.0) -> Doubles:
    """Return ``n_frames`` times evenly from 0 to 1; with an overshoot one more at each end, that far beyond it.

    Raises:
        ConfigError: if there are fewer than 2 frames or more than ``MAX_FRAMES``, or the overshoot is not in [0, 1].
    """
    if not 2 <= n_frames <= MAX_FRAMES:
        raise ConfigError(f"A path of {n_frames} frames cannot be shown: use 2 to {MAX_FRAMES:,}.")
    if not 0 <= overshoot <= 1:
        raise ConfigError(f"An overshoot of {overshoot:g} is out of reach: use 0 to 1, a share of the path.")
    inner = np.linspace(0, 1, n_frames)
    return inner if overshoot == 0 else np.concatenate([[-overshoot], inner, [1 + overshoot]])


def linear_path(a: Floats, b: Floats, t: Doubles) -> LatentPath:
    """Return the straight path (1 - t) a + t b from ``a`` to ``b``, each ``(L,)``, at times ``(T,)``.

    Raises:
        ConfigError: if a code has numbers that are not finite.
    """
    _check_ends(a, b)
    return path_along(line(a, b), t, "linear", note=_same(a, b))


def spherical_path(a: Floats, b: Floats, t: Doubles) -> LatentPath:
    """Return the path from ``a`` to ``b``, each ``(L,)``, whose direction turns at constant speed, at times ``(T,)``.

    The distance from the origin goes evenly from |a| to |b|: it stays where the two are equal, and for parallel codes
    the path is the straight one. Between opposite codes every great circle is as short: this one goes by way of the
    dimension they have least of. Without directions (a zero code, opposite codes in one dimension) the path is
    straight, and its note says so.

    Source: Shoemake (1985), Animating rotation with quaternion curves, https://doi.org/10.1145/325165.325242; White
    (2016), Sampling Generative Networks, section 2.1, https://arxiv.org/abs/1609.04468, for codes: ours interpolates
    the length apart, so that codes of unequal length too are passed in equal angles.

    Raises:
        ConfigError: if a code has numbers that are not finite.
    """
    _check_ends(a, b)
    note = _same(a, b) or _no_arc(a, b)
    if note:
        return path_along(line(a, b), t, "spherical", note=note)
    arc = _arc(a.astype(np.float64), b.astype(np.float64))
    return path_along(arc, t, "spherical", note=_opposite(arc) if arc.angle == np.pi else "")


def polyline_path(vertices: NDArray[np.floating], t: Doubles, *, kind: str = "data", **facts: Any) -> LatentPath:
    """Return the path through ``vertices``, shape ``(V, L)``, at constant latent speed, at times ``(T,)``.

    Beyond the ends it goes straight on. Vertices may repeat. ``facts`` are further ones of a ``LatentPath``.
    """
    return path_along(polyline(vertices), t, kind, **facts)


def at_constant_speed(path: LatentPath, fine: LatentPath, images: NDArray[Any]) -> LatentPath:
    """Return ``path`` with its inner codes moved along the curve until the images change equally from each to the next.

    Codes beyond the ends stay where they are.

    Args:
        path: whose times tell the share of the way that each frame is to have behind it.
        fine: the same path, sampled finely: ``path.finely()``.
        images: what the codes of ``fine`` decode to, floats of shape ``(F, ...)``.
    """
    if len(images) != len(fine):
        raise ValueError(f"{len(images)} images do not go with {len(fine)} codes")
    passed = np.concatenate([[0.0], np.cumsum(step_lengths(images))])
    if passed[-1] == 0:
        return replace(path, note=" ".join(filter(None, [path.note, "The image does not change along this path."])))
    # Where the image stands still for a while any time would do; the first keeps the inverse a function.
    advances = np.concatenate([[True], np.diff(passed) > 0])
    times = np.interp(path.t, passed[advances] / passed[-1], fine.t[advances])
    return path.at(np.where(path.is_overshoot, path.t, times))


def step_lengths(rows: NDArray[Any]) -> Doubles:
    """Return the Euclidean distances from each row of ``(T, ...)`` to the next, shape ``(T - 1,)``."""
    flat = np.asarray(rows).reshape(len(rows), -1).astype(np.float64)
    lengths: Doubles = np.linalg.norm(np.diff(flat, axis=0), axis=1)
    return lengths


def _check_ends(a: Floats, b: Floats) -> None:
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"codes have shapes {a.shape} and {b.shape}, expected (L,) for both")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ConfigError("A code at an end of the path has numbers that are not finite. Choose another image.")


def _same(a: Floats, b: Floats) -> str:
    return "Both ends are the same code: the path stays there." if np.array_equal(a, b) else ""


def _no_arc(a: Floats, b: Floats) -> str:
    if not (a.any() and b.any()):
        return "One end is the zero code, which has no direction to turn from: this is the straight path."
    if len(a) == 1 and a[0] * b[0] < 0:
        return "In one dimension there is no way around the origin: this is the straight path."
    return ""


def _arc(a: Doubles, b: Doubles) -> Arc:
    """Return the arc between codes that are not zero; of opposite ones by way of the dimension they have least of."""
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    along, target = a / lengths[0], b / lengths[1]
    across = _perpendicular(target, along)
    sine, cosine = float(np.linalg.norm(across)), float(target @ along)
    if cosine < 0 and sine < OPPOSITE:
        across, angle = _perpendicular(np.eye(len(a))[np.abs(along).argmin()], along), np.pi
    else:
        angle = float(np.arctan2(sine, cosine))
    # Of parallel codes nothing is across, and nothing of it is walked on.
    return Arc(along=along, across=across / (np.linalg.norm(across) or 1), angle=angle, lengths=lengths)


def _opposite(arc: Arc) -> str:
    return (
        "The codes are opposite, so every great circle is as short: this one goes by way of dimension "
        f"{np.abs(arc.along).argmin()}."
    )


def _perpendicular(vector: Doubles, along: Doubles) -> Doubles:
    # Twice: what one subtraction leaves of a nearly parallel vector is mostly its rounding.
    for _ in range(2):
        vector = vector - (vector @ along) * along
    return vector
