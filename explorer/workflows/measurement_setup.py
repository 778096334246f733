"""How runs are measured to be compared: on which images, by which classifier, and under what key that is stored."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from explorer.analysis.comparison.estimators import MeasuredRun
from explorer.analysis.comparison.measure import N_SAMPLES, measure, part_seconds
from explorer.analysis.comparison.measurements import Measurements
from explorer.analysis.statistics.bootstrap import CONFIDENCE, Resampling
from explorer.data.catalogue import load_split
from explorer.data.images import ImageSplit
from explorer.errors import CheckpointError
from explorer.files import fingerprint_of
from explorer.jobs.progress import Stages
from explorer.runs.classifiers import MAX_BYTES, EvaluationClassifier, find_classifier, read_classifier
from explorer.runs.config import RunConfig
from explorer.runs.measurements import CacheKey, read_measurements
from explorer.runs.run import Run

N_IMAGES = 1000
RESAMPLING = Resampling()


class MeasurementSetup:
    """The setting in which runs are measured. What they share, images and classifiers, is read once."""

    def __init__(self, checkpoints: Path, *, n_images: int = N_IMAGES, n_samples: int = N_SAMPLES) -> None:
        """Measure on the first ``n_images`` test images, by the classifier of ``checkpoints``; nothing is read yet.

        Args:
            checkpoints: the folder of runs.
            n_images: test images; where there are fewer, all.
            n_samples: importance samples of each image for the IWAE bound.
        """
        self.checkpoints, self.n_images, self.n_samples = checkpoints, n_images, n_samples
        self._split: Callable[[str, str], ImageSplit] = cache(load_split)
        self._classifier: Callable[[Path, str], EvaluationClassifier] = cache(
            lambda path, _fingerprint: read_classifier(path)
        )

    def cache_key(self, run: Run) -> CacheKey:
        """Return everything that the measures of ``run`` depend on, as it is now.

        Raises:
            CheckpointError: if the run is damaged.
        """
        config = run.config
        return CacheKey(
            weights=run.fingerprint(),
            model=config.model.model_dump_json(),
            is_binary=config.is_binary,
            data=config.training.data,
            judge=self._classifier_file(config)[1],
            seconds=_seconds(run),
            n_images=self.n_images,
            n_samples=self.n_samples,
            n_resamples=RESAMPLING.n_resamples,
            seed=RESAMPLING.seed,
            confidence=CONFIDENCE,
        )

    def measured_run(self, run: Run) -> MeasuredRun:
        """Return ``run`` as it is compared.

        Raises:
            CheckpointError: if the run or its classifier is damaged.
            DataError: if images are not here, or fewer than 1 are asked for.
        """
        config = run.config
        path, fingerprint = self._classifier_file(config)
        return MeasuredRun(
            name=run.name,
            group=_group(config),
            model=run.model(may_have_diverged=True),
            is_binary=config.is_binary,
            test=self._split(config.training.data, "test").head(self.n_images),
            train=self._split(config.training.data, "train"),
            classifier=None if path is None else self._classifier(path, fingerprint).network,
            seconds=_seconds(run),
        )

    def stored(self, run: Run) -> Measurements | CheckpointError | None:
        """Return what is stored of ``run`` in this setting, or why it cannot be read; None where nothing is.

        Raises:
            CheckpointError: if the run itself is damaged.
        """
        cache_key = self.cache_key(run)
        try:
            return read_measurements(run, cache_key, group=_group(run.config))
        except CheckpointError as error:
            return error

    def seconds(self, run: Run) -> dict[str, float]:
        """Return about how many seconds each stage of measuring ``run`` takes on two cores."""
        return part_seconds(run.name, run.config.model, self.n_images, self.n_samples)

    def measure(self, run: Run, stages: Stages, stop: Callable[[], bool]) -> tuple[CacheKey, Measurements] | None:
        """Return what every metric says of ``run``, and under what key; None if ``stop`` said so before the end.

        Args:
            run: is measured, stored before or not.
            stages: are told how far it is; those of ``seconds`` are among them.
            stop: is asked before each of them.

        Raises:
            CheckpointError: if the run or its classifier is damaged.
            DataError: if images are not here, or fewer than 1 are asked for.
        """
        cache_key, measured_run = self._of_one_moment(run)
        measured = measure(measured_run, n_samples=self.n_samples, resampling=RESAMPLING, stages=stages, stop=stop)
        return None if measured is None else (cache_key, measured)

    def _of_one_moment(self, run: Run) -> tuple[CacheKey, MeasuredRun]:
        """Return a run and its key while neither changes: training may put better weights between the two."""
        while True:
            cache_key = self.cache_key(run)
            measured_run = self.measured_run(run)
            if self.cache_key(run) == cache_key:
                return cache_key, measured_run

    def _classifier_file(self, config: RunConfig) -> tuple[Path | None, str]:
        path = find_classifier(config.training.data, self.checkpoints)
        return path, "" if path is None else fingerprint_of(path, MAX_BYTES)


def _group(config: RunConfig) -> str:
    """Return what is the same for runs that differ by their seed alone."""
    without_seed = config.training.model_copy(update={"seed": 0})
    return config.model_copy(update={"training": without_seed}).model_dump_json()


def _seconds(run: Run) -> float | None:
    seconds = [record["seconds"] for record in run.history()]
    return float(sum(seconds)) if seconds else None
