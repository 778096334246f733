"""What training noted after each epoch: history.jsonl, a record a line. Its only reader and writer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.errors import MissingFileError
from explorer.files import read_bounded, write_atomically
from explorer.runs.config import MAX_EPOCHS
from explorer.strict_json import dump_json, parse_json

FILE = "history.jsonl"
MAX_BYTES = 64 * 1024**2
"""100,000 epochs, the most that a run has, take 50 MB."""

MAX_NUMBER = 1e30
"""Beyond this, sums of squares leave float64's reach and figures have no axis."""

LISTS = {"kl_per_dimension"}
"""Figures of an epoch that are a list of numbers each; all others are one."""

DIVERGED = "diverged"
"""Says of an epoch that a number was none in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The epochs of a run.

    Attributes:
        records: of each epoch: ``epoch`` from 1, ``seconds``, and means over ``train`` and ``validation`` by name.
        diverged_in: the epoch in which training ended because a number was none; None where it did not.
        n_left_out: lines that are no records.
    """

    records: list[dict[str, Any]]
    diverged_in: int | None = None
    n_left_out: int = 0

    @property
    def problem(self) -> str:
        """What is wrong with the file, as a sentence; empty where nothing is."""
        if not self.n_left_out:
            return ""
        lines = "1 line" if self.n_left_out == 1 else f"{self.n_left_out:,} lines"
        return f"{lines} of {FILE} say nothing of an epoch and were left out."


def read_history(folder: Path) -> History:
    """Return the history in a run folder; none where training never noted anything.

    Raises:
        CheckpointError: if it is larger than any history, no regular file, or cannot be read.
    """
    try:
        lines = read_bounded(folder / FILE, MAX_BYTES).decode("utf-8", errors="replace").splitlines()
    except MissingFileError:
        return History(records=[])
    records: list[dict[str, Any]] = []
    diverged_in, n_left_out = None, 0
    for line in lines:
        record = _record(line, after=records[-1]["epoch"] if records else 0)
        if record is None:
            n_left_out += 1
        elif DIVERGED not in record:
            records.append(record)
        elif diverged_in is None:
            diverged_in = record["epoch"]
    return History(records=records, diverged_in=diverged_in, n_left_out=n_left_out)


def write_history(folder: Path, records: Iterable[Mapping[str, Any]], *, before_replacing: Callable[[], None]) -> None:
    """Write the history of a run folder, as ``write_atomically`` does."""
    lines = "".join(dump_json(record) + "\n" for record in records)
    write_atomically(folder / FILE, lines.encode(), before_replacing=before_replacing)


def _record(line: str, after: int) -> dict[str, Any] | None:
    """Return the record of a line; None where it says nothing of an epoch behind ``after``."""
    try:
        said = parse_json(line)
    except ValueError:
        return None
    epoch = said.get("epoch") if isinstance(said, dict) else None
    if type(epoch) is not int or not after < epoch <= MAX_EPOCHS:
        return None
    if DIVERGED in said:
        return {"epoch": epoch, DIVERGED: True}
    parts = {part: _numbers(said.get(part)) for part in ("train", "validation")}
    return {"epoch": epoch, "seconds": 0.0} | _numbers(said) | parts


def _numbers(said: object) -> dict[str, Any]:
    """Return what has a number for its value, or a list where one belongs; null stands for a number that was none."""
    if not isinstance(said, dict):
        return {}
    return {name: value for name, value in said.items() if (_is_list if name in LISTS else _is_number)(value)}


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= MAX_NUMBER
