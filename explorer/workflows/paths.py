"""Paths between two codes of a run, with their summaries. The kind that takes seconds is a query."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats
from explorer.analysis.paths.interpolation import KINDS, LatentPath, at_constant_speed
from explorer.analysis.paths.summary import FinePath, PathFacts, fine_path, path_facts
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress
from explorer.jobs.threads import Query
from explorer.serving.run_cache import LoadedRun
from explorer.workflows.interpolation import PathChoice, find_path

SLOW = "geodesic"
"""The kind that takes seconds."""

MIN_FRAMES, MAX_FRAMES = 4, 48
N_PLAYED = 72
"""Steps of an animation, about: more than a strip shows, so that it moves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """Two codes that a path joins.

    Attributes:
        a: where it begins, L numbers.
        b: where it ends, L numbers.
        label: class in which a conditional model decodes the whole path; None for other models.
    """

    a: tuple[float, ...]
    b: tuple[float, ...]
    label: int | None = None

    def __post_init__(self) -> None:
        """Check that both are codes of one model."""
        if len(self.a) != len(self.b):
            raise ConfigError(f"The ends have {len(self.a)} and {len(self.b)} numbers: choose places of one model.")

    @property
    def codes(self) -> tuple[Floats, Floats]:
        """Both codes, each of shape ``(L,)``."""
        return np.array(self.a, np.float32), np.array(self.b, np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """At which times a path is shown.

    Attributes:
        n_frames: of its strip from end to end; one more lies beyond each end.
        is_even: whether the image is to change equally from frame to frame, instead of equal steps along the curve.
    """

    n_frames: int = 12
    is_even: bool = False

    def __post_init__(self) -> None:
        """Check the bounds."""
        if not MIN_FRAMES <= self.n_frames <= MAX_FRAMES:
            raise ConfigError(f"A strip of {self.n_frames} frames is not shown: use {MIN_FRAMES} to {MAX_FRAMES}.")

    @property
    def stride(self) -> int:
        """Frames of the animation from one of the strip to the next."""
        return max(1, round(N_PLAYED / (self.n_frames + 1)))

    def times(self) -> NDArray[np.float64]:
        """Return the times of the animation, of which every ``stride``-th is in the strip."""
        beyond = 1 / (self.n_frames - 1)
        n_steps = (self.n_frames + 1) * self.stride
        return -beyond + (1 + 2 * beyond) * np.arange(n_steps + 1) / n_steps


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MeasuredPath:
    """A path with the summary of its frames.

    Attributes:
        latent: sampled at the times of the animation.
        labels: class that each frame is decoded in, shape ``(T,)``; None for a model without classes.
        facts: of the path, and of each frame.
    """

    latent: LatentPath
    labels: NDArray[np.int64] | None
    facts: PathFacts


@lru_cache(maxsize=64)
def quick_path(loaded: LoadedRun, kind: str, endpoints: Endpoints, sampling: Sampling) -> MeasuredPath:
    """Return the path of a ``kind`` that takes no time, measured.

    Raises:
        ConfigError: if there is no such kind, or a code is not finite.
    """
    if kind == SLOW or kind not in KINDS:
        raise ConfigError(f"There is no quick path {kind!r}: use one of {', '.join(set(KINDS) - {SLOW})}.")
    return measured(loaded, _latent_path(loaded, kind, endpoints), endpoints, sampling)


@lru_cache(maxsize=16)
def _latent_path(loaded: LoadedRun, kind: str, endpoints: Endpoints) -> LatentPath:
    """Return one and the same path however it is sampled, so that what is known of it is found again."""
    return find_path(loaded, *endpoints.codes, PathChoice(kind=kind), label=endpoints.label)


@lru_cache(maxsize=16)
def _fine_path(loaded: LoadedRun, path: LatentPath, label: int | None) -> FinePath:
    return fine_path(loaded.model, path, _labels(path, label))


def geodesic(loaded: LoadedRun, endpoints: Endpoints) -> Query[LatentPath]:
    """Return the query for the geodesic between two codes."""

    def work(tell: OnProgress, stop: Callable[[], bool]) -> LatentPath:
        find = partial(find_path, loaded, *endpoints.codes, PathChoice(kind=SLOW), label=endpoints.label)
        return find(on_progress=tell, stop=stop)

    return Query(key=(loaded, SLOW, endpoints), title="Geodesic", work=work)


def measured(loaded: LoadedRun, path: LatentPath, endpoints: Endpoints, sampling: Sampling) -> MeasuredPath:
    """Return ``path`` at the times of ``sampling``, with the class and the facts of its frames."""
    fine, shown = _fine_path(loaded, path, endpoints.label), path.at(sampling.times())
    if sampling.is_even:
        shown = at_constant_speed(shown, fine.path, fine.images)
    labels = _labels(shown, endpoints.label)
    gauge = loaded.reliability_gauge if loaded.config.model.can_encode else None
    return MeasuredPath(latent=shown, labels=labels, facts=path_facts(loaded.model, gauge, shown, labels, fine))


def _labels(path: LatentPath, label: int | None) -> NDArray[np.int64] | None:
    return None if label is None else np.full(len(path), label, np.int64)
