"""Runs side by side: every metric of each with its interval, differences to the first, and why one is not there.

A difference is called one only where its interval, from the same resamples of the same images, leaves 0 out. It speaks
of these images: what another seed of training would give, only several runs of one configuration tell (``groups.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis import bootstrap
from explorer.analysis.bootstrap import CONFIDENCE, Estimate, Resampling
from explorer.analysis.curves import Doubles
from explorer.analysis.measures import (
    NO_CODES,
    Contestant,
    Outcomes,
    attempt,
    bound_outcomes,
    code_outcomes,
    cost_outcomes,
    sample_outcomes,
    smoothness,
)
from explorer.analysis.metrics import METRICS, NAMES, Metric
from explorer.errors import ConfigError, ExplorerError
from explorer.progress import OnProgress, Stages

N_SAMPLES = 50
OTHER_IMAGES = "measured on other images"
COUNTED = "counted, not estimated: it has no interval"

BOUND, CODES, SAMPLES, PATHS = "bounding p(x)", "comparing codes", "judging samples", "walking between images"
SECONDS = {BOUND: 8.0, CODES: 2.0, SAMPLES: 5.0, PATHS: 1.5}
"""Of each part of a run, about, of the convolutional runs of MNIST at 1,000 images and 50 importance samples."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Figure:
    """A cell of the table: a number, or why there is none.

    Attributes:
        value: the number; None where there is none.
        low, high: its interval; None for one that is counted.
        reason: why there is no number or no interval; empty where there are both.
        replicates: the number in each resample, shape ``(R,)``; None without an interval.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    replicates: Doubles | None = None

    @property
    def is_difference(self) -> bool:
        """Whether the interval leaves 0 out; never so without one."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def standard_error(self) -> float | None:
        """Deviation over resamples; None without an interval."""
        return None if self.replicates is None else float(self.replicates.std())

    def estimate(self) -> Estimate | None:
        """Return what can be paired with another run's; None without an interval."""
        if self.value is None or self.low is None or self.high is None or self.replicates is None:
            return None
        return Estimate(value=self.value, low=self.low, high=self.high, replicates=self.replicates)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers and the reason, without the replicates."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return ends | {"standard_error": self.standard_error, "reason": self.reason}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Row:
    """A run in the table, or its differences to the first: a figure for each name in ``NAMES``."""

    name: str
    group: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Comparison:
    """Runs side by side.

    Attributes:
        rows: of the runs, in the order in which they were given.
        differences: of every run but the first, less the first.
        n_images: test images of each run.
        n_samples: importance samples of each image.
        seed: of the resamples.
    """

    rows: tuple[Row, ...]
    differences: tuple[Row, ...]
    n_images: tuple[int, ...]
    n_samples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return runs and differences by name, each a figure by metric; differences also say whether they are one."""
        return {
            "iwae_samples": self.n_samples,
            "confidence": CONFIDENCE,
            "seed": self.seed,
            "images": {row.name: n for row, n in zip(self.rows, self.n_images, strict=True)},
            "runs": {row.name: {name: row.figures[name].to_json() for name in NAMES} for row in self.rows},
            "differences": {
                row.name: {name: _as_difference(row.figures[name]) for name in NAMES} for row in self.differences
            },
            "metrics": {metric.name: _about(metric) for metric in METRICS},
        }


def compare(
    contestants: Sequence[Contestant],
    *,
    n_samples: int = N_SAMPLES,
    resampling: Resampling = Resampling(),  # noqa: B008  frozen
    on_progress: OnProgress = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Comparison | None:
    """Return the table of ``contestants``; None if ``stop`` said so before the end.

    Args:
        contestants: runs, each with the images that it is measured on; the others are compared with the first.
        n_samples: importance samples of each image for the IWAE bound.
        resampling: by which all intervals are made.
        on_progress: is told how far it is.
        stop: is asked before each part of each run.

    Raises:
        ConfigError: if there are no runs, two of one name, or fewer than 1 importance sample.
    """
    _check(contestants, n_samples)
    parts = _parts(n_samples)
    seconds = {f"{one.name}: {part}": SECONDS[part] for one in contestants for part in parts}
    stages, rows = Stages(seconds, on_progress), []
    for contestant in contestants:
        measuring = _Measuring(contestant, resampling)
        for part, measure in parts.items():
            if stop():
                return None
            stages.begin(f"{contestant.name}: {part}")
            measure(measuring)
        rows.append(Row(name=contestant.name, group=contestant.group, figures=measuring.figures()))
    return Comparison(
        rows=tuple(rows),
        differences=tuple(
            _differences(row, rows[0], _incomparable(of, contestants[0]))
            for row, of in zip(rows[1:], contestants[1:], strict=True)
        ),
        n_images=tuple(len(one.test) for one in contestants),
        n_samples=n_samples,
        seed=resampling.seed,
    )


class _Measuring:
    """A run while it is measured: what is known so far."""

    def __init__(self, contestant: Contestant, resampling: Resampling) -> None:
        self.contestant, self.resampling = contestant, resampling
        self.outcomes: Outcomes = cost_outcomes(contestant)
        self.codes: Any = None
        self.no_codes = NO_CODES

    def bound(self, n_samples: int) -> None:
        from explorer.analysis.evaluation import NO_ENCODER, image_terms

        one = self.contestant
        names = [metric.name for metric in METRICS if metric.kind in {"bound", "reconstruction", "pixels", "codes"}]
        if not one.model.can_encode:
            self.outcomes |= dict.fromkeys(names, NO_ENCODER)
            return
        try:
            terms = image_terms(one.model, one.test, is_binary=one.is_binary, n_samples=n_samples)
        except ExplorerError as error:
            self.no_codes = str(error)
            self.outcomes |= dict.fromkeys(names, self.no_codes)
            return
        self.codes = terms.mu
        self.outcomes |= bound_outcomes(terms, self.resampling)

    def code(self) -> None:
        if self.codes is not None:
            self.outcomes |= code_outcomes(self.codes, self.contestant.test, self.resampling)

    def samples(self) -> None:
        self.outcomes |= sample_outcomes(self.contestant, self.resampling)

    def paths(self) -> None:
        if self.codes is None:
            self.outcomes["smoothness"] = self.no_codes
            return
        self.outcomes |= attempt(
            "smoothness",
            lambda: bootstrap.mean_estimate(smoothness(self.contestant, self.codes), self.resampling),
        )

    def figures(self) -> dict[str, Figure]:
        return {name: _figure(self.outcomes[name]) for name in NAMES}


def _parts(n_samples: int) -> dict[str, Callable[[_Measuring], None]]:
    return {
        BOUND: lambda one: one.bound(n_samples),
        CODES: _Measuring.code,
        SAMPLES: _Measuring.samples,
        PATHS: _Measuring.paths,
    }


def _check(contestants: Sequence[Contestant], n_samples: int) -> None:
    names = [one.name for one in contestants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise ConfigError("No runs were given to compare: name at least one.")
    if twice:
        raise ConfigError(f"{', '.join(twice)} was given more than once: a run has no difference to itself.")
    if n_samples < 1:
        raise ConfigError(f"{n_samples} importance samples are too few: use at least 1.")


def _figure(outcome: Estimate | float | str) -> Figure:
    if isinstance(outcome, str):
        return Figure(reason=outcome)
    if isinstance(outcome, Estimate):
        return Figure(value=outcome.value, low=outcome.low, high=outcome.high, replicates=outcome.replicates)
    return Figure(value=outcome, reason=COUNTED)


def _differences(row: Row, first: Row, reasons: Mapping[str, str]) -> Row:
    """Return ``row`` less ``first``; ``reasons`` say by kind of metric where the two cannot be compared."""
    figures = {
        metric.name: _difference(row.figures[metric.name], first.figures[metric.name], reasons.get(metric.kind, ""))
        for metric in METRICS
    }
    return Row(name=row.name, group=row.group, figures=figures)


def _difference(of: Figure, to: Figure, reason: str) -> Figure:
    if of.value is None or to.value is None:
        return Figure(reason=of.reason or to.reason)
    if reason:
        return Figure(reason=reason)
    a, b = of.estimate(), to.estimate()
    if a is None or b is None:
        return Figure(value=of.value - to.value, reason=COUNTED)
    return _figure(bootstrap.difference(a, b))


def _incomparable(of: Contestant, to: Contestant) -> dict[str, str]:
    """Return why two runs cannot be compared, by kind of metric; kinds that are not in it can be."""
    same = of.test.images.shape == to.test.images.shape and np.array_equal(of.test.images, to.test.images)
    if not (same and np.array_equal(of.test.labels, to.test.labels)):
        return {metric.kind: OTHER_IMAGES for metric in METRICS if metric.kind != "cost"}
    reasons = {}
    if of.is_binary != to.is_binary:
        reasons["pixels"] = "one is scored on binarised pixels, the other on grey ones"
    scales = _scale(of), _scale(to)
    if scales[0] != scales[1]:
        reasons["reconstruction"] = reasons["bound"] = f"nats of different things: {scales[0]}, and {scales[1]}"
    elif of.model.needs_label != to.model.needs_label:
        reasons["bound"] = "one bounds log p(x|y), given the class, the other log p(x)"
    return reasons


def _scale(contestant: Contestant) -> str:
    """Return what the nats of p(x|z) are of: they mean the same only for probabilities, or densities, of one kind."""
    pixels = "binarised" if contestant.is_binary else "grey"
    if contestant.model.config.likelihood != "bernoulli":
        return f"a density of {pixels} pixels"
    return f"probabilities of {pixels} pixels" + ("" if contestant.is_binary else ", which are none of data")


def _as_difference(figure: Figure) -> dict[str, Any]:
    return figure.to_json() | {"is_difference": figure.is_difference}


def _about(metric: Metric) -> dict[str, Any]:
    return {name: getattr(metric, name) for name in metric.__slots__ if name != "name"}
