"""Several seeds of one configuration as one: mean and spread of each metric over runs, and differences between groups.

The spread is that of training anew, which the intervals of a single run on its test images say nothing of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.comparison.compare import Comparison, Row
from explorer.analysis.comparison.measurements import Figure
from explorer.analysis.evaluation.metrics import NAMES
from explorer.analysis.statistics.bootstrap import welch_interval

ONE_SEED = "one run of a group tells nothing of the spread over seeds: train the configuration with another --seed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A metric over the runs of a group.

    Attributes:
        mean: over those that have it; None where none has.
        deviation: over them, with n - 1; None of fewer than two.
        n: runs that have it.
        reason: why there is no mean; empty where there is one.
    """

    mean: float | None
    deviation: float | None
    n: int
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Group:
    """Runs that differ by their seed alone, by the name of the first.

    Attributes:
        names: of its runs.
        spreads: of each metric.
        differences: of the means to the first group's, with Welch's interval; empty for the first group.
    """

    names: tuple[str, ...]
    spreads: Mapping[str, Spread]
    differences: Mapping[str, Figure]

    def to_json(self) -> dict[str, Any]:
        """Return names, spreads and differences, by metric."""
        return {
            "runs": list(self.names),
            "figures": {name: spread.to_json() for name, spread in self.spreads.items()},
            "differences": {
                name: figure.to_json() | {"is_difference": figure.is_difference}
                for name, figure in self.differences.items()
            },
        }


def groups(comparison: Comparison) -> tuple[Group, ...]:
    """Return the groups of ``comparison``, in the order of their first runs; none where no run has a second seed."""
    members: dict[str, list[Row]] = {}
    for row in comparison.rows:
        members.setdefault(row.group, []).append(row)
    if all(len(rows) == 1 for rows in members.values()):
        return ()
    first, *others = members.values()
    between = {row.name: row for row in comparison.differences}
    found = [_group(first, {})]
    for rows in others:
        # Two groups can be compared where their runs can.
        reasons = {
            name: figure.reason for name, figure in between[rows[0].name].figures.items() if figure.value is None
        }
        found.append(_group(rows, {name: _between(rows, first, name, reasons.get(name, "")) for name in NAMES}))
    return tuple(found)


def spread_of(rows: list[Row], name: str) -> Spread:
    """Return mean and deviation of the metric ``name`` over ``rows``."""
    values = _values(rows, name)
    if not values:
        return Spread(mean=None, deviation=None, n=0, reason=rows[0].figures[name].reason)
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(np.mean(values)), deviation=deviation, n=len(values))


def _group(rows: list[Row], differences: Mapping[str, Figure]) -> Group:
    return Group(
        names=tuple(row.name for row in rows),
        spreads={name: spread_of(rows, name) for name in NAMES},
        differences=differences,
    )


def _between(of: list[Row], to: list[Row], name: str, reason: str) -> Figure:
    a, b = _values(of, name), _values(to, name)
    if reason or not (a and b):
        return Figure(reason=reason or spread_of(of, name).reason or spread_of(to, name).reason)
    value = float(np.mean(a) - np.mean(b))
    if min(len(a), len(b)) < 2:
        return Figure(value=value, reason=ONE_SEED)
    low, high = welch_interval(a, b)
    return Figure(value=value, low=low, high=high)


def _values(rows: list[Row], name: str) -> list[float]:
    return [value for row in rows if (value := row.figures[name].value) is not None]
