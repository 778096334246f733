"""One run by every metric, part by part: what takes the time of a comparison. What a part finds, the next may need."""

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from explorer.analysis.comparison.estimators import (
    NO_CODES,
    MeasuredRun,
    Outcomes,
    bound_outcomes,
    code_outcomes,
    cost_outcomes,
    path_outcomes,
    sample_outcomes,
)
from explorer.analysis.comparison.measurements import ComparisonConditions, Figure, Measurements
from explorer.analysis.evaluation.metrics import METRICS, NAMES
from explorer.analysis.statistics.bootstrap import Resampling
from explorer.errors import ExplorerError
from explorer.jobs.progress import Stages
from explorer.models.config import ModelConfig

N_SAMPLES = 50
BOUND, CODES, SAMPLES, PATHS = "bounding p(x)", "comparing codes", "judging samples", "walking between images"


def part_seconds(name: str, config: ModelConfig, n_images: int, n_samples: int) -> dict[str, float]:
    """Return about how many seconds each part of measuring the run ``name`` takes on two cores, by its stage."""
    # Of the networks of MNIST at 1,000 images and 50 samples: a convolutional one takes four times a dense one.
    share = n_images / 1000 * math.prod(config.image_shape) / 784 * (1.0 if config.network == "conv" else 0.25)
    seconds = {
        BOUND: 0.1 + 10 * share * n_samples / 50,
        CODES: 0.2 + n_images / 1000,
        SAMPLES: 2.5 + 4 * share,
        PATHS: 0.1 + 2 * share * 1000 / n_images,
    }
    return {_stage(name, part): of for part, of in seconds.items()}


def measure(
    measured_run: MeasuredRun,
    *,
    n_samples: int,
    resampling: Resampling,
    stages: Stages,
    stop: Callable[[], bool] = lambda: False,
) -> Measurements | None:
    """Return what every metric says of a run; None if ``stop`` said so before the end.

    Args:
        measured_run: the run, with the images that it is measured on.
        n_samples: importance samples of each image for the IWAE bound.
        resampling: by which all intervals are made.
        stages: are told how far it is; those of ``part_seconds`` are among them.
        stop: is asked before each part.
    """
    measuring = _Measuring(measured_run, resampling)
    counts_images = partial(stages.count, _stage(measured_run.name, BOUND))
    parts: dict[str, Callable[[], None]] = {
        BOUND: lambda: measuring.bound(n_samples, counts_images),
        CODES: measuring.code,
        SAMPLES: measuring.samples,
        PATHS: measuring.paths,
    }
    for part, step in parts.items():
        if stop():
            return None
        if part != BOUND:
            stages.begin(_stage(measured_run.name, part))
        with _one_thread_for_small_matrices():
            step()
    return Measurements(
        name=measured_run.name,
        group=measured_run.group,
        figures=measuring.figures(),
        conditions=_conditions(measured_run),
    )


@contextmanager
def _one_thread_for_small_matrices() -> Iterator[None]:
    """Have numpy's and scipy's linear algebra use one thread within the block; torch keeps its own.

    A thousand covariances of 64 features, one for each resample, took two threads 60 s on two cores that others use
    too, and one thread 2.5 s.
    """
    import scipy.linalg  # noqa: F401  it has threads of its own, which can be held only once it is loaded
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


class _Measuring:
    """A run while it is measured: what is known so far."""

    def __init__(self, measured_run: MeasuredRun, resampling: Resampling) -> None:
        self.measured_run, self.resampling = measured_run, resampling
        self.outcomes: Outcomes = cost_outcomes(measured_run)
        self.codes: Any = None
        self.no_codes = NO_CODES

    def bound(self, n_samples: int, on_images: Callable[[int, int], None]) -> None:
        from explorer.analysis.evaluation.evaluate import NO_ENCODER, image_terms

        one = self.measured_run
        names = [metric.name for metric in METRICS if metric.kind in {"bound", "reconstruction", "pixels", "codes"}]
        if not one.model.can_encode:
            self.outcomes |= dict.fromkeys(names, NO_ENCODER)
            return
        try:
            terms = image_terms(one.model, one.test, is_binary=one.is_binary, n_samples=n_samples, on_images=on_images)
        except ExplorerError as error:
            self.no_codes = str(error)
            self.outcomes |= dict.fromkeys(names, self.no_codes)
            return
        self.codes = terms.mu
        self.outcomes |= bound_outcomes(terms, self.resampling)

    def code(self) -> None:
        if self.codes is not None:
            self.outcomes |= code_outcomes(self.codes, self.measured_run.test, self.resampling)

    def samples(self) -> None:
        self.outcomes |= sample_outcomes(self.measured_run, self.resampling)

    def paths(self) -> None:
        if self.codes is not None:
            self.outcomes |= path_outcomes(self.measured_run, self.codes, self.resampling)
        else:
            self.outcomes |= dict.fromkeys((metric.name for metric in METRICS if metric.kind == "paths"), self.no_codes)

    def figures(self) -> dict[str, Figure]:
        missing = [name for name in NAMES if name not in self.outcomes]
        if missing:
            raise LookupError(f"Of {', '.join(missing)} there is no outcome: estimators.py has those of each kind.")
        return {name: Figure.of(self.outcomes[name]) for name in NAMES}


def _stage(name: str, part: str) -> str:
    return f"{name}: {part}"


def _conditions(measured_run: MeasuredRun) -> ComparisonConditions:
    test = measured_run.test
    digest = hashlib.sha256(f"{test.images.shape}".encode())
    digest.update(test.images.data)
    digest.update(np.ascontiguousarray(test.labels).data)
    return ComparisonConditions(
        images=digest.hexdigest()[:16],
        n_images=len(test),
        is_binary=measured_run.is_binary,
        likelihood=measured_run.model.config.likelihood,
        is_given_class=measured_run.model.needs_label,
    )
