"""Maps of codes: where each encoded image lies in two dimensions, and the way back. Records of arrays; numpy only.

A linear map has an exact inverse. Any other is inverted by interpolating between encoded neighbours on the map, which
is an approximation, and says how good one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats
from explorer.analysis.projections.procrustes import Similarity, procrustes
from explorer.strict_json import dump_json, parse_json

MAX_COORDINATE = 1e8
"""Of a stored map: a hundred times as far as any code."""

MAX_AXIS_NAME = 200

N_INTERPOLATED = 12
"""Neighbours between which a place is interpolated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapQuality:
    """How far a map can be believed, each from 0 to 1 but for the round trip.

    Attributes:
        trustworthiness: whether neighbours on the map are neighbours among the codes.
        continuity: whether neighbours among the codes are neighbours on the map.
        knn_accuracy: share of images whose class is that of most of their neighbours on the map; None for one class.
        round_trip: median distance from a place to where its code lies on the map, as a share of the map's radius
            (root mean square distance from its centre); 0 for an exact inverse.
        n_compared: images that the first two were measured on.
    """

    trustworthiness: float
    continuity: float
    knn_accuracy: float | None
    round_trip: float
    n_compared: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Projection(ABC):
    """A map of codes onto a plane, and back.

    Attributes:
        method: its name, such as "pca" or "umap".
        points: where the encoded set lies, shape ``(N, 2)``.
        axis_names: what the two axes are called on a plot.
        parameters: what it was computed with.
        seconds: how long that took.
        quality: how far it can be believed; None where it was not measured.
    """

    method: str
    points: Floats
    axis_names: tuple[str, str]
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    quality: MapQuality | None = None

    @property
    @abstractmethod
    def exact(self) -> bool:
        """Whether ``inverse`` is exact."""

    @abstractmethod
    def forward(self, z: Floats) -> Floats:
        """Return the points, shape ``(M, 2)``, of codes ``z``, shape ``(M, L)``; no point of the set moves."""

    @abstractmethod
    def inverse(self, points: Floats, reference: Floats) -> Floats:
        """Return codes, shape ``(M, L)``, at ``points``, shape ``(M, 2)``; what no map fixes is ``reference``'s."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to store beside the points."""

    def to_arrays(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Return arrays and metadata to store."""
        metadata = {
            "method": self.method,
            "axis_names": dump_json(self.axis_names),
            "parameters": dump_json(self.parameters),
            "seconds": f"{self.seconds:.3f}",
            "quality": dump_json(None if self.quality is None else asdict(self.quality)),
        }
        return {"points": self.points, **self.arrays()}, metadata


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LinearProjection(Projection):
    """``points = (z - origin) @ axes.T``, and back.

    Attributes:
        axes: two orthonormal rows, shape ``(2, L)``.
        origin: the code at (0, 0), shape ``(L,)``.
    """

    axes: Floats
    origin: Floats

    def __post_init__(self) -> None:
        """Check the shapes."""
        n_dims = self.axes.shape[-1]
        if self.points.shape[1:] != (2,) or self.axes.shape != (2, n_dims) or self.origin.shape != (n_dims,):
            raise ValueError(
                f"points {self.points.shape}, axes {self.axes.shape} and origin {self.origin.shape} do not fit "
                "(N, 2), (2, L) and (L,)"
            )

    @property
    def exact(self) -> bool:
        """True: for a linear map ``inverse`` is exact."""
        return True

    def forward(self, z: Floats) -> Floats:
        """Return the points, shape ``(M, 2)``, of codes ``z``, shape ``(M, L)``."""
        points: Floats = ((z - self.origin) @ self.axes.T).astype(np.float32)
        return points

    def inverse(self, points: Floats, reference: Floats) -> Floats:
        """Return codes, shape ``(M, L)``, that lie at ``points``, shape ``(M, 2)``; the rest is that of ``reference``.

        Of all codes that project to a point, it is the one nearest to ``reference``, shape ``(L,)``.
        """
        shift = points - self.forward(reference[None])
        return (reference + shift @ self.axes).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the axes and the origin."""
        return {"axes": self.axes, "origin": self.origin}


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StripProjection(Projection):
    """Codes of one dimension: z across, and a height that only keeps points from hiding one another."""

    @property
    def exact(self) -> bool:
        """True: what lies across is the code."""
        return True

    def forward(self, z: Floats) -> Floats:
        """Return the points, shape ``(M, 2)``, of codes ``z``, shape ``(M, 1)``; others at height 0."""
        order = np.argsort(self.points[:, 0], kind="stable")
        known = self.points[order]
        nearest = np.searchsorted(known[:, 0], z[:, 0]).clip(max=len(known) - 1)
        height = np.where(known[nearest, 0] == z[:, 0], known[nearest, 1], np.float32(0))
        return np.stack([z[:, 0], height], axis=1).astype(np.float32)

    def inverse(self, points: Floats, reference: Floats) -> Floats:
        """Return codes, shape ``(M, 1)``, at ``points``, shape ``(M, 2)``: their place across; z has no rest."""
        return points[:, :1].astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Nothing: a strip is made when it is asked for."""
        return {}


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AlignedProjection(Projection):
    """Another map, turned onto that of another model: see ``aligned_onto``.

    Attributes:
        of: the map as it was.
        similarity: what brings its points here.
    """

    of: Projection
    similarity: Similarity

    @property
    def exact(self) -> bool:
        """Whether the inverse of the map that was turned is."""
        return self.of.exact

    def forward(self, z: Floats) -> Floats:
        """Return the points, shape ``(M, 2)``, of codes ``z``, shape ``(M, L)``."""
        return self.similarity.apply(self.of.forward(z))

    def inverse(self, points: Floats, reference: Floats) -> Floats:
        """Return codes, shape ``(M, L)``, at ``points``, shape ``(M, 2)``, as the map that was turned gives them."""
        return self.of.inverse(self.similarity.undo(points), reference)

    def arrays(self) -> dict[str, np.ndarray]:
        """Nothing: it is made when it is asked for."""
        return {}


def aligned_onto(projection: Projection, reference: Projection) -> AlignedProjection:
    """Return ``projection`` turned onto ``reference``, a map of the same images in the same order.

    Raises:
        ProjectionError: if they are of other numbers of images, or all images lie at one place on one of them.
    """
    similarity = procrustes(projection.points, reference.points)
    return AlignedProjection(
        method=projection.method,
        points=similarity.apply(projection.points),
        axis_names=(_onto(reference.axis_names[0]), _onto(reference.axis_names[1])),
        quality=projection.quality,
        of=projection,
        similarity=similarity,
    )


def _onto(axis_name: str) -> str:
    # What share of the variance lies along the axis is said of the other map.
    return f"turned onto {axis_name.partition(',')[0]}"


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NeighbourProjection(Projection):
    """A map that is known at the encoded images alone; between them both ways are interpolated.

    Attributes:
        codes: of the encoded set, shape ``(N, L)``.
    """

    codes: Floats
    _trees: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Check the shapes."""
        if self.points.shape != (len(self.codes), 2):
            raise ValueError(f"points {self.points.shape} do not fit {len(self.codes)} codes, (N, 2) and (N, L)")

    @property
    def exact(self) -> bool:
        """False: a place between encoded images has no code of its own."""
        return False

    def forward(self, z: Floats) -> Floats:
        """Return the points, shape ``(M, 2)``, of codes ``z``, shape ``(M, L)``, from those of the nearest codes."""
        weights, rows = self._neighbours("codes", z, self.codes)
        points: Floats = np.einsum("mk,mkd->md", weights, self.points[rows]).astype(np.float32)
        return points

    def inverse(self, points: Floats, reference: Floats) -> Floats:
        """Return codes, shape ``(M, L)``, at ``points``, shape ``(M, 2)``, from those of the nearest images there.

        A plane is fitted to the neighbours' codes, by their weights, and followed no farther than they spread: far
        outside the map a code stays near the codes at its edge.

        Source: Cleveland & Devlin (1988), Locally Weighted Regression, https://doi.org/10.1080/01621459.1988.10478639.
        """
        weights, rows = self._neighbours("points", points, self.points)
        near, codes = self.points[rows].astype(np.float64), self.codes[rows].astype(np.float64)
        centre, mean = (np.einsum("mk,mkd->md", weights, values) for values in (near, codes))
        offsets = near - centre[:, None]
        spread = np.einsum("mk,mki,mkj->mij", weights, offsets, offsets)
        size = np.trace(spread, axis1=1, axis2=2)[:, None]
        slopes = np.linalg.solve(
            spread + (1e-3 * size[..., None] + 1e-18) * np.eye(2),
            np.einsum("mk,mki,mkl->mil", weights, offsets, codes - mean[:, None]),
        )
        step = points - centre
        step *= np.minimum(1, np.sqrt(size) / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-18))
        result: Floats = (mean + np.einsum("mi,mil->ml", step, slopes)).astype(np.float32)
        return result

    def arrays(self) -> dict[str, np.ndarray]:
        """Nothing: the codes are stored with the run."""
        return {}

    def _neighbours(self, name: str, places: Floats, known: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return weights, which sum to 1, and rows, each ``(M, K)``, of the ``known`` nearest to ``places``.

        At a known place all weight is on it, and at the farthest neighbour there is none, so that what is weighted is
        smooth.

        Source: Franke & Nielson (1980), Smooth interpolation of large sets of scattered data (the modified method of
        Shepard), with the distance to the farthest of ``N_INTERPOLATED`` neighbours for a radius.
        """
        from scipy.spatial import cKDTree

        if name not in self._trees:
            self._trees[name] = cKDTree(known)
        n = min(N_INTERPOLATED, len(known))
        distances, rows = (it.reshape(len(places), n) for it in self._trees[name].query(places, k=n))
        distances = np.maximum(distances, 1e-9)
        radius = distances[:, -1:] * (1 + 1e-3)
        weights: NDArray[np.float64] = ((radius - distances) / (radius * distances)) ** 2
        return weights / weights.sum(axis=1, keepdims=True), rows


def projection_from_arrays(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str], codes: Floats) -> Projection:
    """Return the projection that ``to_arrays`` stored; ``codes``, ``(N, L)``, are those of the encoded set.

    Raises:
        KeyError, TypeError, ValueError: if something is missing, no number, or does not fit the codes.
    """
    first, second = parse_json(metadata["axis_names"])
    quality, parameters = parse_json(metadata.get("quality", "null")), parse_json(metadata["parameters"])
    if not isinstance(parameters, dict):
        raise TypeError("its parameters are no names with values")
    shared: dict[str, Any] = {
        "method": metadata["method"],
        "points": _stored(arrays, "points", (len(codes), 2)),
        "axis_names": (str(first)[:MAX_AXIS_NAME], str(second)[:MAX_AXIS_NAME]),
        "parameters": parameters,
        "seconds": float(metadata["seconds"]),
        "quality": None if quality is None else _quality(quality),
    }
    if "axes" in arrays:
        n_dims = codes.shape[1]
        axes, origin = _stored(arrays, "axes", (2, n_dims)), _stored(arrays, "origin", (n_dims,))
        return LinearProjection(axes=axes, origin=origin, **shared)
    return NeighbourProjection(codes=codes, **shared)


def _stored(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> Floats:
    array = arrays[name]
    if array.shape != shape or array.dtype.kind != "f":
        raise ValueError(f"{name} are {array.dtype} of shape {array.shape}, expected numbers of {shape}")
    with np.errstate(over="ignore"):  # of float64 beyond float32: infinite, and refused
        numbers: Floats = array.astype(np.float32)
    if not (np.abs(numbers) <= MAX_COORDINATE).all():
        raise ValueError(f"{name} are not all finite numbers within {MAX_COORDINATE:g}")
    return numbers


def _quality(said: Mapping[str, Any]) -> MapQuality:
    quality = MapQuality(**said)
    known = [value for value in asdict(quality).values() if value is not None]
    if None in (quality.trustworthiness, quality.continuity, quality.round_trip) or not all(
        isinstance(value, int | float) and abs(value) <= MAX_COORDINATE for value in known
    ):
        raise ValueError(f"its quality is {str(said)[:80]}")
    return quality
