"""Estimates for the app: asked for without waiting, computed one at a time in a process of their own, and kept.

The process is started by the first question, because torch takes seconds to import, answers those that follow at once,
and is ended when nobody has asked for a while, when an answer takes too long, or with the app. It is no job of
``explorer/jobs``: a command would load torch for every answer, and wait in its queue behind a map; a query's thread
could not be ended when a step takes too long, nor run out of memory without the app.
"""

import json
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from functools import cache

from explorer.errors import ExplorerError, TrainingError
from explorer.locations import ROOT
from explorer.runs.config import RunConfig
from explorer.training.estimate import Estimate

ANSWER_SECONDS = 60.0
"""Time in which an answer must come; the first one waits for torch."""

IDLE_SECONDS = 120.0
"""Time after which the process is ended, and gives back its memory."""

FRESH_SECONDS = 30.0
"""Age from which an answer that is asked for is also measured anew: memory becomes free, and other work ends."""

MAX_KEPT = 256
MAX_WAITING = 16

Outcome = Estimate | ExplorerError


class Estimator:
    """Answers what a run would take; thread-safe. The latest question goes first."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        """Set how long an answer may take, and for how long the process waits for questions."""
        self._answer_seconds, self._idle_seconds = answer_seconds, idle_seconds
        self._changed = threading.Condition()
        self._kept: OrderedDict[str, tuple[Outcome, float]] = OrderedDict()
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._worker: subprocess.Popen[str] | None = None

    @property
    def is_working(self) -> bool:
        """Whether its process runs, or is about to."""
        with self._changed:
            return self._thread is not None

    def ask(self, config: RunConfig, n_train: int, n_validation: int) -> Outcome | None:
        """Return the estimate for ``config``, or why there is none; None while none was computed yet: ask again.

        Args:
            config: of the run; its seed and the number of its epochs make no difference.
            n_train: images of its data set to train on.
            n_validation: images to validate on.
        """
        request = _request(config, n_train, n_validation)
        with self._changed:
            outcome, since = self._kept.get(request, (None, 0.0))
            if outcome is not None and time.monotonic() - since < FRESH_SECONDS:
                return outcome
            self._waiting.setdefault(request)
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popitem(last=False)
            if self._thread is None:
                self._thread = threading.Thread(target=self._answer_all, name="estimates", daemon=True)
                self._thread.start()
            self._changed.notify()
        return outcome

    def _answer_all(self) -> None:
        while (request := self._next()) is not None:
            outcome = self._answer(request)
            with self._changed:
                self._waiting.pop(request, None)
                self._kept[request] = (outcome, time.monotonic())
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)

    def _next(self) -> str | None:
        """Return the latest question; None, and the end of the process, if none comes for a while."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._waiting), self._idle_seconds):
                self._thread = None
                self._end_worker()
                return None
            return next(reversed(self._waiting))

    def _answer(self, request: str) -> Outcome:
        worker = self._worker = self._worker or _started()
        assert worker.stdin is not None
        assert worker.stdout is not None
        limit = threading.Timer(self._answer_seconds, worker.kill)
        limit.start()
        try:
            worker.stdin.write(request + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except OSError:
            line = ""
        finally:
            limit.cancel()
        if not line:
            self._end_worker()
            return TrainingError(
                f"How long this takes could not be estimated: no answer within {self._answer_seconds:g} s, or not "
                "enough memory for a step. It can be trained all the same; a smaller batch or network is faster."
            )
        answer = json.loads(line)
        if "error" in answer:
            return TrainingError(answer["error"])
        return Estimate(
            epoch_seconds=tuple(answer["epoch_seconds"]),
            once_seconds=answer["once_seconds"],
            step_bytes=answer["step_bytes"],
        )

    def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.communicate()


@cache
def estimator_of_app() -> Estimator:
    """Return the one estimator of this process: what one session asked, no other waits for."""
    return Estimator()


def _started() -> "subprocess.Popen[str]":
    """Start the process; what it says of a bug goes where ours does."""
    return subprocess.Popen(
        [sys.executable, "-m", "explorer.training.estimate"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _request(config: RunConfig, n_train: int, n_validation: int) -> str:
    """Return the question as it is sent; what makes no difference is the same in all."""
    training = config.training.model_copy(update={"epochs": 1, "seed": 0, "decoder_from": None})
    plain = config.model_copy(update={"training": training})
    return json.dumps({"config": plain.model_dump(mode="json"), "n_train": n_train, "n_validation": n_validation})
