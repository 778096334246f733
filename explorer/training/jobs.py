"""Training that the app starts, and that outlives it: a process for each run, and a queue of those that wait.

The process is the command that a person types, ``python -m explorer train --run …``. All that is known of it lies in
the run folder (``job.json``, ``progress.json``, the lock, ``train.log``), so a restarted app, or a second one on the
same folder, sees and does the same. Jobs that end with the app are in ``explorer/jobs/process_queue.py``: that queue is
in memory, so all that the two share is what is started, and how many run and wait at once.
"""

import logging
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from explorer import locations
from explorer.errors import CheckpointError, ConfigError, ExplorerError, TrainingError
from explorer.jobs.process_queue import MAX_WAITING, PROGRAM, jobs_at_once, why_not_started
from explorer.jobs.processes import mark_of, start_detached
from explorer.locations import check_may_write
from explorer.runs.config import RunConfig, TrainingConfig
from explorer.runs.listing import open_run, run_folders
from explorer.runs.live import JobRecord
from explorer.runs.lock import folder_lock
from explorer.runs.run import NAME, Run, check_name, first_problem
from explorer.training.status import LOG, TrainingState, TrainingStatus, training_status

SECONDS_BETWEEN_LOOKS = 1.0
"""Between two looks whether a run that waits can start."""

_log = logging.getLogger(__name__)


class TrainingJobs:
    """The training of the runs in one folder. Safe to use from any thread, and from several apps at once."""

    def __init__(self, checkpoints: Path, max_running: int | None = None, program: Sequence[str] = PROGRAM) -> None:
        """Train at most ``max_running`` runs at once, by default one for each ``CORES_PER_JOB`` cores; more wait.

        Args:
            checkpoints: the folder of runs.
            max_running: at once, those counted that somebody started from the command line.
            program: that is given ``train --run …``.
        """
        self.checkpoints = checkpoints
        self.max_running = max_running or jobs_at_once()
        self._program = tuple(program)
        self._mutex = threading.RLock()
        self._is_closed = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self, name: str, epochs: int | None = None, device: str = "cpu") -> TrainingStatus:
        """Start or resume the training of a run, or let it wait its turn; one that is active is left as it is.

        Args:
            name: of the run.
            epochs: to train in all, where that is to be another number than the run has.
            device: cpu, mps, cuda or cuda:N; whether it is there turns out when training starts.

        Raises:
            CheckpointError: if there is no such run, or its folder cannot be written to.
            ConfigError: if the run cannot have that many epochs, or that is no device.
            TrainingError: if there is nothing left to train, or too many wait.
            ReadOnlyError: if this app only shows what is there.
        """
        check_may_write(f"Training {name}")
        run = self._run(name)
        with self._alone():
            if not training_status(run).state.is_active:
                self._check_can_start(run, epochs)
                job = self._new_job(name, epochs, device)
                run.clear_stop()
                run.save_job(job)
                self._launch_waiting()
        return self.status(name)

    resume = start

    def stop(self, name: str) -> TrainingStatus:
        """Ask the training of a run to stop and save, or take it out of the queue; where nobody trains it, do nothing.

        Raises:
            CheckpointError: if there is no such run, or its folder cannot be written to.
            ReadOnlyError: if this app only shows what is there.
        """
        check_may_write(f"Stopping {name}")
        run = self._run(name)
        with self._alone():
            status, job = training_status(run), run.job()
            if status.state is TrainingState.QUEUED:
                run.forget_job()
            elif status.state.is_at_work:
                # A process that has not taken the run yet would take back a request that names nobody.
                run.request_stop(0 if job is None else job.pid)
        return self.status(name)

    def cancel(self, name: str) -> TrainingStatus:
        """Take a run out of the queue.

        Raises:
            TrainingError: if it does not wait there.
            CheckpointError: if there is no such run.
            ReadOnlyError: if this app only shows what is there.
        """
        check_may_write(f"Cancelling {name}")
        run = self._run(name)
        with self._alone():
            state = training_status(run).state
            if state is not TrainingState.QUEUED:
                raise TrainingError(f"{name} does not wait to be trained: it is {state}. Stop it if it is running.")
            run.forget_job()
        return self.status(name)

    def status(self, name: str) -> TrainingStatus:
        """Return where the training of a run stands.

        Raises:
            CheckpointError: if there is no such run.
        """
        status = training_status(self._run(name))
        if status.state is not TrainingState.QUEUED:
            return status
        return next((each for each in self.all() if each.name == name), status)

    def all(self) -> list[TrainingStatus]:
        """Return where the training of every run stands: the queue in order, then the others by name."""
        statuses = [training_status(run) for run in self._runs()]
        at_work = [status.name for status in statuses if status.state.is_at_work]
        orders = {run.name: job.order for run, job in self._waiting()}
        queued = [status for status in statuses if status.state is TrainingState.QUEUED]
        queued.sort(key=lambda status: orders.get(status.name, 0))
        others = [status for status in statuses if status.state is not TrainingState.QUEUED]
        names = at_work + [status.name for status in queued]
        return [replace(it, ahead=tuple(names[: names.index(it.name)])) for it in queued] + others

    def start_waiting(self) -> None:
        """Start those that wait, as far as there is room.

        Raises:
            CheckpointError: if the folder cannot be written to.
        """
        if self._waiting():
            with self._alone():
                self._launch_waiting()

    def watch(self) -> None:
        """Have a thread go on with the queue about once a second, until ``close``."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="training queue", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """Look after the queue no more. What is being trained goes on."""
        self._is_closed.set()
        if self._watcher is not None:
            self._watcher.join()

    def _watch(self) -> None:
        said = ""
        while not self._is_closed.wait(SECONDS_BETWEEN_LOOKS):
            try:
                self.start_waiting()
                problem = ""
            except (ExplorerError, OSError) as error:
                problem = str(error)
            if problem and problem != said:
                _log.error("The queue of %s could not go on; it is tried again. %s", self.checkpoints, problem)
            said = problem

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other thread, and every other app on this folder, from changing the queue within the block."""
        with self._mutex, folder_lock(self.checkpoints / ".training.lock"):
            yield

    def _run(self, name: str) -> Run:
        return open_run(check_name(name), self.checkpoints)

    def _runs(self) -> list[Run]:
        return [Run(path) for path in run_folders(self.checkpoints) if NAME.fullmatch(path.name)]

    def _jobs(self) -> list[tuple[Run, JobRecord]]:
        return [(run, job) for run in self._runs() if (job := run.job()) is not None]

    def _waiting(self) -> list[tuple[Run, JobRecord]]:
        """Return those that wait, in order."""
        waiting = [(run, job) for run, job in self._jobs() if job.is_waiting]
        return sorted(waiting, key=lambda pair: (pair[1].order, pair[0].name))

    def _new_job(self, name: str, epochs: int | None, device: str) -> JobRecord:
        order = 1 + max((job.order for _, job in self._jobs()), default=0)
        try:
            return JobRecord(order=order, queued_at=time.time(), epochs=epochs, device=device)
        except ValidationError as error:
            raise ConfigError(f"{name} cannot be trained so: {first_problem(error)}") from error

    def _check_can_start(self, run: Run, epochs: int | None) -> None:
        config = run.config if epochs is None else extended(run, epochs)
        if run.is_finished():
            raise TrainingError(
                f"{run.name} is finished, and what it would go on from (state.safetensors) is not here. "
                "Make a new run with its settings."
            )
        n_done = len(run.history())
        if training_status(run).state is TrainingState.FINISHED and config.training.epochs <= n_done:
            raise TrainingError(f"{run.name} is finished: all its {n_done} epochs are done. Ask for more epochs.")
        if len(self._waiting()) >= MAX_WAITING:
            raise TrainingError(
                f"{run.name} was not started: {MAX_WAITING} runs wait already. Cancel one, or try again later."
            )

    def _launch_waiting(self) -> None:
        waiting = self._waiting()
        if not waiting:
            return
        n_at_work = sum(training_status(run).state.is_at_work for run in self._runs())
        for run, job in waiting[: max(0, self.max_running - n_at_work)]:
            self._launch(run, job)

    def _launch(self, run: Run, job: JobRecord) -> None:
        more = ["--device", job.device]
        if job.epochs is not None:
            more += ["--epochs", str(job.epochs)]
        run.forget_progress()  # from now on what is said there is said by this process, or a later one
        try:
            process = start_detached((*self._program, "train", "--run", str(run.path), *more), run.path / LOG)
        except OSError as error:
            run.save_job(job.model_copy(update={"problem": f"It {why_not_started(error)}"}))
            return
        try:
            run.save_job(job.model_copy(update={"pid": process.pid, "mark": mark_of(process.pid)}))
        except CheckpointError:
            process.kill()  # it would be started a second time
            process.wait()
            raise
        threading.Thread(target=self._see_the_end, args=(process, run), name=f"train {run.name}", daemon=True).start()

    def _see_the_end(self, process: "subprocess.Popen[bytes]", run: Run) -> None:
        """Wait until a process of ours has ended, note how if it was badly, and go on with the queue."""
        status = process.wait()
        if not run.path.is_dir():
            return  # deleted meanwhile: there is nothing to note it in
        try:
            with self._alone():
                job = run.job()
                if status != 0 and job is not None and job.pid == process.pid:
                    run.save_job(job.model_copy(update={"exit_status": status}))
                if not self._is_closed.is_set():
                    self._launch_waiting()
        except (ExplorerError, OSError):
            _log.exception("The end of training %s, with status %d, could not be noted.", run.name, status)


def extended(run: Run, epochs: int) -> RunConfig:
    """Return the configuration of ``run`` with another number of epochs.

    Raises:
        ConfigError: if it cannot have that many.
    """
    training = run.config.training
    if epochs != training.epochs and training.schedule == "cosine":
        raise ConfigError(
            f"{run.name} lowers its step size to zero over {training.epochs} epochs; it cannot become {epochs}. "
            "Make a new run."
        )
    try:
        changed = TrainingConfig.model_validate(training.model_dump() | {"epochs": epochs})
    except ValidationError as error:
        raise ConfigError(f"{run.name} cannot go on so: {first_problem(error)}") from error
    return run.config.model_copy(update={"training": changed})


def training_jobs(checkpoints: Path) -> TrainingJobs:
    """Return the jobs of this process for a folder of runs, whose queue goes on while the process lives."""
    with _MAKING:
        return _made(checkpoints)


_MAKING = threading.Lock()


@cache
def _made(checkpoints: Path) -> TrainingJobs:
    jobs = TrainingJobs(checkpoints)
    if not locations.READONLY:
        jobs.watch()
    return jobs
