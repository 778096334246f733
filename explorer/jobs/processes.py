"""Process groups: started so that they end with whoever started them, ended whole, and their failure told in words.

A group ends with its starter however that ends. It holds one end of a pipe which is the group's standard input; when
the starter is gone, even killed, the input ends, upon which the group's first process kills them all.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from explorer.errors import CheckpointError
from explorer.files import open_regular
from explorer.locations import ROOT

HAS_GROUPS = os.name == "posix"
MAX_LOG_BYTES = 8192
N_LOG_LINES = 5

_ENDS_WITH_STDIN = "EXPLORER_ENDS_WITH_STDIN"


def sleep_while_waiting() -> None:
    """Have torch's threads sleep while they wait for one another, where nobody chose otherwise; before torch is loaded.

    OpenMP's threads spin by default. With one more busy process on two cores, MNIST then got through no epoch of
    784-400-20 in 100 s; asleep, it took 9 to 16 s for one, and 7 to 9 s beside nothing.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def start_group(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start ``command`` in the project's folder as the first of a process group, its output in ``log``.

    Raises:
        OSError: if it cannot be started.
    """
    with _opened_log(log) as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {_ENDS_WITH_STDIN: "1"},
            stdin=subprocess.PIPE,  # never written to: it ends when we do
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _step_back(process.pid)
    return process


def _opened_log(log: Path) -> BinaryIO:
    """Open a log to be written anew; a pipe that nobody reads in its place is an error, and is not waited for."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(log, flags, 0o644), "wb")


def start_detached(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start ``command`` in the project's folder so that it outlives this process, its output in ``log``.

    Raises:
        OSError: if it cannot be started.
    """
    flags = 0 if HAS_GROUPS else subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined]  # Windows has them
    with _opened_log(log) as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=flags,
        )
    _step_back(process.pid)
    return process


def mark_of(pid: int) -> str:
    """Return what tells the process with this number from any other that ever had it; empty where there is none.

    One that has ended and was not waited for counts as none. Setting the clock does not change it on Linux, where it
    counts from the start of the machine.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        if sys.platform == "linux":
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            # Behind the name, which may hold anything: state is field 3, the start in clock ticks field 22.
            ticks = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
            return f"{boot}:{ticks}"
        return f"{process.create_time():.2f}"
    except (psutil.Error, OSError, IndexError):
        return ""


def is_alive(pid: int, mark: str) -> bool:
    """Whether the process that had this number and mark still runs."""
    return bool(mark) and pid > 0 and mark_of(pid) == mark


def wait_for_group(process: "subprocess.Popen[bytes]") -> int:
    """Wait until ``process`` has ended, kill what it left behind, and return its exit status."""
    _wait_for_leader(process)
    end_group(process, is_urgent=True)
    status = process.wait()
    if process.stdin is not None:
        process.stdin.close()
    return status


def _step_back(pid: int) -> None:
    """Let the app go first where both want a core."""
    with suppress(psutil.Error, OSError):
        psutil.Process(pid).nice(5 if HAS_GROUPS else psutil.BELOW_NORMAL_PRIORITY_CLASS)


def _wait_for_leader(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process has ended, but leave its number taken: its group is known by that."""
    if HAS_GROUPS:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def end_group(process: "subprocess.Popen[bytes]", *, is_urgent: bool) -> None:
    """Ask a process and all that it started to end, or kill them if ``is_urgent``."""
    if process.returncode is not None:  # reaped: the number may be another's by now
        return
    if HAS_GROUPS:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL if is_urgent else signal.SIGTERM)
        return
    with suppress(psutil.NoSuchProcess):
        leader = psutil.Process(process.pid)
        for member in (*leader.children(recursive=True), leader):
            with suppress(psutil.NoSuchProcess):
                member.kill()


def why_it_failed(status: int | None, log: Path) -> str:
    """Say why a process failed: the sentence that it ended with, else its last lines.

    Args:
        status: that it exited with; None where nobody saw its end.
        log: what it printed.
    """
    try:
        with open_regular(log) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_LOG_BYTES))
            said = file.read(MAX_LOG_BYTES).decode(errors="replace")
    except CheckpointError:
        said = ""
    lines = [line.strip() for line in said.splitlines()]
    lines = [line for line in lines if line]
    if lines and lines[-1].startswith("Error: "):
        return lines[-1].removeprefix("Error: ")
    if status is None:
        said = f" The last it said: {' / '.join(lines[-N_LOG_LINES:])}" if lines else ""
        return f"Its process is gone, as when it is killed, memory runs out or the machine stops.{said}"
    if status < 0 and -status in {signal.SIGTERM, 9}:
        return (
            "Its process was killed from outside, as the system does when memory runs out. Close something, try again."
        )
    ending = " / ".join(lines[-N_LOG_LINES:]) or "it said nothing"
    return f"Its process ended with status {status}. The last it said: {ending}"


def end_with_app() -> None:
    """Have this process, if the app started it, kill its group once the app is gone."""
    # Taken out, so that a process that this one starts does not wait on an input that is not its own.
    if os.environ.pop(_ENDS_WITH_STDIN, None) is not None:
        threading.Thread(target=_end_at_end_of_input, name="end with app", daemon=True).start()


def _end_at_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    if HAS_GROUPS and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
