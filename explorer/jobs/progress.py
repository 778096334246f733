"""How far a long computation is: what it says of itself, and how stages of unlike length make one fraction.

Records alone: who computes reports them, who waits reads them, and neither knows the other.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Self

ALMOST = 0.95
"""Share of a stage that time alone may claim: an estimate never says that the stage is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What was being done at a moment.

    Attributes:
        what: a few words, such as "finding neighbours".
        fraction: of the whole, in [0, 1], that was done then.
        until: the fraction at the end of a stretch in which nothing can be counted; ``fraction`` where it is counted.
        seconds: that such a stretch is expected to take.
    """

    what: str
    fraction: float
    until: float
    seconds: float = 0.0

    def fraction_after(self, seconds: float) -> float:
        """Return the fraction that is done ``seconds`` later: through what cannot be counted, an estimate by time."""
        if self.seconds <= 0:
            return self.fraction
        return self.fraction + (self.until - self.fraction) * min(max(seconds, 0.0) / self.seconds, ALMOST)

    def to_json(self) -> str:
        """Return the record as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the record that ``to_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        content = json.loads(text)
        fractions = {name: min(max(float(content[name]), 0.0), 1.0) for name in ("fraction", "until")}
        return cls(what=str(content["what"]), seconds=float(content["seconds"]), **fractions)


OnProgress = Callable[[Progress], None]


class Stages:
    """The stages of one computation, in order; their expected seconds decide what share of the whole each is."""

    def __init__(self, seconds: Mapping[str, float], report: OnProgress) -> None:
        """Report to ``report``; ``seconds`` are expected of each stage, and more than 0."""
        self._seconds = seconds
        self._report = report

    def begin(self, stage: str) -> None:
        """Say that ``stage`` begins, and that nothing in it can be counted."""
        start, end = self._bounds(stage)
        self._report(Progress(what=stage, fraction=start, until=end, seconds=self._seconds[stage]))

    def count(self, stage: str, n_done: int, n_total: int) -> None:
        """Say that ``n_done`` of ``n_total`` iterations of ``stage`` are done."""
        start, end = self._bounds(stage)
        fraction = start + (end - start) * min(n_done / max(n_total, 1), 1.0)
        self._report(Progress(what=f"{stage}, {n_done} of {n_total}", fraction=fraction, until=fraction))

    def _bounds(self, stage: str) -> tuple[float, float]:
        names, total = list(self._seconds), sum(self._seconds.values())
        before = sum(self._seconds[name] for name in names[: names.index(stage)])
        return before / total, (before + self._seconds[stage]) / total
