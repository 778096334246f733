"""Training in a process of its own, started quickly, frozen while it writes, and killed."""

import os
import random
import signal
import sys
import threading
import time
from fnmatch import fnmatch
from itertools import count
from pathlib import Path

from explorer.runs.run import Run
from tests.forked import command_line, forked

SECONDS = 60
LONGEST_WRITE = 0.004
"""Seconds that the save of a small run takes, its sync included: the freeze falls anywhere in it."""

MOMENTS = random.Random(0)
NUMBERS = count()


class Freezer:
    """Stops its own process in the midst of a write: after what is written came to be, before it gets its name.

    Looked for from outside, such a moment lasts a millisecond, and the one save of its kind is missed when the machine
    is busy with something else. The interpreter itself tells of both ends (PEP 578): a thread stops the process a few
    milliseconds after the first, at any point of the write, and the rename waits for it.

    Args:
        pattern: of the path of the file or folder, in the manner of a shell.
        n_before: so many that match are let pass.
        seconds: between the file's coming to be and the stop.
    """

    def __init__(self, pattern: str, n_before: int, seconds: float) -> None:
        self.pattern, self.n_before, self.seconds = pattern, n_before, seconds
        self.stopped: threading.Thread | None = None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("open", "os.mkdir", "os.rename") or not fnmatch(str(arguments[0]), self.pattern):
            return
        if event == "os.rename":
            if self.stopped is not None:
                self.stopped.join()
        elif self.n_before:
            self.n_before -= 1
        elif self.stopped is None:
            self.stopped = threading.Thread(target=self.stop, args=(Path(str(arguments[0])),))
            self.stopped.start()

    def stop(self, path: Path) -> None:
        while not path.exists():
            time.sleep(0)
        time.sleep(self.seconds)
        os.kill(os.getpid(), signal.SIGSTOP)


def train(arguments: list[str], frozen: tuple[str, int, float] | None) -> None:
    """Run the command, frozen where a pattern says."""
    if frozen is not None:
        pattern, n_before, seconds = frozen
        sys.addaudithook(Freezer(pattern.format(pid=os.getpid()), n_before, seconds))
    command_line("train", *arguments)


class TrainingProcess:
    """``train`` with some options, until it ends or is killed.

    Args:
        run: its folder.
        options: of the command.
        frozen_in: the file of the run in whose save it is to be frozen, as a shell's pattern.
        frozen_in_the_making: freeze it while the folder of the new run is not yet in place.
        n_before: so many saves are let pass first.
    """

    def __init__(
        self,
        run: Path,
        *options: str,
        frozen_in: str | None = None,
        frozen_in_the_making: bool = False,
        n_before: int = 0,
    ) -> None:
        self.run, self.log = run, run.parent / f"messages-{next(NUMBERS)}.txt"
        arguments = [*options, "--checkpoints", str(run.parent)]
        pattern = f"{run}/.{frozen_in}.{{pid}}.tmp" if frozen_in else f"{run.parent}/.{run.name}.{{pid}}-*.new"
        is_frozen = frozen_in is not None or frozen_in_the_making
        frozen = (pattern, n_before, MOMENTS.uniform(0.0, LONGEST_WRITE)) if is_frozen else None
        self.process = forked(self.log, train, arguments, frozen)

    def finish(self) -> None:
        self.process.join(SECONDS)
        assert self.process.exitcode == 0, self.log.read_text()

    def fail(self) -> str:
        """Wait until it ended as a command does that could not be done, and return what it said."""
        self.process.join(SECONDS)
        said = self.log.read_text()
        assert self.process.exitcode == 1, said
        assert "Traceback" not in said
        return said

    def wait_for_epoch(self, epoch: int) -> None:
        """Wait until this epoch is in the run's history."""
        deadline = time.monotonic() + SECONDS
        while len(Run(self.run).history()) < epoch:
            assert self.process.is_alive(), self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.join(SECONDS)
        assert self.process.exitcode == -signal.SIGKILL

    def kill_after(self, seconds: float) -> None:
        time.sleep(seconds)
        self.kill()

    def kill_in_a_save(self) -> str:
        """Wait until it is frozen in a save, kill it, and return the name of the file that is half written."""
        self._wait_until_frozen()
        suffix = f".{self.process.pid}.tmp"
        (half_written,) = self.run.glob(f".*{suffix}")
        self.kill()
        return half_written.name.removeprefix(".").removesuffix(suffix)

    def kill_in_the_making(self) -> None:
        """Wait until it is frozen while the folder of its new run is not yet in place, and kill it."""
        self._wait_until_frozen()
        (_unfinished,) = self.run.parent.glob(f".{self.run.name}.{self.process.pid}-*.new")
        self.kill()

    def _wait_until_frozen(self) -> None:
        status, deadline = Path(f"/proc/{self.process.pid}/stat"), time.monotonic() + SECONDS
        while status.read_text().rpartition(")")[2].split()[0] != "T":
            assert self.process.is_alive(), self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.002)
