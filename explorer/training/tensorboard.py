"""A run's history as TensorBoard event files, for those who watch training there.

Scalars are named train/… and validation/…; the step is the epoch. The package tensorboard is imported when it is
asked for, and not before.
"""

import time
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from explorer.errors import TrainingError
from explorer.runs.run import Run

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
PARTS = ("train", "validation")


class EventFiles:
    """Writes the records of one run's epochs into ``tensorboard/`` in its folder."""

    def __init__(self, run: Run) -> None:
        """Prepare to write; no file is made before the first epoch.

        Raises:
            TrainingError: if the package tensorboard is not installed.
        """
        try:
            import torch.utils.tensorboard  # noqa: F401  (whether it can be imported is the question)
        except ImportError as error:
            raise TrainingError(
                f"--tensorboard needs the package tensorboard ({error}). Install it: pip install tensorboard"
            ) from error
        self._run, self._folder = run, run.path / FOLDER
        self._writer: SummaryWriter | None = None

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a record of history. Steps that a crash left there from its epoch on are purged.

        A run that is watched for the first time brings the epochs before along.
        """
        records = [record]
        if self._writer is None:
            if not self._folder.exists():
                records = [it for it in self._run.history() if it["epoch"] < record["epoch"]] + records
            self._writer = self._opened(records[0]["epoch"])
        for each in records:
            for name, value in scalars(each).items():
                self._writer.add_scalar(name, value, each["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """End the event file."""
        if self._writer is not None:
            self._writer.close()

    def _opened(self, first_step: int) -> "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter

        # TensorBoard reads files by name, which begins with the second they were made in: a file of the same second as
        # the last one could come before it, and what it purges would stay.
        while any(self._folder.glob(f"events.out.tfevents.{int(time.time())}.*")):
            time.sleep(0.05)
        return SummaryWriter(str(self._folder), purge_step=first_step)


def scalars(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a record of history by the names that TensorBoard groups them by."""
    parts = {
        f"{part}/{name}": float(value)
        for part in PARTS
        for name, value in record.get(part, {}).items()
        if isinstance(value, Real)
    }
    dimensions = record.get("validation", {}).get("kl_per_dimension", [])
    parts |= {f"validation/kl_per_dimension/z{i}": float(nats) for i, nats in enumerate(dimensions)}
    speed = record.get("images_per_second")
    return parts if speed is None else parts | {"train/images_per_second": float(speed)}
