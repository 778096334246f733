"""How benchmarks say what they found: a line of JSON each, of which ``tests.benchmarks.all`` makes a table."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What was measured, and beside what.

    Attributes:
        what: it is, in a few words that no other measurement has.
        unit: of the numbers, such as ``s``.
        n: how often it was measured.
        median: of these.
        p95: the 95th percentile; the largest of fewer than twenty.
        beside: what the rival is; empty where there is none.
        rival: its median, in the same unit.
        ratio: median by median.
        goal: what it is to reach, in words.
    """

    what: str
    unit: str
    n: int
    median: float
    p95: float
    beside: str = ""
    rival: float | None = None
    ratio: float | None = None
    goal: str = ""


def report(
    what: str,
    unit: str,
    values: Sequence[float],
    *,
    beside: str = "",
    rival: Sequence[float] = (),
    goal: str = "",
) -> Measurement:
    """Print what was measured, and return it."""
    of_rival = statistics.median(rival) if rival else None
    measured = Measurement(
        what=what,
        unit=unit,
        n=len(values),
        median=_rounded(statistics.median(values)),
        p95=_rounded(sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]),
        beside=beside,
        rival=None if of_rival is None else _rounded(of_rival),
        ratio=None if of_rival is None else _rounded(statistics.median(values) / of_rival),
        goal=goal,
    )
    print(json.dumps(asdict(measured)), flush=True)
    return measured


def _rounded(value: float) -> float:
    """Return the number to three figures; a large one to whole ones."""
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))
