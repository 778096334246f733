"""What is held in memory of each run: its model, its encoded set and its maps, loaded when first asked for."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.analysis.projections.base import Projection
from explorer.analysis.records import EncodedSet
from explorer.errors import CheckpointError, ProjectionError
from explorer.files import modification_times
from explorer.runs.listing import open_run
from explorer.runs.run import Run, check_name

if TYPE_CHECKING:
    from explorer.analysis.latent.reliability import ReliabilityGauge
    from explorer.analysis.paths.neighbour_graph import NeighbourGraph
    from explorer.models.latent_model import LatentModel

T = TypeVar("T")

MAX_RUNS = 8

RECENT_SECONDS = 0.5
"""For so long the files of a run that is pointed at are not looked at again."""


class LoadedRun:
    """A run with everything that was read or computed of it so far."""

    def __init__(self, run: Run) -> None:
        """Hold ``run``; nothing is read yet."""
        self.run = run
        self.config = run.config
        self._projections: dict[tuple[str, int, int], Projection] = {}
        self._read: dict[str, object] = {}
        # Of this run alone: functools.cached_property has one lock for all, which a run that hangs would hold.
        self._reading = threading.RLock()
        self._gauge: ReliabilityGauge | None = None
        self._measuring = threading.Lock()
        self._neighbour_graphs: dict[int | None, NeighbourGraph] = {}

    @property
    def model(self) -> "LatentModel":
        """The model with its best weights.

        Raises:
            CheckpointError: if they are damaged, do not fit config.json, or are no finite numbers.
        """
        return self._once("model", self.run.model)

    @property
    def encoded(self) -> EncodedSet:
        """The encoded test set.

        Raises:
            ProjectionError: if the run has none.
        """
        return self._once("encoded", lambda: _encoded(self.run))

    @property
    def mean_code(self) -> Floats:
        """The mean of the encoded codes, shape ``(L,)``: the rest of z, of which a point on a map says two numbers."""
        return self._once("mean_code", self.encoded.mean_code)

    @property
    def custom_columns(self) -> dict[str, Floats]:
        """The numbers that a person brought for each encoded image, by name; none where they cannot be read."""
        return self._once("columns", lambda: _columns(self.run))[0]

    @property
    def columns_problem(self) -> str:
        """Why the numbers that a person brought cannot be read, as a sentence; empty where they can."""
        return self._once("columns", lambda: _columns(self.run))[1]

    def decodes_from_memory(self, space: str | None, i: int = 0, j: int = 1) -> bool:
        """Whether a place on the map ``space``, or a whole code (None), is decoded without a file being read."""
        has_codes = space is None or (self.holds(space, i, j) and "encoded" in self._read)
        return has_codes and "model" in self._read

    def _once(self, what: str, read: Callable[[], T]) -> T:
        if what not in self._read:
            with self._reading:
                if what not in self._read:
                    self._read[what] = read()
        found: T = self._read[what]  # type: ignore[assignment]  # it is what ``read`` returned
        return found

    @property
    def has_reliability_gauge(self) -> bool:
        """Whether ``reliability_gauge`` answers at once."""
        return self._gauge is not None

    @property
    def reliability_gauge(self) -> "ReliabilityGauge":
        """What tells how far a decoded image can be believed: measured once, in a fraction of a second.

        Raises:
            ProjectionError: if the run has no encoded set.
        """
        from explorer.analysis.latent.reliability import ReliabilityGauge

        with self._measuring:  # many may ask for the first time at once
            if self._gauge is None:
                self._gauge = ReliabilityGauge(self.model, self.encoded)
            return self._gauge

    def neighbour_graph(self, label: int | None = None) -> "NeighbourGraph":
        """Return the graph of the encoded codes and their nearest others: made once, in a fraction of a second.

        For a model that decodes in a class it is that of the class ``label``: its decoder saw no others there.

        Raises:
            ProjectionError: if the run has no encoded set.
        """
        from explorer.analysis.paths.neighbour_graph import NeighbourGraph

        key = None if self.config.model.n_classes is None else label
        if key not in self._neighbour_graphs:
            encoded = self.encoded
            rows = np.arange(len(encoded)) if key is None else np.flatnonzero(encoded.labels == key)
            self._neighbour_graphs[key] = NeighbourGraph(encoded.mu[rows], rows)
        return self._neighbour_graphs[key]

    def holds(self, method: str, i: int = 0, j: int = 1) -> bool:
        """Whether a map is in memory, so that ``projection`` answers at once."""
        return _key(method, i, j) in self._projections

    def projection(self, method: str, i: int = 0, j: int = 1) -> Projection:
        """Return the map of the encoded set by ``method``: the stored one, or one computed now.

        Raises:
            ProjectionError: if there is no such map.
        """
        from explorer.analysis.projections.methods import SLOW, plane, project

        key = _key(method, i, j)
        if key not in self._projections:
            if method == "plane":
                self._projections[key] = plane(self.encoded, i, j)
            else:
                stored = self.run.projection(check_name(method))
                if stored is None and method in SLOW:
                    raise ProjectionError(
                        f"{self.run.name} has no map by {method} yet, and it takes a while. "
                        f"Make it: python -m explorer project {self.run.name} --method {method}"
                    )
                self._projections[key] = stored or project(self.encoded, method)
        return self._projections[key]


def _key(method: str, i: int, j: int) -> tuple[str, int, int]:
    return (method, i, j) if method == "plane" else (method, 0, 0)


@lru_cache(maxsize=64)
def map_version(projection: Projection) -> str:
    """Return 16 hexadecimal digits that change with the points of a map: computed anew, it has others."""
    return hashlib.blake2b(projection.points.tobytes(), digest_size=8).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    """A run in memory: the modification times of its files, and when they were looked at last."""

    loaded: LoadedRun
    version: tuple[int, ...]
    looked_at: float


class RunCache:
    """The runs of one folder, the last few of them in memory. Safe to use from several threads."""

    def __init__(self, checkpoints: Path) -> None:
        """Serve the runs under ``checkpoints``."""
        self.checkpoints = checkpoints
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = threading.Lock()  # never held while a file is touched

    def run(self, name: str) -> LoadedRun:
        """Return the run called ``name``, loaded anew if its files changed since.

        Raises:
            CheckpointError: if there is no such run, or its config.json is damaged.
        """
        looked_at = time.monotonic()
        return self._checked(open_run(check_name(name), self.checkpoints), looked_at)

    def run_if_there(self, name: str) -> LoadedRun | None:
        """Return the run called ``name``, as ``run`` does; None if there is none, without a look at the others.

        Raises:
            CheckpointError: if its config.json is damaged.
        """
        looked_at = time.monotonic()
        path = self.checkpoints / check_name(name)
        return self._checked(Run(path), looked_at) if path.is_dir() else None

    def recent(self, name: str) -> LoadedRun | None:
        """Return the run called ``name`` if its files were looked at within ``RECENT_SECONDS``; touches none."""
        with self._lock:
            held = self._held.get(name)
            if held is None or time.monotonic() - held.looked_at > RECENT_SECONDS:
                return None
            self._held.move_to_end(name)
            return held.loaded

    def _checked(self, run: Run, looked_at: float) -> LoadedRun:
        """Return the loaded ``run``, whose files are looked at from the moment ``looked_at`` on."""
        version = _version(run)
        with self._lock:
            loaded = self._loaded(run.name, version)
        loaded = loaded or LoadedRun(run)  # reads config.json
        with self._lock:
            loaded = self._loaded(run.name, version) or loaded  # another thread may have been first
            self._held[run.name] = _Held(loaded=loaded, version=version, looked_at=looked_at)
            self._held.move_to_end(run.name)
            while len(self._held) > MAX_RUNS:
                self._held.popitem(last=False)
        return loaded

    def _loaded(self, name: str, version: tuple[int, ...]) -> LoadedRun | None:
        held = self._held.get(name)
        return held.loaded if held is not None and held.version == version else None


def _columns(run: Run) -> tuple[dict[str, Floats], str]:
    try:
        return run.columns(), ""
    except CheckpointError as error:
        return {}, str(error)


def _encoded(run: Run) -> EncodedSet:
    encoded = run.encoded()
    if encoded is None:
        raise ProjectionError(_why_not_encoded(run))
    return encoded


def _why_not_encoded(run: Run) -> str:
    if not run.config.model.can_encode:
        return (
            f"{run.name} is a GAN: it has no encoder, so no image has a place on its map. "
            "See what it makes on the page Generate, or choose another model."
        )
    n_done, n_epochs = len(run.history()), run.config.training.epochs
    if n_done < n_epochs:
        return (
            f"{run.name} has no map yet: {n_done} of its {n_epochs} epochs are done. If it is not being trained, "
            f"go on with it: python -m explorer train --run {run.name}; "
            f"or see it as it is: python -m explorer encode {run.name}"
        )
    return f"{run.name} has no encoded test set, so it has no map. Make it: python -m explorer encode {run.name}"


def _version(run: Run) -> tuple[int, ...]:
    """Modification times of what a loaded run depends on; 0 for what is not there."""
    files = ("config.json", "weights.safetensors", "encoded.safetensors", "columns.safetensors", "projections")
    return modification_times(run.path / file for file in files)
