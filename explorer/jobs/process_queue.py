"""Background jobs that the app starts: ``python -m explorer …`` beside the server, in a queue that all sessions see.

A job is one command line in a process group of its own, with its output in a log file. Whoever asks for a key that is
waiting or running is shown that job instead of starting another. What exceeds the number that may run at once waits in
order. When the app ends its jobs end, however it ends: see ``explorer/jobs/processes.py``. What a command has stored by
then is whole, because every file is written atomically; what it had not is lost.
"""

import atexit
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from explorer.errors import CheckpointError, ServingError
from explorer.files import read_json_text, write_atomically
from explorer.jobs.processes import end_group, start_group, wait_for_group, why_it_failed
from explorer.jobs.progress import Progress
from explorer.jobs.status import JobState, JobStatus
from explorer.locations import check_may_write

PROGRAM = (sys.executable, "-m", "explorer")
CORES_PER_JOB = 4
"""A job may use every core it finds, and the app needs one to decode."""

MAX_WAITING = 20
MAX_ENDED = 100
"""Jobs that ended and are remembered, so that their outcome can be told."""

GRACE_SECONDS = 3.0
"""Between asking a job's processes to end and killing them."""

LEAST_SECONDS_BETWEEN_REPORTS = 0.2
LEAST_TELLING = 0.05
"""Fraction from which on the time so far says how much is left."""


@dataclass(eq=False)
class _Job:
    key: str
    title: str
    command: tuple[str, ...]
    log: Path
    progress: Path
    expected_seconds: float | None
    state: JobState = JobState.WAITING
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    seconds: float = 0.0
    problem: str = ""
    is_cancelled: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """The jobs of one app. Safe to use from any thread."""

    def __init__(self, max_running: int | None = None, program: Sequence[str] = PROGRAM) -> None:
        """Run at most ``max_running`` at once, by default one for each ``CORES_PER_JOB`` cores; more wait.

        Args:
            max_running: at once.
            program: that every job's arguments are given to.
        """
        self.max_running = max_running or jobs_at_once()
        self._program = tuple(program)
        self._folder = tempfile.TemporaryDirectory(prefix="explorer-jobs-", ignore_cleanup_errors=True)
        self._jobs: dict[str, _Job] = {}
        self._n_started = 0
        self._is_closed = False
        self._lock = threading.RLock()

    def start(
        self, key: str, title: str, arguments: Sequence[str], *, expected_seconds: float | None = None
    ) -> JobStatus:
        """Start a job, or let it wait its turn, and return its status; an active one under ``key`` is kept.

        Args:
            key: that it is found under.
            title: what it is called.
            arguments: of the program; ``--progress FILE`` is added.
            expected_seconds: until it ends, until it says more.

        Raises:
            ServingError: if too many wait, or the app is ending.
            ReadOnlyError: if this app only shows what is there.
        """
        check_may_write(f"Computing {title}")
        with self._lock:
            held = self._jobs.get(key)
            if held is not None and not held.ended.is_set():
                return self._status(held)
            if self._is_closed:
                raise ServingError(f"{title} was not started: the app is ending. Start the app again.")
            if len(self._waiting()) >= MAX_WAITING:
                raise ServingError(
                    f"{title} was not started: {MAX_WAITING} computations wait already. Cancel one, or try again later."
                )
            self._n_started += 1
            base = Path(self._folder.name) / str(self._n_started)
            progress = base.with_suffix(".json")
            command = (*self._program, *arguments, "--progress", str(progress))
            job = _Job(key, title, command, base.with_suffix(".log"), progress, expected_seconds)
            self._jobs.pop(key, None)  # the new one goes to the end of the queue
            self._jobs[key] = job
            self._forget_oldest()
            self._start_waiting()
            return self._status(job)

    def status(self, key: str) -> JobStatus | None:
        """Return the status of the job under ``key``, or None where there is none."""
        with self._lock:
            job = self._jobs.get(key)
            return None if job is None else self._status(job)

    def cancel(self, key: str) -> None:
        """End the job under ``key`` with every process that it started, and wait until it has ended."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.ended.is_set():
                return
            job.is_cancelled = True
            if job.process is None:
                _conclude(job, JobState.CANCELLED)
                return
            end_group(job.process, is_urgent=False)
        if not job.ended.wait(GRACE_SECONDS):
            end_group(job.process, is_urgent=True)
            job.ended.wait(GRACE_SECONDS)

    def forget(self, key: str) -> None:
        """Forget the job under ``key`` if it has ended."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.ended.is_set():
                del self._jobs[key]

    def close(self) -> None:
        """End every job, and start none any more."""
        with self._lock:
            self._is_closed = True
            active = [job for job in self._jobs.values() if not job.ended.is_set()]
            for job in active:
                job.is_cancelled = True
                if job.process is None:
                    _conclude(job, JobState.CANCELLED)
                else:
                    end_group(job.process, is_urgent=True)
        for job in active:
            job.ended.wait(GRACE_SECONDS)
        self._folder.cleanup()

    def _waiting(self) -> list[_Job]:
        return [job for job in self._jobs.values() if job.state is JobState.WAITING]

    def _running(self) -> list[_Job]:
        return [job for job in self._jobs.values() if job.state is JobState.RUNNING]

    def _start_waiting(self) -> None:
        while not self._is_closed and self._waiting() and len(self._running()) < self.max_running:
            self._launch(self._waiting()[0])

    def _launch(self, job: _Job) -> None:
        job.started = time.monotonic()
        try:
            job.process = start_group(job.command, job.log)
        except OSError as error:
            job.problem = f"{job.title} {why_not_started(error)}"
            _conclude(job, JobState.FAILED)
            return
        job.state = JobState.RUNNING
        threading.Thread(target=self._watch, args=(job, job.process), name=f"job {job.key}", daemon=True).start()

    def _watch(self, job: _Job, process: "subprocess.Popen[bytes]") -> None:
        """Wait for the end of a job, and note it."""
        status = wait_for_group(process)
        with self._lock:
            if job.is_cancelled:
                state = JobState.CANCELLED
            else:
                state = JobState.DONE if status == 0 else JobState.FAILED
                job.problem = "" if status == 0 else why_it_failed(status, job.log)
            _conclude(job, state)
            self._start_waiting()

    def _forget_oldest(self) -> None:
        ended = [key for key, job in self._jobs.items() if job.ended.is_set()]
        for key in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self._jobs[key]

    def _status(self, job: _Job) -> JobStatus:
        status = JobStatus(state=job.state, seconds=job.seconds, problem=job.problem)
        if job.state is JobState.WAITING:
            n_ahead = len(self._running()) + self._waiting().index(job)
            return replace(status, n_ahead=n_ahead, seconds_left=job.expected_seconds)
        return _how_far(job, status) if job.state is JobState.RUNNING else status


def report_to(path: Path) -> Callable[[Progress], None]:
    """Return what writes a job's progress to ``path``, counts at least ``LEAST_SECONDS_BETWEEN_REPORTS`` apart."""
    last = -LEAST_SECONDS_BETWEEN_REPORTS

    def report(progress: Progress) -> None:
        nonlocal last
        is_stage = progress.until > progress.fraction
        if is_stage or time.monotonic() - last >= LEAST_SECONDS_BETWEEN_REPORTS:
            write_atomically(path, progress.to_json().encode())
            last = time.monotonic()

    return report


def _conclude(job: _Job, state: JobState) -> None:
    job.state = state
    job.seconds = time.monotonic() - job.started if job.started else 0.0
    job.ended.set()


def jobs_at_once() -> int:
    """Return how many jobs may run at once, by the cores that this process may use."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, n_cores // CORES_PER_JOB)


def why_not_started(error: OSError) -> str:
    """Say why a process could not be started, after what it is called."""
    return f"could not be started ({error.strerror or error}). Check memory and disk, try again."


def _how_far(job: _Job, status: JobStatus) -> JobStatus:
    seconds = time.monotonic() - job.started
    said = _said(job.progress)
    if said is None:
        left = None if job.expected_seconds is None else max(job.expected_seconds - seconds, 0.0)
        return replace(status, what="starting", seconds=seconds, seconds_left=left)
    progress, age = said
    fraction = progress.fraction_after(age)
    # Before anything was counted, what was expected is worth more than the first moments.
    left = seconds * (1 - fraction) / fraction if fraction > LEAST_TELLING else job.expected_seconds
    return replace(status, what=progress.what, fraction=fraction, seconds=seconds, seconds_left=left)


def _said(path: Path) -> tuple[Progress, float] | None:
    """Return what a job said last, and how many seconds ago; None before it said anything."""
    try:
        return Progress.from_json(read_json_text(path)), time.time() - path.stat().st_mtime
    except (CheckpointError, OSError, KeyError, TypeError, ValueError):
        return None


def jobs_of_app() -> Jobs:
    """Return the jobs of this process, which end with it."""
    with _MAKING:
        return _made()


_MAKING = threading.Lock()


@cache
def _made() -> Jobs:
    jobs = Jobs()
    atexit.register(jobs.close)
    return jobs
