"""The walks between two pins of a view: which there are, and the query for the one that takes seconds."""

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
from explorer.workflows.paths import SLOW, Sampling, Walk, WalkEnds, geodesic, measured, quick_walk


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The walks that are there, by kind in the order of ``KINDS``, and the kinds that are not with the reason.

    ``awaited`` is the geodesic while that is not there.
    """

    walks: dict[str, Walk]
    missing: dict[str, str]
    awaited: Query[LatentPath] | None


def walk_ends(loaded: LoadedRun, view: View, first: PinnedPlace, last: PinnedPlace) -> WalkEnds:
    """Return the ends of the walk from one pinned place to another.

    A conditional model decodes all of it in the view's class, or else in that of the first place.
    """
    a, b = (tuple(float(number) for number in place.z) for place in (first, last))
    return WalkEnds(a=a, b=b, label=one_class(loaded, view, first))


def walks_between(loaded: LoadedRun, ends: WalkEnds, sampling: Sampling) -> Found:
    """Return the walks between two codes; a geodesic that is not there yet is asked for.

    A geodesic that this session waited for before, between other codes, is cancelled.
    """
    walks, missing = {}, {}
    for kind in KINDS:
        try:
            if kind != SLOW:
                walks[kind] = quick_walk(loaded, kind, ends, sampling)
        except ExplorerError as error:
            missing[kind] = str(error)
    query = geodesic(loaded, ends)
    subscribe(SLOW, query)
    found = query.task().outcome()
    if isinstance(found, LatentPath):
        walks[SLOW] = _measured(loaded, found, ends, sampling)
    ordered = {kind: walks[kind] for kind in KINDS if kind in walks}
    return Found(walks=ordered, missing=missing, awaited=None if SLOW in walks else query)


@lru_cache(maxsize=32)
def _measured(loaded: LoadedRun, path: LatentPath, ends: WalkEnds, sampling: Sampling) -> Walk:
    return measured(loaded, path, ends, sampling)


@lru_cache(maxsize=64)
def frame_images(loaded: LoadedRun, walk: Walk, every: int = 1) -> Images:
    """Return what ``every`` so many frames of a walk decode to, from the first on, uint8 ``(F, C, H, W)``."""
    labels = None if walk.labels is None else walk.labels[::every]
    return session.service().decode(loaded, walk.path.codes[::every], labels)


@lru_cache(maxsize=64)
def frame_probabilities(loaded: LoadedRun, classifier: EvaluationClassifier, walk: Walk, every: int = 1) -> Floats:
    """Return the probability of each class by the classifier for those frames of a walk, shape ``(F, K)``."""
    from explorer.analysis.evaluation.classifier import class_probabilities

    return class_probabilities(classifier.network, frame_images(loaded, walk, every))
