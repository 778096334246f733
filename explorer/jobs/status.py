"""Where something that takes a while stands: one record, whether a process or a thread of the app does it."""

from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStatus:
    """A job as it is now.

    Attributes:
        state: where it stands.
        n_ahead: jobs that must end before a waiting one starts, where that is known.
        what: a few words on what a running one does.
        fraction: of it that is done, in [0, 1]; through what cannot be counted it is an estimate by time.
        seconds: since a process was started; of one that ended, how long it ran.
        seconds_left: an estimate; None where nothing is known yet.
        problem: why there is no result, in words.
    """

    state: JobState
    n_ahead: int = 0
    what: str = ""
    fraction: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None
    problem: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in {JobState.WAITING, JobState.RUNNING}
