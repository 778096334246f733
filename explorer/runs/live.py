"""What training says of itself while it works, and what is kept of training that the app was asked for.

Both are small files in the run folder, so that any process can look: the app, another one, or the app after a restart.
"""

import hashlib
import platform
from contextlib import suppress
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Phase(StrEnum):
    """What training is doing, or how it ended."""

    STARTING = "starting"
    TRAINING = "training"
    ENCODING = "encoding"
    PROJECTING = "projecting"
    FINISHED = "finished"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether nothing comes after it."""
        return self in {Phase.FINISHED, Phase.STOPPED, Phase.DIVERGED, Phase.FAILED}


class LiveProgress(BaseModel):
    """Where training stands, or how it ended: progress.json.

    Attributes:
        phase: what it does.
        pid: of the process that trains.
        mark: that tells this process from another one that has its number later (``explorer/jobs/processes.py``).
        time: when this was written, in seconds since 1970; to be shown, not to be counted with.
        epoch: the epoch under way, from 1; once training ended, the epochs done.
        epochs: to train in all.
        step: steps done in the epoch.
        steps_per_epoch: steps of an epoch.
        figures: means of the epoch so far, by name, those that are numbers.
        images_per_second: since training began or went on.
        seconds_left: estimate to the end of the last epoch; None before anything was counted.
        problem: why it failed or diverged, in words.
    """

    model_config = ConfigDict(frozen=True)

    phase: Phase
    pid: int = Field(ge=0)
    mark: str = Field("", max_length=200)
    time: float = 0.0
    epoch: int = Field(0, ge=0)
    epochs: int = Field(0, ge=0)
    step: int = Field(0, ge=0)
    steps_per_epoch: int = Field(0, ge=0)
    figures: dict[str, float] = {}
    images_per_second: float = Field(0.0, ge=0)
    seconds_left: float | None = None
    problem: str = Field("", max_length=8192)


class JobRecord(BaseModel):
    """Training that the app was asked for: job.json. It waits until it has a process.

    Attributes:
        order: place in the queue; the least goes first.
        queued_at: when it was asked for, in seconds since 1970; to be shown, not to be counted with.
        epochs: to train in all, where another number was asked for than the run has.
        device: where it is to be trained.
        pid: of its process; 0 while it waits.
        mark: of its process, as in ``LiveProgress``.
        exit_status: of its process, where who started it saw the end.
        problem: why it could not be started.
        place: of the folder that it was asked for, by ``place_of``: a copy of the folder was asked for nothing.
    """

    model_config = ConfigDict(frozen=True)

    order: int = Field(ge=0)
    queued_at: float
    epochs: int | None = Field(None, ge=1)
    device: str = Field("cpu", pattern=r"^(cpu|mps|cuda(:\d{1,3})?)$")
    pid: int = Field(0, ge=0)
    mark: str = Field("", max_length=200)
    exit_status: int | None = None
    problem: str = Field("", max_length=8192)
    place: str = Field("", max_length=64)

    @property
    def is_waiting(self) -> bool:
        """Whether it has not been started yet."""
        return self.pid == 0 and not self.problem


def place_of(folder: Path) -> str:
    """Return 16 hexadecimal digits of this folder on this machine: those of a copy are others, anywhere.

    A folder that is renamed keeps its number in the file system, so its path counts too.
    """
    try:
        number = folder.stat().st_ino
    except OSError:
        number = 0
    return hashlib.sha256(f"{_machine()}\n{number}\n{folder.absolute()}".encode()).hexdigest()[:16]


@cache
def _machine() -> str:
    """Return what tells this machine from others: the number that its system was given, else its name."""
    with suppress(OSError):
        number = Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
        if number:
            return number
    return platform.node()
