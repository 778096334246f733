"""From runs to their comparison, and from a comparison to a file.

What is measured of a run is stored with it, and a comparison is made of what is stored: in any order, with any others,
without a model. Only what was never measured takes time, about ten seconds a run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.analysis.comparison.compare import Comparison, check_comparison, side_by_side
from explorer.analysis.comparison.estimators import MeasuredRun
from explorer.analysis.comparison.measure import N_SAMPLES
from explorer.analysis.comparison.measurements import Measurements
from explorer.analysis.comparison.seeds import groups
from explorer.analysis.comparison.tables import FORMATS
from explorer.errors import CheckpointError, ExplorerError
from explorer.files import modification_times
from explorer.jobs.progress import OnProgress, Stages
from explorer.runs.classifiers import find_classifier
from explorer.runs.measurements import FOLDER, CacheKey, save_measurements
from explorer.runs.run import Run
from explorer.strict_json import dump_json
from explorer.workflows.measurement_setup import N_IMAGES, RESAMPLING, MeasurementSetup

READING = "reading the images"
READING_SECONDS = 4.0
"""What loading torch and the images of MNIST takes, about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """A comparison, and what was done for it.

    Attributes:
        comparison: of all the runs.
        measured: names of those that were measured; what the others are was stored.
        unread: what was stored and could not be read, in sentences: it was measured again.
        unstored: what was measured and could not be stored, in sentences.
    """

    comparison: Comparison
    measured: tuple[str, ...]
    unread: tuple[str, ...]
    unstored: tuple[str, ...]


def measured_runs_of(runs: Sequence[Run], checkpoints: Path, *, n_images: int = N_IMAGES) -> list[MeasuredRun]:
    """Return ``runs`` as they are compared: on their first ``n_images`` test images, by the classifier of their data.

    Raises:
        CheckpointError: if a run or a classifier is damaged.
        DataError: if images are not here, or fewer than 1 are asked for.
    """
    setup = MeasurementSetup(checkpoints, n_images=n_images)
    return [setup.measured_run(run) for run in runs]


def stored_comparison(
    runs: Sequence[Run], checkpoints: Path, *, n_images: int = N_IMAGES, n_samples: int = N_SAMPLES
) -> Comparison | None:
    """Return the comparison of ``runs`` from what is stored; None where one was not measured in this setting.

    Raises:
        CheckpointError: if a run is damaged.
        ConfigError: if there are no runs, two of one name, or fewer than 1 importance sample.
    """
    check_comparison([run.name for run in runs], n_samples)
    setup = MeasurementSetup(checkpoints, n_images=n_images, n_samples=n_samples)
    stored = [one for run in runs if isinstance(one := setup.stored(run), Measurements)]
    return side_by_side(stored, n_samples=n_samples, seed=RESAMPLING.seed) if len(stored) == len(runs) else None


def not_measured(runs: Sequence[Run], setup: MeasurementSetup) -> list[Run]:
    """Return those of ``runs`` of which nothing is stored in this setting, or nothing that can be read.

    Raises:
        CheckpointError: if a run is damaged.
    """
    return [run for run in runs if not isinstance(setup.stored(run), Measurements)]


def expected_seconds(runs: Sequence[Run], setup: MeasurementSetup) -> float:
    """Return about how many seconds measuring ``runs`` takes on two cores; 0 where there are none.

    Raises:
        CheckpointError: if the configuration of one is damaged.
    """
    return sum(_stage_seconds(runs, setup).values()) if runs else 0.0


def measured_comparison(
    runs: Sequence[Run],
    setup: MeasurementSetup,
    *,
    is_again: bool = False,
    on_progress: OnProgress = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Compared | None:
    """Measure what is not stored of ``runs``, store it, and return their comparison; None if ``stop`` said so before.

    Args:
        runs: the others are compared with the first.
        setup: the setting.
        is_again: whether what is stored is measured again.
        on_progress: is told how far it is with those that are measured; nothing where all is stored.
        stop: is asked before each part of each run; runs that are done by then stay stored.

    Raises:
        CheckpointError: if a run is damaged; if one cannot be measured, after the others are measured and stored.
        ConfigError: if there are no runs, two of one name, or fewer than 1 importance sample.
    """
    check_comparison([run.name for run in runs], setup.n_samples)
    stored = {run.name: None if is_again else setup.stored(run) for run in runs}
    held = {name: one for name, one in stored.items() if isinstance(one, Measurements)}
    missing = [run for run in runs if run.name not in held]
    unstored: list[str] = []
    problems: list[str] = []
    stages = Stages(_stage_seconds(missing, setup), on_progress)
    if missing:
        stages.begin(READING)
    for run in missing:
        try:
            found = setup.measure(run, stages, stop)
            if found is None:
                return None
            unstored += _store(run, *found)
            held[run.name] = found[1]
        except ExplorerError as error:
            problems.append(_why_not(run, error))
    if problems:
        others = ["The others are stored: compare those."] if held and not unstored else unstored
        raise CheckpointError(" ".join([*problems, *others]))
    return Compared(
        comparison=side_by_side([held[run.name] for run in runs], n_samples=setup.n_samples, seed=RESAMPLING.seed),
        measured=tuple(run.name for run in missing),
        unread=tuple(str(one) for one in stored.values() if isinstance(one, CheckpointError)),
        unstored=tuple(unstored),
    )


def version_of(runs: Sequence[Run], checkpoints: Path) -> tuple[int, ...]:
    """Return when the files were modified that a stored comparison of ``runs`` depends on, in nanoseconds since 1970.

    Raises:
        CheckpointError: if the configuration of one is damaged.
    """
    files = ("config.json", "weights.safetensors", "history.jsonl", FOLDER)
    classifiers = [path for run in runs if (path := find_classifier(run.config.training.data, checkpoints)) is not None]
    return modification_times([*(run.path / file for run in runs for file in files), *classifiers])


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison and its groups of seeds."""
    return comparison.to_json() | {"groups": [group.to_json() for group in groups(comparison)]}


def comparison_bytes(comparison: Comparison, suffix: str) -> bytes:
    """Return a comparison as the file with that suffix: .json, or one of ``FORMATS``."""
    text = dump_json(as_json(comparison), indent=2) if suffix == ".json" else FORMATS[suffix](comparison)
    return text.encode()


def _stage_seconds(runs: Sequence[Run], setup: MeasurementSetup) -> dict[str, float]:
    parts = {stage: of for run in runs for stage, of in setup.seconds(run).items()}
    return {READING: READING_SECONDS} | parts


def _store(run: Run, cache_key: CacheKey, measured: Measurements) -> list[str]:
    """Keep what was measured with its run; what cannot be written is noted, for the numbers stand without it.

    Raises:
        CheckpointError: if the run was deleted meanwhile.
    """
    try:
        save_measurements(run, cache_key, measured)
    except CheckpointError as error:
        if not run.path.is_dir():
            raise
        return [f"What was measured of {run.name} could not be stored: {error}"]
    return []


def _why_not(run: Run, error: ExplorerError) -> str:
    if not run.path.is_dir():
        return f"{run.name} was deleted before it was measured."
    return f"{run.name} could not be measured: {error}"
