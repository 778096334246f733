"""From a name in a request to the run, without a file being touched on the event loop."""

import asyncio
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import final

from explorer.runs.listing import open_run
from explorer.runs.run import check_name
from explorer.serving.blocking import BlockingCalls, in_time
from explorer.serving.run_cache import LoadedRun, RunCache

LOOK_SECONDS = 10.0
"""How long a request waits for the folder of its run: a spinning disk that wakes up takes less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    outcome: "Future[LoadedRun | None]"
    until: float


@final
class RunLookup:
    """Finds runs for requests. However many ask for a run, one thread looks at its files at a time."""

    def __init__(self, run_cache: RunCache, calls: BlockingCalls) -> None:
        """Find runs in ``run_cache``, by way of ``calls`` where files are to be looked at."""
        self._run_cache = run_cache
        self._calls = calls
        self._looks: dict[str, _Look] = {}

    async def recent(self, name: str) -> LoadedRun:
        """Return the run called ``name`` as it was within the last ``run_cache.RECENT_SECONDS``, mostly at once.

        Raises:
            CheckpointError: if there is no such run, or its config.json is damaged.
            RequestError: 503 if its files do not answer.
        """
        return self._run_cache.recent(name) or await self.look(name)

    async def look(self, name: str) -> LoadedRun:
        """Return the run called ``name`` as its files are now.

        Raises:
            CheckpointError: if there is no such run, or its config.json is damaged.
            RequestError: 503 if its files do not answer.
        """
        look = self._looks.get(check_name(name)) or self._begin(name)
        remaining = max(0.0, look.until - time.monotonic())
        # Others may wait for the same look, so nobody ends it.
        loaded = await in_time(asyncio.shield(asyncio.wrap_future(look.outcome)), remaining, name)
        return await self._unknown(name) if loaded is None else loaded

    def _begin(self, name: str) -> _Look:
        look = _Look(
            outcome=self._calls.submit(f"look {name}", partial(self._run_cache.run_if_there, name)),
            until=time.monotonic() + LOOK_SECONDS,
        )
        self._looks[name] = look
        look.outcome.add_done_callback(lambda _: self._looks.pop(name, None))
        return look

    async def _unknown(self, name: str) -> LoadedRun:
        # The words list the runs that there are, so a run that hangs holds these too: they have threads of their own.
        run = await self._calls.result("", partial(open_run, name, self._run_cache.checkpoints), LOOK_SECONDS)
        return await self._calls.result("", partial(self._run_cache.run, run.name), LOOK_SECONDS)
