"""Calls that may block, beside the event loop: a disk that does not answer holds a few threads, and never the server.

Threads of a pool would not do: a pool that the hung calls of one run have filled serves no other run, and Python waits
for its threads before it ends.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar, final

from explorer.serving.answers import RequestError

T = TypeVar("T")

THREADS_PER_KEY = 4
"""Calls of one run at once: more would wait for the interpreter, and these are what a run that hangs can hold."""

MAX_THREADS = 64
"""Calls at once: 16 runs may hang before others wait."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Call:
    key: str
    function: Callable[[], Any]
    outcome: "Future[Any]" = field(default_factory=Future)

    def make(self) -> None:
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            result = self.function()
        except BaseException as error:  # it belongs to whoever waits; this thread goes on to the next call
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)


@final
class BlockingCalls:
    """Makes calls in threads of their own, at most ``THREADS_PER_KEY`` for a key; others wait their turn."""

    def __init__(self) -> None:
        """Make none yet."""
        self._waiting: list[_Call] = []
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    def submit(self, key: str, function: Callable[[], T]) -> "Future[T]":
        """Call ``function`` in a thread; do not wait.

        Args:
            key: what may hang: a run's name.
            function: to be called.
        """
        call = _Call(key=key, function=function)
        with self._lock:
            self._waiting = [other for other in self._waiting if not other.outcome.cancelled()]
            self._waiting.append(call)
            first = self._next() if self._under_way.total() < MAX_THREADS else None
        if first is not None:
            threading.Thread(target=self._make_calls, args=(first,), name=f"blocking {key}", daemon=True).start()
        return call.outcome

    async def result(self, key: str, function: Callable[[], T], seconds: float) -> T:
        """Return what ``function`` returns, called in a thread.

        Raises:
            RequestError: 503 if it has not returned after so many ``seconds``.
        """
        return await in_time(asyncio.wrap_future(self.submit(key, function)), seconds, key)

    def _make_calls(self, call: _Call | None) -> None:
        while call is not None:
            call.make()
            with self._lock:
                self._under_way[call.key] -= 1
                self._under_way += Counter()  # forgets the keys that have none left
                call = self._next()

    def _next(self) -> _Call | None:
        for k, call in enumerate(self._waiting):
            if self._under_way[call.key] < THREADS_PER_KEY:
                self._under_way[call.key] += 1
                return self._waiting.pop(k)
        return None


async def in_time(answer: "asyncio.Future[T]", seconds: float, name: str) -> T:
    """Return ``answer`` when it is there.

    Raises:
        RequestError: 503 if it is not there after so many ``seconds``; ``name`` is the run, "" for all of them.
    """
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError as error:
        what = f"The files of {name}" if name else "The folder of runs"
        raise RequestError(
            503,
            f"{what} did not answer in time. Is the disk or the network mount that holds them there? Try again in a "
            "moment.",
        ) from error
