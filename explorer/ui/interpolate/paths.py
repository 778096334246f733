"""The paths between two pins of a view: which there are, and the query for the one that takes seconds."""

from dataclasses import dataclass
from functools import lru_cache

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.paths.interpolation import KINDS, LatentPath
from explorer.errors import ExplorerError
from explorer.jobs.threads import Query
from explorer.runs.classifiers import EvaluationClassifier
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.places import PinnedPlace, one_class
from explorer.ui.tasks import subscribe
from explorer.ui.view import View
from explorer.workflows.paths import SLOW, Endpoints, MeasuredPath, Sampling, geodesic, measured, quick_path


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The paths that are there, by kind in the order of ``KINDS``, and the kinds that are not with the reason.

    ``awaited`` is the geodesic while that is not there.
    """

    paths: dict[str, MeasuredPath]
    missing: dict[str, str]
    awaited: Query[LatentPath] | None


def endpoints_of(loaded: LoadedRun, view: View, first: PinnedPlace, last: PinnedPlace) -> Endpoints:
    """Return the endpoints of the path from one pinned place to another.

    A conditional model decodes all of it in the view's class, or else in that of the first place.
    """
    a, b = (tuple(float(number) for number in place.z) for place in (first, last))
    return Endpoints(a=a, b=b, label=one_class(loaded, view, first))


def paths_between(loaded: LoadedRun, endpoints: Endpoints, sampling: Sampling) -> Found:
    """Return the paths between two codes; a geodesic that is not there yet is asked for.

    A geodesic that this session waited for before, between other codes, is cancelled.

    Raises:
        ExplorerError: if there is no path at all, as of a model that cannot be used.
    """
    paths: dict[str, MeasuredPath] = {}
    missing: dict[str, ExplorerError] = {}
    for kind in KINDS:
        try:
            if kind != SLOW:
                paths[kind] = quick_path(loaded, kind, endpoints, sampling)
        except ExplorerError as error:
            missing[kind] = error
    if not paths:
        raise next(iter(missing.values()))
    query = geodesic(loaded, endpoints)
    subscribe(SLOW, query)
    found = query.task().outcome()
    if isinstance(found, LatentPath):
        paths[SLOW] = _measured(loaded, found, endpoints, sampling)
    ordered = {kind: paths[kind] for kind in KINDS if kind in paths}
    reasons = {kind: str(error) for kind, error in missing.items()}
    return Found(paths=ordered, missing=reasons, awaited=None if SLOW in paths else query)


@lru_cache(maxsize=32)
def _measured(loaded: LoadedRun, path: LatentPath, endpoints: Endpoints, sampling: Sampling) -> MeasuredPath:
    return measured(loaded, path, endpoints, sampling)


@lru_cache(maxsize=64)
def frame_images(loaded: LoadedRun, path: MeasuredPath, every: int = 1) -> Images:
    """Return what ``every`` so many frames of a path decode to, from the first on, uint8 ``(F, C, H, W)``."""
    labels = None if path.labels is None else path.labels[::every]
    return session.service().decode(loaded, path.latent.codes[::every], labels)


@lru_cache(maxsize=64)
def frame_probabilities(
    loaded: LoadedRun, classifier: EvaluationClassifier, path: MeasuredPath, every: int = 1
) -> Floats:
    """Return the probability of each class by the classifier for those frames of a path, shape ``(F, K)``."""
    from explorer.analysis.evaluation.classifier import class_probabilities

    return class_probabilities(classifier.network, frame_images(loaded, path, every))
