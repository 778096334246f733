"""Runs side by side: every metric of each with its interval, differences to the first, and why one is not there.

A difference is called one only where its interval, from the same resamples of the same images, leaves 0 out. It speaks
of these images: what another seed of training would give, only several runs of one configuration tell (``groups.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.analysis.comparison.estimators import MeasuredRun
from explorer.analysis.comparison.measure import N_SAMPLES, measure, part_seconds
from explorer.analysis.comparison.measurements import COUNTED, ComparisonConditions, Figure, Measurements
from explorer.analysis.evaluation.metrics import METRICS, NAMES, Metric
from explorer.analysis.statistics import bootstrap
from explorer.analysis.statistics.bootstrap import CONFIDENCE, Resampling
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress, Stages
from explorer.models.config import LIKELIHOODS

OTHER_IMAGES = "measured on other images"


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
    measured_runs: Sequence[MeasuredRun],
    *,
    n_samples: int = N_SAMPLES,
    resampling: Resampling = Resampling(),  # noqa: B008  # it is frozen, so that all calls can share one
    on_progress: OnProgress = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Comparison | None:
    """Return the table of ``measured_runs``, each measured now; None if ``stop`` said so before the end.

    Args:
        measured_runs: runs, each with the images that it is measured on; the others are compared with the first.
        n_samples: importance samples of each image for the IWAE bound.
        resampling: by which all intervals are made.
        on_progress: is told how far it is.
        stop: is asked before each part of each run.

    Raises:
        ConfigError: if there are no runs, two of one name, or fewer than 1 importance sample.
    """
    check_comparison([one.name for one in measured_runs], n_samples)
    seconds = [part_seconds(one.name, one.model.config, len(one.test), n_samples) for one in measured_runs]
    stages = Stages({stage: of for each in seconds for stage, of in each.items()}, on_progress)
    rows = []
    for measured_run in measured_runs:
        measured = measure(measured_run, n_samples=n_samples, resampling=resampling, stages=stages, stop=stop)
        if measured is None:
            return None
        rows.append(measured)
    return side_by_side(rows, n_samples=n_samples, seed=resampling.seed)


def check_comparison(names: Sequence[str], n_samples: int) -> None:
    """Check that the runs ``names`` can be compared with ``n_samples`` importance samples.

    Raises:
        ConfigError: if there are none, two of one name, or fewer than 1 sample.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise ConfigError("No runs were given to compare: name at least one.")
    if twice:
        raise ConfigError(f"{', '.join(twice)} was given more than once: a run has no difference to itself.")
    if n_samples < 1:
        raise ConfigError(f"{n_samples} importance samples are too few: use at least 1.")


def side_by_side(measured: Sequence[Measurements], *, n_samples: int, seed: int) -> Comparison:
    """Return the table of runs that were measured with ``n_samples`` and resamples of ``seed``: milliseconds.

    The others are compared with the first.
    """
    first, *others = measured
    rows = tuple(Row(name=one.name, group=one.group, figures=one.figures) for one in measured)
    return Comparison(
        rows=rows,
        differences=tuple(
            _differences(row, rows[0], _incomparable(one.conditions, first.conditions))
            for row, one in zip(rows[1:], others, strict=True)
        ),
        n_images=tuple(one.conditions.n_images for one in measured),
        n_samples=n_samples,
        seed=seed,
    )


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
    return Figure.of(bootstrap.difference(a, b))


def _incomparable(of: ComparisonConditions, to: ComparisonConditions) -> dict[str, str]:
    """Return why two runs cannot be compared, by kind of metric; kinds that are not in it can be."""
    if of.images != to.images:
        return {metric.kind: OTHER_IMAGES for metric in METRICS if metric.kind != "cost"}
    reasons = {}
    if of.is_binary != to.is_binary:
        reasons["pixels"] = "one is scored on binarised pixels, the other on grey ones"
    scales = _scale(of), _scale(to)
    if scales[0] != scales[1]:
        reasons["reconstruction"] = reasons["bound"] = f"nats of different things: {scales[0]}, and {scales[1]}"
    elif of.is_given_class != to.is_given_class:
        reasons["bound"] = "one bounds log p(x|y), given the class, the other log p(x)"
    return reasons


def _scale(conditions: ComparisonConditions) -> str:
    """Return what the nats of p(x|z) are of: they mean the same only for probabilities, or densities, of one kind."""
    pixels = "binarised" if conditions.is_binary else "grey"
    if not LIKELIHOODS[conditions.likelihood].is_probability:
        return f"a density of {pixels} pixels"
    return f"probabilities of {pixels} pixels" + ("" if conditions.is_binary else ", which are none of data")


def _as_difference(figure: Figure) -> dict[str, Any]:
    return figure.to_json() | {"is_difference": figure.is_difference}


def _about(metric: Metric) -> dict[str, Any]:
    return {name: getattr(metric, name) for name in metric.__slots__ if name != "name"}
