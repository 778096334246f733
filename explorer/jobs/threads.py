"""Computations of a few seconds beside the pages: one thread, progress, cancelling, and results that are kept.

What takes longer, or must outlive the app, is a process of its own: see ``explorer/jobs/process_queue.py``.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Generic, TypeVar

from explorer.jobs.progress import OnProgress, Progress

MAX_KEPT = 32
"""Errands whose results are kept, the last ones asked for."""

T = TypeVar("T")
Work = Callable[[OnProgress, Callable[[], bool]], T]
"""What an errand does: it tells its progress, asks now and then whether to stop, and returns its result."""


class Errand(Generic[T]):
    """One computation: waiting, under way, done, failed or given up."""

    def __init__(self) -> None:
        """Wait to be run."""
        self._result: Future[T] = Future()
        self._given_up = threading.Event()
        self.progress = Progress(what="waiting for its turn", fraction=0.0, until=0.0)

    @property
    def is_over(self) -> bool:
        """Whether there is a result, or an error, or it was given up."""
        return self._result.done()

    @property
    def is_given_up(self) -> bool:
        """Whether somebody said that its result is not wanted any more."""
        return self._given_up.is_set()

    def result(self, timeout: float | None = None) -> T:
        """Return the result, or raise the error, of an errand; wait for it ``timeout`` seconds at most.

        Raises:
            CancelledError: if it was given up.
            TimeoutError: if it is not over by then.
        """
        return self._result.result(timeout)

    def give_up(self) -> None:
        """Say that the result is not wanted any more: it ends when it next looks, with no result."""
        self._given_up.set()
        self._result.cancel()

    def run(self, work: Work[T]) -> None:
        """Do the work, unless it was given up before."""
        if not self._result.set_running_or_notify_cancel():
            return
        try:
            result = work(self._tell, self._given_up.is_set)
        except Exception as error:  # the thread must outlive any one errand; the error goes to who asks for the result
            self._result.set_exception(error)
        else:
            self._result.set_result(result)

    def _tell(self, progress: Progress) -> None:
        self.progress = progress


class Errands:
    """Runs errands one after another. Safe to use from any thread."""

    def __init__(self) -> None:
        """Begin without any; the thread starts with the first."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="errands")
        self._kept: OrderedDict[Hashable, Errand[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, key: Hashable, work: Work[T]) -> Errand[T]:
        """Return the errand called ``key``: the one that is there, however it went, or a new one that does ``work``."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = Errand()
                self._executor.submit(self._kept[key].run, work)
            self._kept.move_to_end(key)
            errand = self._kept[key]
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)[1].give_up()
        return errand

    def held(self, key: Hashable) -> Errand[Any] | None:
        """Return the errand called ``key`` if it was asked for and is kept."""
        with self._lock:
            return self._kept.get(key)

    def forget(self, key: Hashable) -> None:
        """Give the errand called ``key`` up, if it is not over, and begin anew when it is asked for again."""
        with self._lock:
            errand = self._kept.pop(key, None)
        if errand is not None:
            errand.give_up()


@lru_cache(maxsize=1)
def errands() -> Errands:
    """Return the errands of this process."""
    return Errands()
