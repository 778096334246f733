"""Where the training of a run stands, read off its folder: the same for every process that looks, at any time.

What decides is the lock and whether a process is there, never a clock.
"""

import shutil
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from explorer.errors import CheckpointError
from explorer.jobs.processes import is_alive, why_it_failed
from explorer.runs.live import JobRecord, LiveProgress, Phase
from explorer.runs.lock import is_being_trained
from explorer.runs.run import Run

LOG = "train.log"
FULL_DISK_BYTES = 1024 * 1024


class TrainingState(StrEnum):
    """Where the training of a run stands."""

    UNTRAINED = "untrained"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def is_at_work(self) -> bool:
        """Whether a process trains the run."""
        return self in {TrainingState.STARTING, TrainingState.RUNNING, TrainingState.STOPPING}

    @property
    def is_active(self) -> bool:
        """Whether the run is being trained or will be."""
        return self is TrainingState.QUEUED or self.is_at_work


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingStatus:
    """The training of one run as it is now.

    Attributes:
        name: of the run.
        state: where it stands.
        ahead: names of the runs that must end before a queued one starts, in their order.
        progress: what it said last; None where it said nothing since it was started.
        epoch: epochs done, as far as they are in the history.
        epochs: to train in all; 0 where the configuration cannot be read.
        problem: why a failed or diverged one did, in words.
    """

    name: str
    state: TrainingState
    ahead: tuple[str, ...] = ()
    progress: LiveProgress | None = None
    epoch: int = 0
    epochs: int = 0
    problem: str = ""

    @property
    def n_ahead(self) -> int:
        """How many runs must end before a queued one starts."""
        return len(self.ahead)


def training_status(run: Run) -> TrainingStatus:
    """Return where the training of ``run`` stands; of one that is damaged or just deleted, that it failed and why."""
    try:
        return _status(run)
    except (CheckpointError, OSError) as error:
        return TrainingStatus(name=run.name, state=TrainingState.FAILED, problem=str(error))


def _status(run: Run) -> TrainingStatus:
    job = run.job()
    is_locked = is_being_trained(run)
    is_started = job is not None and is_alive(job.pid, job.mark)
    # Read last: how training ended is written before its lock is free and its process gone.
    progress = run.progress()
    state, problem = _state(run, job, progress, is_locked=is_locked, is_started=is_started)
    if state is None:
        state, problem = _how_it_ended(run, job, progress)
        # Started again while we looked: what seemed to have ended was the one before.
        if state is TrainingState.FAILED and (is_being_trained(run) or run.job() != job):
            return _status(run)
    return TrainingStatus(
        name=run.name,
        state=state,
        progress=progress,
        epoch=_n_done(run),
        epochs=run.config.training.epochs,
        problem=problem,
    )


def _state(
    run: Run, job: JobRecord | None, progress: LiveProgress | None, *, is_locked: bool, is_started: bool
) -> tuple[TrainingState | None, str]:
    """Return the state of a run that is active; None in its place where it is not."""
    if not (is_locked or is_started):
        return (TrainingState.QUEUED if job is not None and job.is_waiting else None), ""
    if progress is not None and progress.phase.is_end:
        if not is_alive(progress.pid, progress.mark):
            progress = None  # of an earlier process: the one that is here now has yet to say something
        elif not is_locked:
            return _last_word(run, progress)
        else:  # it is about to let go; whoever starts the run before that would be refused
            return (TrainingState.STOPPING if progress.phase is Phase.STOPPED else TrainingState.RUNNING), ""
    if run.stop_requested():
        return TrainingState.STOPPING, ""
    is_starting = progress is None or progress.phase is Phase.STARTING
    return (TrainingState.STARTING if is_starting else TrainingState.RUNNING), ""


def _how_it_ended(run: Run, job: JobRecord | None, progress: LiveProgress | None) -> tuple[TrainingState, str]:
    """Return the state of a run that nobody trains, and the problem where there was one."""
    if job is not None and job.problem:
        return TrainingState.FAILED, job.problem
    if progress is not None and progress.phase.is_end:
        return _last_word(run, progress)
    if progress is not None or job is not None:
        return TrainingState.FAILED, _what_happened(run, job)
    n_done = _n_done(run)
    if n_done >= run.config.training.epochs:
        return TrainingState.FINISHED, ""
    if run.diverged_in() is not None:
        return TrainingState.DIVERGED, f"The objective was no longer a number in epoch {run.diverged_in()}."
    has_begun = n_done > 0 or (run.path / "state.safetensors").exists()
    return (TrainingState.STOPPED if has_begun else TrainingState.UNTRAINED), ""


def _last_word(run: Run, progress: LiveProgress) -> tuple[TrainingState, str]:
    """Return how training ended by its own account; of a failure, what is left too."""
    state = TrainingState(progress.phase.value)
    if state is not TrainingState.FAILED:
        return state, progress.problem
    return state, f"{progress.problem.rstrip('.')}. {_what_is_left(run)}"


def _what_happened(run: Run, job: JobRecord | None) -> str:
    """Say why a process that left no word is gone, and what is left."""
    # The log is that of the job; where somebody else trained the run since, it tells of another time.
    status, log = (None, run.path / "none") if job is None else (job.exit_status, run.path / LOG)
    return f"{why_it_failed(status, log)} {_what_is_left(run)}"


def _what_is_left(run: Run) -> str:
    """Say what training that failed has saved, and whether there is space to go on."""
    full = "The disk is full: free some space. " if shutil.disk_usage(run.path).free < FULL_DISK_BYTES else ""
    n_done = _n_done(run)
    epochs = "1 epoch" if n_done == 1 else f"{n_done} epochs"
    left = f"What was saved is whole, {epochs}: resume to go on." if n_done else "Nothing was saved yet."
    return f"{full}{left}"


def _n_done(run: Run) -> int:
    """Return the epochs in the history, read again only when it was written: pages ask for every run, all the time."""
    try:
        file = (run.path / "history.jsonl").stat()
    except OSError:
        return 0
    return _n_epochs(run.path, file.st_ino, file.st_mtime_ns, file.st_size)


@lru_cache(maxsize=1024)
def _n_epochs(path: Path, number: int, modified_ns: int, size: int) -> int:
    return len(Run(path).history())
