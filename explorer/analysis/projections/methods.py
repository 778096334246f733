"""Computing maps of codes, and measuring how far they can be believed.

A stored map is its points alone, and a code that was not there is placed by interpolating between its neighbours'
points (``NeighbourProjection.forward``): no point moves, whatever the method. The methods' own ``transform`` needs the
fitted object, which only a pickle stores, and nothing here reads pickles. DECISIONS.md says how far the two are apart.
"""

import io
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.analysis.projections.base import (
    LinearProjection,
    MapQuality,
    NeighbourProjection,
    Projection,
    StripProjection,
)
from explorer.analysis.records import EncodedSet
from explorer.analysis.statistics.embedding import knn_hits
from explorer.errors import ProjectionError
from explorer.jobs.progress import OnProgress, Stages

SEED = 0
STRIP_HEIGHT = 0.4
"""Height of a strip, as a share of its length."""

MIN_IMAGES = 20
"""Images below which a map of neighbours means nothing."""

N_NEIGHBOURS = 10
MAX_COMPARED = 2000
"""Images on which neighbours are compared: all pairs of them are held at once."""

LOADING, NEIGHBOURS, LAYOUT, MEASURING = (
    "loading the method",
    "finding neighbours",
    "laying out the points",
    "measuring the map",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectionMethod:
    """A way to a map.

    Attributes:
        title: what it is called.
        compute: returns the map of an encoded set; one that takes a while tells the stages how far it is.
        seconds: of one that takes a while: of each stage from a fresh process, at least, and for each 10,000 codes
            more. The sums at 10,000 codes in 16 dimensions are those of tests/benchmarks/projections.py on 2 cores.
            Empty where a map takes milliseconds.
    """

    title: str
    compute: Callable[[EncodedSet, Stages | None], Projection]
    seconds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def is_slow(self) -> bool:
        """Whether it takes seconds or minutes, and a map is stored."""
        return bool(self.seconds)

    def stage_seconds(self, n_codes: int) -> dict[str, float]:
        """Return the expected seconds of each stage for ``n_codes``."""
        return {stage: least + more * n_codes / 10_000 for stage, (least, more) in self.seconds.items()}


def plane(encoded: EncodedSet, i: int = 0, j: int = 1) -> LinearProjection | StripProjection:
    """Return the plane of the latent dimensions ``i`` and ``j`` as they are, with the mean code behind it.

    Where there is but one dimension it is a strip, and ``i`` and ``j`` are 0 and 1.

    Raises:
        ProjectionError: if ``i`` or ``j`` is not a dimension, or they are the same and there is another.
    """
    n_dims = encoded.latent_dim
    if n_dims == 1:
        if (i, j) != (0, 1):
            raise ProjectionError(f"Dimensions {i} and {j} were asked for of a latent space of one: leave them out.")
        return strip(encoded)
    if not (0 <= i < n_dims and 0 <= j < n_dims) or i == j:
        raise ProjectionError(
            f"Dimensions {i} and {j} do not span a plane of this {n_dims}-dimensional latent space: "
            f"choose two different ones of 0 to {n_dims - 1}."
        )
    axes = np.zeros((2, n_dims), np.float32)
    axes[0, i] = axes[1, j] = 1
    origin = encoded.mean_code()
    origin[[i, j]] = 0
    return LinearProjection(
        method="plane",
        points=encoded.mu[:, [i, j]],
        axes=axes,
        origin=origin,
        axis_names=(f"z{i}", f"z{j}"),
        parameters={"i": i, "j": j},
    )


def strip(encoded: EncodedSet) -> StripProjection:
    """Return the map of codes of one dimension: z across, and a random height from seed ``SEED``."""
    reach = float(np.ptp(encoded.mu)) if len(encoded) else 0.0
    height = np.random.default_rng(SEED).uniform(-0.5, 0.5, len(encoded)) * STRIP_HEIGHT * (reach or 1.0)
    return StripProjection(
        method="plane",
        points=np.stack([encoded.mu[:, 0], height], axis=1).astype(np.float32),
        axis_names=("z0", "random height, without meaning"),
        parameters={"seed": SEED},
    )


def pca(encoded: EncodedSet) -> LinearProjection:
    """Return the first two principal components of the codes.

    The sign of each is fixed (its largest loading is positive), so that a map does not flip between machines.

    Raises:
        ProjectionError: if there are fewer than two dimensions or three images.
    """
    from sklearn.decomposition import PCA

    if encoded.latent_dim < 2 or len(encoded) < 3:
        raise ProjectionError(
            f"PCA needs two latent dimensions and three images; there are {encoded.latent_dim} and {len(encoded)}. "
            "Use the latent plane."
        )
    _check_codes_differ(encoded, "PCA")
    started = time.perf_counter()
    fitted = PCA(n_components=2, svd_solver="covariance_eigh").fit(encoded.mu.astype(np.float64))
    components = fitted.components_
    loadings = components[[0, 1], np.abs(components).argmax(axis=1)]
    axes: Floats = (components * np.sign(loadings)[:, None]).astype(np.float32)
    origin: Floats = fitted.mean_.astype(np.float32)
    ratios = [float(ratio) for ratio in fitted.explained_variance_ratio_]
    return LinearProjection(
        method="pca",
        points=((encoded.mu - origin) @ axes.T).astype(np.float32),
        axes=axes,
        origin=origin,
        axis_names=(f"PC1, {ratios[0]:.0%} of variance", f"PC2, {ratios[1]:.0%} of variance"),
        parameters={"explained_variance_ratio": ratios},
        seconds=time.perf_counter() - started,
    )


def tsne(encoded: EncodedSet, stages: Stages | None = None) -> NeighbourProjection:
    """Return t-SNE of the codes: neighbours stay together, distances between groups mean little.

    Source: van der Maaten & Hinton (2008); openTSNE, Policar et al. (2024), https://doi.org/10.18637/jss.v109.i03.
    """
    _begin(stages, LOADING)
    from openTSNE import TSNE

    _begin(stages, NEIGHBOURS)
    perplexity = min(30.0, (len(encoded) - 1) / 3)
    return _neighbour_map(
        encoded,
        "tsne",
        lambda codes: TSNE(
            perplexity=perplexity, random_state=SEED, n_jobs=-1, **_tsne_callbacks(stages, n_iterations=750)
        ).fit(codes),
        {"perplexity": perplexity, "seed": SEED},
    )


def umap(encoded: EncodedSet, stages: Stages | None = None) -> NeighbourProjection:
    """Return UMAP of the codes: a neighbour graph, laid out.

    Source: McInnes, Healy & Melville (2018), https://arxiv.org/abs/1802.03426; umap-learn.
    """
    _begin(stages, LOADING)
    with warnings.catch_warnings():  # it announces that Tensorflow, which we have no use for, is not there
        warnings.simplefilter("ignore", ImportWarning)
        from umap import UMAP

    _begin(stages, NEIGHBOURS)
    n_neighbours = min(15, len(encoded) - 1)
    # A seed allows one thread only; said here, so that the library need not warn.
    return _neighbour_map(
        encoded,
        "umap",
        lambda codes: UMAP(
            n_neighbors=n_neighbours, random_state=SEED, n_jobs=1, tqdm_kwds=_umap_bar(stages)
        ).fit_transform(codes),
        {"n_neighbors": n_neighbours, "seed": SEED},
    )


def pacmap(encoded: EncodedSet, stages: Stages | None = None) -> NeighbourProjection:
    """Return PaCMAP of the codes: near, middle and far pairs, balanced; the fastest of its kind here.

    Source: Wang et al. (2021), https://jmlr.org/papers/v22/20-1061.html; pacmap.
    """
    import logging

    _begin(stages, LOADING)
    from pacmap import PaCMAP

    _begin(stages, NEIGHBOURS)
    logging.getLogger("pacmap.pacmap").setLevel(logging.ERROR)  # it warns that a seed is a seed
    n_neighbours = min(10, len(encoded) // 2)

    def fit(codes: Floats) -> Floats:
        method = PaCMAP(n_components=2, n_neighbors=n_neighbours, random_state=SEED, verbose=stages is not None)
        with _pacmap_prints(stages, n_iterations=sum(method.num_iters)):
            points: Floats = method.fit_transform(codes)
        return points

    return _neighbour_map(encoded, "pacmap", fit, {"n_neighbors": n_neighbours, "seed": SEED})


METHODS: dict[str, ProjectionMethod] = {
    "plane": ProjectionMethod(title="Latent plane", compute=lambda encoded, _: plane(encoded)),
    "pca": ProjectionMethod(title="PCA", compute=lambda encoded, _: pca(encoded)),
    "pacmap": ProjectionMethod(
        title="PaCMAP",
        compute=pacmap,
        seconds={LOADING: (1.0, 0.0), NEIGHBOURS: (0.1, 0.4), LAYOUT: (0.4, 0.8), MEASURING: (0.1, 0.2)},
    ),
    "tsne": ProjectionMethod(
        title="t-SNE",
        compute=tsne,
        seconds={LOADING: (0.8, 0.0), NEIGHBOURS: (0.3, 1.5), LAYOUT: (1.5, 16.5), MEASURING: (0.1, 0.3)},
    ),
    # Most of its time is compiling the code that finds neighbours, whatever their number.
    "umap": ProjectionMethod(
        title="UMAP",
        compute=umap,
        seconds={LOADING: (2.0, 0.0), NEIGHBOURS: (22.0, 1.0), LAYOUT: (1.0, 6.6), MEASURING: (0.1, 0.3)},
    ),
}
"""Ways to a map by the names that links, files and the command line have for them, the fastest first."""

SLOW = tuple(name for name, method in METHODS.items() if method.is_slow)
"""The names of those that take a while."""


def project(encoded: EncodedSet, method: str, stages: Stages | None = None) -> Projection:
    """Return the projection of ``encoded`` by ``method``, one of ``METHODS``; a slow one tells ``stages`` how far.

    Raises:
        ProjectionError: if there is no such method, or it cannot be computed.
    """
    if method not in METHODS:
        raise ProjectionError(f"There is no projection {method!r}. Choose one of: {', '.join(METHODS)}.")
    if METHODS[method].is_slow:  # before what it takes is loaded
        check_can_be_mapped(encoded, method)
    return METHODS[method].compute(encoded, stages)


def stages_of(method: str, n_codes: int, report: OnProgress) -> Stages:
    """Return the stages of a slow method, with their expected seconds for ``n_codes``, that report to ``report``."""
    return Stages(METHODS[method].stage_seconds(n_codes), report)


def expected_seconds(method: str, n_codes: int) -> float:
    """Return about how long a slow method takes from a fresh process on 2 cores: an estimate."""
    return sum(METHODS[method].stage_seconds(n_codes).values())


def check_can_be_mapped(encoded: EncodedSet, method: str) -> None:
    """Check that there are codes enough for a slow method, that all are numbers, and that they differ.

    Raises:
        ProjectionError: if not.
    """
    name = METHODS[method].title
    if len(encoded) < MIN_IMAGES:
        raise ProjectionError(
            f"{name} looks at neighbours, and {len(encoded)} images have too few: it needs {MIN_IMAGES}. Use pca."
        )
    if not np.isfinite(encoded.mu).all():
        raise ProjectionError(f"A code is not a finite number, so {name} has no map of them. Use the latent plane.")
    _check_codes_differ(encoded, name)


def _check_codes_differ(encoded: EncodedSet, title: str) -> None:
    if not np.ptp(encoded.mu, axis=0).any():
        raise ProjectionError(
            f"All codes are the same, so {title} has no map of them: the encoder has collapsed. Use the latent plane."
        )


def measured(projection: Projection, encoded: EncodedSet) -> Projection:
    """Return ``projection`` with its quality, from seed ``SEED`` and at most ``MAX_COMPARED`` images.

    Source: Venna & Kaski (2001), Neighborhood preservation in nonlinear projection methods; scikit-learn.
    """
    from sklearn.manifold import trustworthiness

    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.permutation(len(encoded))[:MAX_COMPARED])
    codes, points = encoded.mu[rows], projection.points[rows]
    n_neighbours = min(N_NEIGHBOURS, (len(rows) - 1) // 2)
    quality = MapQuality(
        trustworthiness=float(trustworthiness(codes, points, n_neighbors=n_neighbours)),
        continuity=float(trustworthiness(points, codes, n_neighbors=n_neighbours)),
        knn_accuracy=_knn_accuracy(projection.points, encoded.labels),
        round_trip=0.0 if projection.exact else _round_trip(projection, rng),
        n_compared=len(rows),
    )
    return replace(projection, quality=quality)


def _neighbour_map(
    encoded: EncodedSet, method: str, fit: Callable[[Floats], Floats], parameters: dict[str, float]
) -> NeighbourProjection:
    title = METHODS[method].title
    started = time.perf_counter()
    points = np.ascontiguousarray(fit(encoded.mu), dtype=np.float32)
    return NeighbourProjection(
        method=method,
        points=points,
        codes=encoded.mu,
        axis_names=(f"{title} 1", f"{title} 2"),
        parameters=dict(parameters),
        seconds=time.perf_counter() - started,
    )


def _begin(stages: Stages | None, stage: str) -> None:
    if stages is not None:
        stages.begin(stage)


def _tsne_callbacks(stages: Stages | None, n_iterations: int, every: int = 10) -> dict[str, Any]:
    """Return the arguments that have openTSNE say how far it is; it counts anew after the early exaggeration."""
    if stages is None:
        return {}
    n_calls = 0

    def count(*_: object) -> None:
        nonlocal n_calls
        n_calls += 1
        stages.count(LAYOUT, every * n_calls, n_iterations)

    return {"callbacks": count, "callbacks_every_iters": every}


def _umap_bar(stages: Stages | None) -> dict[str, Any] | None:
    """Return the arguments of UMAP's progress bar that have it drawn into ``stages``."""
    if stages is None:
        return None

    def read(text: str) -> None:
        if (found := re.search(r"(\d+)/(\d+)", text)) is not None:
            stages.count(LAYOUT, int(found[1]), int(found[2]))

    return {"disable": False, "file": _Listener(read), "bar_format": "{n}/{total}"}


@contextmanager
def _pacmap_prints(stages: Stages | None, n_iterations: int) -> Iterator[None]:
    """Read off what PaCMAP prints how far it is: it has no callbacks."""
    if stages is None:
        yield
        return

    def read(text: str) -> None:
        if (found := re.match(r"Iteration: *(\d+)", text)) is not None:
            stages.count(LAYOUT, int(found[1]), n_iterations)

    with redirect_stdout(_Listener(read)):
        yield


class _Listener(io.TextIOBase):
    """A file that hands on what is written to it."""

    def __init__(self, read: Callable[[str], None]) -> None:
        self._read = read

    def write(self, text: str) -> int:
        self._read(text)
        return len(text)


def _knn_accuracy(points: Floats, labels: np.ndarray) -> float | None:
    """Share of images whose class is that of most of their ``N_NEIGHBOURS`` neighbours on the map but themselves."""
    if len(np.unique(labels)) < 2 or len(points) <= N_NEIGHBOURS:
        return None
    return float(knn_hits(points, labels, N_NEIGHBOURS).mean())


def _round_trip(projection: Projection, rng: np.random.Generator) -> float:
    """Median distance from places halfway between neighbours to where their codes lie, as a share of the radius."""
    from scipy.spatial import cKDTree

    points = projection.points
    rows = rng.permutation(len(points))[:MAX_COMPARED]
    nearest = cKDTree(points).query(points[rows], k=2)[1][:, 1]
    places = (points[rows] + points[nearest]) / 2
    reference = np.zeros(1, np.float32)
    returned = projection.forward(projection.inverse(places, reference))
    radius = float(np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean()))
    return float(np.median(np.linalg.norm(returned - places, axis=1)) / max(radius, 1e-12))
