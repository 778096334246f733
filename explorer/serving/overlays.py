"""What the map draws over and under its points, in bytes: densities, ellipses of posteriors, and test images."""

import hashlib
import threading
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.projections.base import LinearProjection, Projection
from explorer.analysis.projections.density import DensityGrid, density_grid, map_covariances
from explorer.errors import DataError, ProjectionError, ServingError
from explorer.models.config import ModelConfig
from explorer.serving.decoder import DecodeService
from explorer.serving.run_cache import LoadedRun
from explorer.serving.test_images import held_test_images, matching_originals

MAX_ROWS = 256
"""Images in one request: a few more than are drawn as thumbnails."""

Space = tuple[str, int, int]

_GRIDS: WeakKeyDictionary[LoadedRun, dict[Space, DensityGrid]] = WeakKeyDictionary()
_LOCK = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Bytes with what must be said beside them."""

    content: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """An entity tag of the content and its headers: a map that is made anew keeps its run's weights."""
        digest = hashlib.sha256(self.content)
        digest.update(repr(sorted(self.headers.items())).encode())
        return f'"{digest.hexdigest()[:32]}"'


def has_normal_ellipses(model: ModelConfig) -> bool:
    """Whether each q(z|x) is a normal that its stored variances describe whole."""
    return model.has_bound and model.posterior == "normal"


def prior_centre(loaded: LoadedRun, projection: Projection) -> tuple[float, float] | None:
    """Return where the middle of a prior N(0, I) falls on a linear map; None where there is none.

    The axes of a linear map are orthonormal, so there N(0, I) is a round normal of deviation 1 about this place.
    """
    model = loaded.config.model
    is_standard = model.prior == "normal" or (
        model.prior == "matching" and model.posterior in ("normal", "normal-full")
    )
    if not (model.has_bound and is_standard and isinstance(projection, LinearProjection)):
        return None
    x, y = projection.forward(np.zeros((1, model.latent_dim), np.float32))[0]
    return float(x), float(y)


def held_density(loaded: LoadedRun, space: Space) -> DensityGrid:
    """Return the density of the encoded set on the map ``space``, computed once.

    Raises:
        ExplorerError: if there is no such map.
    """
    projection, encoded = loaded.projection(*space), loaded.encoded  # files are read before all runs' lock is taken
    with _LOCK:
        grids = _GRIDS.setdefault(loaded, {})
        if space not in grids:
            is_normal = has_normal_ellipses(loaded.config.model)
            grids[space] = density_grid(projection, map_covariances(encoded, projection) if is_normal else None)
        return grids[space]


def density_answer(loaded: LoadedRun, space: Space) -> Answer:
    """Return the density as rows x columns float32, lowest row first.

    The header X-Extent holds left, right, bottom and top; X-Density the kind, the number of images and the threshold.

    Raises:
        ExplorerError: if there is no such map.
    """
    grid = held_density(loaded, space)
    return Answer(
        content=grid.values.astype("<f4").tobytes(),
        headers={
            "X-Shape": ",".join(str(side) for side in grid.values.shape),
            "X-Extent": ",".join(repr(edge) for edge in grid.extent),
            "X-Density": f"{grid.kind},{grid.n_images},{grid.threshold!r}",
        },
    )


def ellipses_answer(loaded: LoadedRun, space: Space) -> Answer:
    """Return the covariance of each image's q(z|x) on the map: N x 3 float32, xx, xy, yy.

    Raises:
        ProjectionError: if there is no such map, or q(z|x) is no normal on it.
    """
    model = loaded.config.model
    covariances = map_covariances(loaded.encoded, loaded.projection(*space))
    if covariances is None or not has_normal_ellipses(model):
        raise ProjectionError(
            f"The posteriors of {loaded.run.name} are no ellipses on the map {space[0]}: it takes a diagonal normal "
            "q(z|x) and a linear map. Choose a run with posterior 'normal', on its latent plane or PCA."
        )
    return Answer(content=covariances.astype("<f4").tobytes(), headers={"X-Shape": f"{len(covariances)},3"})


def images_answer(service: DecodeService, loaded: LoadedRun, body: bytes) -> Answer:
    """Return the test images of the rows in ``body`` (uint32), uint8 of shape ``(M, C, H, W)``.

    The header X-Source says what they are: "original", or "reconstruction" where the data set is not on this machine.

    Raises:
        ExplorerError: if the run has no encoded set, or a row is not in it.
    """
    rows = _rows(loaded, body)
    try:
        images: NDArray[np.uint8] = matching_originals(loaded, held_test_images(loaded.config.training.data)).images[
            rows
        ]
        source = "original"
    except DataError:  # the data set is not needed to look at a map; what is shown instead is said
        labels = None if loaded.config.model.n_classes is None else loaded.encoded.labels[rows]
        images, source = service.decode(loaded, loaded.encoded.mu[rows], labels), "reconstruction"
    shape = ",".join(str(side) for side in images.shape)
    return Answer(content=images.tobytes(), headers={"X-Shape": shape, "X-Source": source})


def _rows(loaded: LoadedRun, body: bytes) -> NDArray[np.int64]:
    if not body or len(body) % 4 or len(body) > 4 * MAX_ROWS:
        raise ServingError(
            f"The body has {len(body)} bytes; it must be 1 to {MAX_ROWS} row numbers, uint32, 4 bytes each."
        )
    rows = np.frombuffer(body, "<u4").astype(np.int64)
    if rows.max() >= len(loaded.encoded):
        raise ServingError(f"Row {rows.max()} is not in the encoded set: choose one of 0 to {len(loaded.encoded) - 1}.")
    return rows
