"""What was measured of a run: figures, and the conditions under which it can be compared. Records that can be stored.

numpy only, like the other records: a comparison of what was measured before needs no model, and no torch.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from explorer.analysis.arrays import Doubles
from explorer.analysis.evaluation.metrics import NAMES
from explorer.analysis.statistics.bootstrap import Estimate
from explorer.strict_json import dump_json, parse_json

VERSION = 2
"""Of what measures: raise it when any number would come out otherwise, and what was stored is measured anew."""

COUNTED = "counted, not estimated: it has no interval"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Figure:
    """A cell of the table: a number, or why there is none.

    Attributes:
        value: the number; None where there is none.
        low, high: its interval; None for one that is counted.
        reason: why there is no number or no interval; empty where there are both.
        replicates: the number in each resample, float64, shape ``(R,)``; None without an interval.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    replicates: Doubles | None = None

    @classmethod
    def of(cls, outcome: Estimate | float | str) -> Self:
        """Return what was estimated, what was counted, or why there is no number, as a cell."""
        if isinstance(outcome, str):
            return cls(reason=outcome)
        if isinstance(outcome, Estimate):
            return cls(value=outcome.value, low=outcome.low, high=outcome.high, replicates=outcome.replicates)
        return cls(value=outcome, reason=COUNTED)

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


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonConditions:
    """What decides whether two runs can be compared, beside the numbers themselves.

    Attributes:
        images: 16 hexadecimal digits of the test images and their classes.
        n_images: how many there are.
        is_binary: whether the run sees binarised pixels.
        likelihood: p(x|z), by its name in a configuration.
        is_given_class: whether everything is given the class.
    """

    images: str
    n_images: int
    is_binary: bool
    likelihood: str
    is_given_class: bool


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measurements:
    """A run by every metric.

    Attributes:
        name: of the run.
        group: the same for runs that differ by their seed alone.
        figures: one for each name in ``NAMES``, in that order.
        conditions: under which it can be compared with others.
    """

    name: str
    group: str
    figures: Mapping[str, Figure]
    conditions: ComparisonConditions

    def to_arrays(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Return replicates by metric, each float64 ``(R,)``, and as JSON the rest but the run's name and group."""
        arrays: dict[str, np.ndarray] = {
            name: figure.replicates for name, figure in self.figures.items() if figure.replicates is not None
        }
        figures = {
            name: [figure.value, figure.low, figure.high, figure.reason] for name, figure in self.figures.items()
        }
        return arrays, {"figures": dump_json(figures), "grounds": dump_json(asdict(self.conditions))}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str], *, name: str, group: str
    ) -> Self:
        """Return what ``to_arrays`` stored, of the run ``name`` of ``group``.

        Raises:
            KeyError, TypeError, ValueError: if that is not what it is.
        """
        figures, conditions = parse_json(metadata["figures"]), ComparisonConditions(**parse_json(metadata["grounds"]))
        if set(figures) != set(NAMES) or not set(arrays) <= set(NAMES):
            raise ValueError("it has other metrics")
        if [type(part) for part in asdict(conditions).values()] != [str, int, bool, str, bool]:
            raise TypeError(f"{conditions} are no conditions of a comparison")
        rows = {metric: _figure(figures[metric], arrays.get(metric)) for metric in NAMES}
        return cls(name=name, group=group, figures=rows, conditions=conditions)


def _figure(parts: Any, replicates: np.ndarray | None) -> Figure:
    """Return a figure of what was read, which may be anything."""
    value, low, high, reason = parts
    if not all(
        number is None or (isinstance(number, float) and math.isfinite(number)) for number in (value, low, high)
    ):
        raise ValueError("a number is none")
    if not isinstance(reason, str) or (value is None and not reason):
        raise ValueError("it does not say why a number is absent")
    if len({replicates is None, low is None, high is None}) > 1 or (value is None and low is not None):
        raise ValueError("a number, its interval and its resamples do not go together")
    if replicates is not None and not (
        replicates.dtype == np.float64 and replicates.ndim == 1 and np.isfinite(replicates).all()
    ):
        raise ValueError(f"its resamples are {replicates.dtype} of shape {replicates.shape}")
    return Figure(value=value, low=low, high=high, reason=reason, replicates=replicates)
