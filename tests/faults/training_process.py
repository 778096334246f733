"""Training in a process of its own, started quickly, frozen while it writes, and killed.

A fork server imports torch once; each process is then the command line as ``python -m explorer`` runs it.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from explorer.runs.run import Run

SECONDS = 60
NUMBERS = count()
PROCESSES = multiprocessing.get_context("forkserver")
# torch._dynamo is what the first optimiser of a process imports.
PROCESSES.set_forkserver_preload(
    ["torch._dynamo", "sklearn.datasets", "explorer.__main__", "explorer.training.trainer"]
)


def command_line(arguments: list[str], log: Path) -> None:
    """Run a command as ``python -m explorer`` would, with its messages in ``log``."""
    import torch

    from explorer.__main__ import main

    torch.set_num_threads(1)
    with log.open("w") as sys.stderr:
        sys.argv = ["explorer", *arguments]
        main()


class TrainingProcess:
    """``train`` with some options, until it ends or is killed."""

    def __init__(self, run: Path, *options: str) -> None:
        self.run, self.log = run, run.parent / f"messages-{next(NUMBERS)}.txt"
        arguments = ["train", *options, "--checkpoints", str(run.parent)]
        self.process = PROCESSES.Process(target=command_line, args=(arguments, self.log), daemon=True)
        self.process.start()

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

    def kill_when(self, seen: Callable[[], list[Path]]) -> list[Path]:
        """Kill it in a moment in which ``seen()`` is not empty, and return what was seen: it is frozen to look."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            assert self.process.is_alive(), self.log.read_text()
            if seen():
                self._signal(signal.SIGSTOP, "T")
                found = seen()
                if found:
                    self.kill()
                    return found
                self._signal(signal.SIGCONT, "RSD")
        raise AssertionError(f"nothing was seen in {SECONDS} s; messages: {self.log.read_text()}")

    def kill_in_a_save(self, file: str = "*") -> str:
        """Kill it while a file of its run is half written, and return that file's name."""
        pattern = f".{file}.{self.process.pid}.tmp"
        (half_written, *_) = self.kill_when(lambda: list(self.run.glob(pattern)))
        return half_written.name.removeprefix(".").removesuffix(f".{self.process.pid}.tmp")

    def kill_in_the_making(self) -> None:
        """Kill it while the folder of its new run is not yet in place."""
        self.kill_when(lambda: list(self.run.parent.glob(f".{self.run.name}.{self.process.pid}-*.new")))

    def _signal(self, number: signal.Signals, states: str) -> None:
        pid = self.process.pid
        assert pid is not None
        os.kill(pid, number)
        status = Path(f"/proc/{pid}/stat")
        while status.read_text().rpartition(")")[2].split()[0] not in states:
            time.sleep(0)
