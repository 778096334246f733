"""What surrounds training in its process: the run's lock, its progress for whoever looks, the request to stop, its end.

Nothing here imports torch: that training starts is said, and a second trainer refused, seconds before torch is loaded.
"""

import math
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from explorer.errors import CheckpointError, ExplorerError
from explorer.jobs.processes import mark_of
from explorer.runs.live import LiveProgress, Phase
from explorer.runs.lock import HeldLock, training_lock
from explorer.runs.run import Run

if TYPE_CHECKING:
    from explorer.training.trainer import TrainingProgress

SECONDS_BETWEEN_REPORTS = 0.5
SECONDS_BETWEEN_LOOKS = 0.2
"""Between two looks for a request to stop."""

_MAX_CHARACTERS = 2000


class Worker:
    """The process that trains a run, as it shows itself in the run folder.

    Of the processes that train together only the first one takes the run; in the others this does nothing. As a context
    it holds the run until the end of the block, and writes down how training ended if that is by an error.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Work on nothing yet; ``tell`` is called with what the user should know."""
        self._tell = tell
        self._held = ExitStack()
        self._run: Run | None = None
        self._reported = self._looked = -math.inf
        self._is_stop_requested = self._has_failed_to_say = False

    def take(self, run: Run) -> None:
        """Lock ``run``, forget earlier requests to stop it, and say that training starts.

        Raises:
            TrainingError: if another process trains it.
            CheckpointError: if the folder is not there or cannot be written to, or its configuration cannot be read.
        """
        epochs, n_done = run.config.training.epochs, len(run.history())
        self._lock: HeldLock = self._held.enter_context(training_lock(run))
        me, starter = os.getpid(), os.getppid()  # Windows puts a process between us and the app
        run.clear_stop(but_for=(me, starter))
        job = run.job()
        if job is not None and job.pid not in {me, starter}:
            run.forget_job()  # what the app knows of an earlier process is no longer so
        self._said = LiveProgress(phase=Phase.STARTING, pid=me, mark=mark_of(me), epoch=n_done, epochs=epochs)
        self._run = run
        self._say()

    def begin(self, phase: Phase, **changes: Any) -> None:
        """Say that training is now in ``phase``; ``changes`` are other fields of the progress."""
        if self._run is not None:
            self._say(phase=phase, epochs=self._run.config.training.epochs, **changes)

    def report(self, progress: "TrainingProgress") -> None:
        """Say where training stands, at most twice a second."""
        now = time.monotonic()
        if now - self._reported < SECONDS_BETWEEN_REPORTS:
            return
        self._reported = now
        self._say(
            epoch=progress.epoch,
            step=progress.step,
            steps_per_epoch=progress.steps_per_epoch,
            figures={name: figure for name, figure in progress.figures.items() if math.isfinite(figure)},
            images_per_second=progress.images_per_second,
            seconds_left=progress.seconds_left,
        )

    def is_stop_requested(self) -> bool:
        """Whether somebody asked for a stop; five times a second it is looked for, and whether the run is still there.

        Raises:
            CheckpointError: if the run's folder is no longer the one that is being trained.
        """
        now = time.monotonic()
        if self._run is not None and now - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._looked = now
            self.check()
            self._is_stop_requested = self._is_stop_requested or self._run.stop_requested()
        return self._is_stop_requested

    def check(self) -> None:
        """Check that the run is still there; another one in its place is not written to.

        Raises:
            CheckpointError: if the run's folder is no longer the one that is being trained.
        """
        if self._run is not None:
            self._lock.check()

    def end(self, phase: Phase, problem: str = "") -> None:
        """Say how training ended."""
        if self._run is not None:
            n_done = len(self._run.history())
            self._say(phase=phase, epoch=n_done, step=0, seconds_left=None, problem=problem[:_MAX_CHARACTERS])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            if self._run is None:
                return
            if error is not None and not self._said.phase.is_end:
                self._end_by(error)
            self._forget_stop(self._run)

    def _end_by(self, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt):
            self.end(Phase.STOPPED)
        else:
            named = str(error) if isinstance(error, ExplorerError) else f"{type(error).__name__}: {error}"
            self.end(Phase.FAILED, named)

    def _forget_stop(self, run: Run) -> None:
        """Take back the request to stop: it was for this training, not for the next."""
        try:
            self._lock.check()
            run.clear_stop()
        except (CheckpointError, OSError) as error:
            self._tell(f"Note: a request to stop could not be taken back: {error}")

    def _say(self, **changes: Any) -> None:
        """Write the progress; that it cannot be written is told once and ends nothing, as saving the run would."""
        if self._run is None:
            return
        self._said = self._said.model_copy(update=changes | {"time": time.time()})
        try:
            self._lock.check()  # else the next run of this name would be given the progress of this one
            self._run.save_progress(self._said)
        except CheckpointError as error:
            if not self._has_failed_to_say:
                self._tell(f"Note: the app cannot show how far this is: {error}")
            self._has_failed_to_say = True
