"""Queries of a few seconds beside the pages: one thread, progress, cancelling, and results that are kept.

What takes longer, is stored, or must outlive the app is a process of its own: see ``explorer/jobs/process_queue.py``.
A query is not: it asks a run that is loaded here and hands back an object, where a process would load torch first.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from explorer.errors import ExplorerError
from explorer.jobs.progress import OnProgress, Progress
from explorer.jobs.status import JobState, JobStatus

MAX_KEPT = 32
"""Tasks whose results are kept, the last ones asked for."""

CANCELLED = "It was cancelled."

T = TypeVar("T")
Work = Callable[[OnProgress, Callable[[], bool]], T]
"""What a task does: it tells its progress, asks now and then whether to stop, and returns its result."""


class BackgroundTask(Generic[T]):
    """One computation: waiting, under way, done, failed or cancelled."""

    def __init__(self) -> None:
        """Wait to be run."""
        self._result: Future[T] = Future()
        self._cancelled = threading.Event()
        self.progress = Progress(what="waiting for its turn", fraction=0.0, until=0.0)

    @property
    def is_over(self) -> bool:
        """Whether its thread is done with it: there is a result, or an error, or it never began."""
        return self._result.done()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody said that its result is not wanted any more."""
        return self._cancelled.is_set()

    def status(self) -> JobStatus:
        """Return where it stands. A bug is no problem in words: ``result`` raises it."""
        now, problem = self.progress, ""
        if self.is_cancelled:
            state, problem = JobState.CANCELLED, CANCELLED
        elif not self._result.done():
            state = JobState.RUNNING if self._result.running() else JobState.WAITING
        elif (error := self._result.exception()) is not None:
            state, problem = JobState.FAILED, str(error) if isinstance(error, ExplorerError) else ""
        else:
            state = JobState.DONE
        return JobStatus(state=state, what=now.what, fraction=now.fraction, problem=problem)

    def result(self, timeout: float | None = None) -> T:
        """Return the result, or raise the error; wait for it ``timeout`` seconds at most.

        Raises:
            CancelledError: if it was cancelled before it began.
            TimeoutError: if it is not over by then.
        """
        return self._result.result(timeout)

    def outcome(self, patience: float = 0.0) -> T | JobStatus:
        """Return the result, or where it stands after ``patience`` seconds; an error that is a bug is raised."""
        if not self.is_cancelled:
            wait((self._result,), patience)
        status = self.status()
        return status if status.is_active or status.problem else self.result(0)

    def cancel(self) -> None:
        """Say that the result is not wanted any more: it ends when it next looks, with no result."""
        self._cancelled.set()
        self._result.cancel()

    def run(self, work: Work[T]) -> None:
        """Do the work, unless it was cancelled before."""
        if not self._result.set_running_or_notify_cancel():
            return
        try:
            result = work(self._tell, self._cancelled.is_set)
        except Exception as error:  # the thread must outlive any one task; the error goes to who asks for the result
            self._result.set_exception(error)
        else:
            self._result.set_result(result)

    def _tell(self, progress: Progress) -> None:
        self.progress = progress


class BackgroundTasks:
    """Runs tasks one after another. Safe to use from any thread."""

    def __init__(self) -> None:
        """Begin without any; the thread starts with the first."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background tasks")
        self._kept: OrderedDict[Hashable, BackgroundTask[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, key: Hashable, work: Work[T]) -> BackgroundTask[T]:
        """Return the task called ``key``: the one that is there, however it went, or a new one that does ``work``."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = BackgroundTask()
                self._executor.submit(self._kept[key].run, work)
            self._kept.move_to_end(key)
            task = self._kept[key]
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)[1].cancel()
        return task

    def held(self, key: Hashable) -> BackgroundTask[Any] | None:
        """Return the task called ``key`` if it was asked for and is kept."""
        with self._lock:
            return self._kept.get(key)

    def forget(self, key: Hashable) -> None:
        """Cancel the task called ``key``, if it is not over, and begin anew when it is asked for again."""
        with self._lock:
            task = self._kept.pop(key, None)
        if task is not None:
            task.cancel()


@lru_cache(maxsize=1)
def background_tasks() -> BackgroundTasks:
    """Return the tasks of this process."""
    return BackgroundTasks()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Query(Generic[T]):
    """Something to be computed beside the pages: begun when it is first looked at, and kept.

    Attributes:
        key: that tells it from all others.
        title: what it is called.
        work: computes it.
    """

    key: Hashable
    title: str
    work: Work[T]

    def task(self) -> BackgroundTask[T]:
        """Return its task, asked for now if it was not yet."""
        return background_tasks().ask(self.key, self.work)

    def start(self) -> None:
        """Begin anew, unless it is under way."""
        if not self.status().is_active:
            background_tasks().forget(self.key)
            self.task()

    def status(self) -> JobStatus:
        """Return where it stands."""
        return self.task().status()

    def cancel(self) -> None:
        """End it, with no result."""
        self.task().cancel()
