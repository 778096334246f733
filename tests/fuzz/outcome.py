"""What a round of fuzzing came to, and what must never happen in it."""

import faulthandler
import re
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

HANG_SECONDS = 10.0
"""A case that takes longer hangs."""

GIVE_UP = 6
"""After so many times that, where a case does not end when it is told to, the process says where it stands and ends."""

MAX_MEMORY = 2 * 1024**3
MAX_SHOWN = 5


class HangError(BaseException):
    """A case took longer than any should; no handler of errors may take it for one of its own."""


@dataclass(kw_only=True, slots=True)
class Outcome:
    """Counts of a round.

    Attributes:
        what: its cases are, in the plural.
        n: cases.
        answers: how often each good ending occurred, by its name.
        faults: what must not happen, in words, a line each.
        patience: seconds after which a case hangs.
    """

    what: str
    n: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    patience: float = HANG_SECONDS
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def case(self, name: str) -> Iterator[None]:
        """Count a case called ``name``; an exception that leaves it, or that it hangs, is a fault."""
        self.n += 1
        signal.signal(signal.SIGALRM, _stop)
        signal.setitimer(signal.ITIMER_REAL, self.patience)
        faulthandler.dump_traceback_later(GIVE_UP * self.patience, exit=True)
        try:
            yield
        except HangError as hung:
            where = "".join(traceback.format_tb(hung.__traceback__, limit=-8))
            self.faults.append(f"{name}: no end within {self.patience:g} s\n{where}")
        except Exception:  # that any may come is what is looked for
            self.faults.append(f"{name}: {traceback.format_exc(limit=-6)}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()

    def finish(self, memory: int | None = None) -> int:
        """Print the counts and return the exit status: 0 if nothing happened that must not.

        Args:
            memory: the most that was held, in bytes, where that was another process.
        """
        held = peak_memory() if memory is None else memory
        if held > MAX_MEMORY:
            self.faults.append(f"{held / 1e6:,.0f} MB were held; at most {MAX_MEMORY / 1e6:,.0f} may be")
        seconds = time.monotonic() - self.started
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(self.answers.items()))
        print(
            f"{self.n:,} {self.what} in {seconds:,.0f} s: {counts or 'nothing counted'}; {len(self.faults):,} faults; "
            f"{held / 1e6:,.0f} MB at most"
        )
        for fault in self.faults[:MAX_SHOWN]:
            print(f"\nFAULT {fault}", file=sys.stderr)
        return 1 if self.faults else 0


def peak_memory() -> int:
    """Return the most memory that this process has held so far, in bytes.

    On Linux getrusage counts what its parent held when it was started, so the process's own status goes first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])  # type: ignore[index]  # it is there
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def limit_memory(n_bytes: int = 2 * MAX_MEMORY) -> None:
    """Have this process fail rather than take the machine's memory."""
    resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, n_bytes))


def _stop(_: int, __: FrameType | None) -> None:
    raise HangError
