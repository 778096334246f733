"""The walks between two pins of a view: which there are, and how far the one is that takes seconds."""

from dataclasses import dataclass
from functools import lru_cache

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.paths.interpolation import KINDS, LatentPath
from explorer.errors import ExplorerError
from explorer.jobs.progress import Progress
from explorer.jobs.threads import errands
from explorer.runs.judges import Judge
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.places import PinnedPlace, one_class
from explorer.ui.tasks import outcome, want
from explorer.ui.view import View
from explorer.workflows.paths import SLOW, Sampling, Walk, WalkEnds, geodesic, geodesic_key, measured, quick_walk


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The walks that are there, by kind in the order of ``KINDS``, and the kinds that are not with the reason."""

    walks: dict[str, Walk]
    missing: dict[str, str]
    progress: Progress | None


def walk_ends(loaded: LoadedRun, view: View, first: PinnedPlace, last: PinnedPlace) -> WalkEnds:
    """Return the ends of the walk from one pinned place to another.

    A conditional model decodes all of it in the view's class, or else in that of the first place.
    """
    a, b = (tuple(float(number) for number in place.z) for place in (first, last))
    return WalkEnds(a=a, b=b, label=one_class(loaded, view, first))


def walks_between(loaded: LoadedRun, ends: WalkEnds, sampling: Sampling) -> Found:
    """Return the walks between two codes; a geodesic that is not there yet is asked for.

    A geodesic that this session waited for before, between other codes, is given up.
    """
    walks, missing = {}, {}
    for kind in KINDS:
        try:
            if kind != SLOW:
                walks[kind] = quick_walk(loaded, kind, ends, sampling)
        except ExplorerError as error:
            missing[kind] = str(error)
    progress = None
    found = _geodesic(loaded, ends)
    if isinstance(found, LatentPath):
        walks[SLOW] = _measured(loaded, found, ends, sampling)
    elif isinstance(found, Progress):
        progress = found
    else:
        missing[SLOW] = found
    return Found(walks={kind: walks[kind] for kind in KINDS if kind in walks}, missing=missing, progress=progress)


@lru_cache(maxsize=32)
def _measured(loaded: LoadedRun, path: LatentPath, ends: WalkEnds, sampling: Sampling) -> Walk:
    return measured(loaded, path, ends, sampling)


def _geodesic(loaded: LoadedRun, ends: WalkEnds) -> LatentPath | Progress | str:
    want(SLOW, geodesic_key(loaded, ends))
    return outcome(geodesic(loaded, ends))


def cancel_geodesic(loaded: LoadedRun, ends: WalkEnds) -> None:
    """Give up the geodesic between two codes."""
    geodesic(loaded, ends).give_up()


def begin_again(loaded: LoadedRun, ends: WalkEnds) -> None:
    """Ask anew for a geodesic that was given up or failed."""
    errands().forget(geodesic_key(loaded, ends))


@lru_cache(maxsize=64)
def frame_images(loaded: LoadedRun, walk: Walk, every: int = 1) -> Images:
    """Return what ``every`` so many frames of a walk decode to, from the first on, uint8 ``(F, C, H, W)``."""
    labels = None if walk.labels is None else walk.labels[::every]
    return session.service().decode(loaded, walk.path.codes[::every], labels)


@lru_cache(maxsize=64)
def frame_probabilities(loaded: LoadedRun, judge: Judge, walk: Walk, every: int = 1) -> Floats:
    """Return the probability of each class by the judge for those frames of a walk, shape ``(F, K)``."""
    from explorer.analysis.evaluation.classifier import judged

    return judged(judge.classifier, frame_images(loaded, walk, every))
