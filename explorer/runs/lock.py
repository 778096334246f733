"""One trainer for a run: a lock that is gone with the process that holds it, however that ends.

It is the operating system's lock on the file ``.lock`` in the run folder; what the file says is only for the message.
A file without its lock means nothing. Where the file system has no locks, the process that the file names is looked
for instead: that holds between processes of one machine that do not start within the same moment, and no further.
"""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from explorer.errors import CheckpointError, TrainingError
from explorer.files import read_bounded
from explorer.jobs.processes import is_alive, mark_of
from explorer.runs.run import Run
from explorer.strict_json import dump_json, parse_json

FILE = ".lock"
PATIENCE_SECONDS = 0.5
"""Who looks whether a run is locked holds a shared lock for a moment: a trainer tries again for so long."""

FOLDER_PATIENCE_SECONDS = 10.0

_MAX_BYTES = 1024
_MAX_PID, _MAX_TIME = 2**31, 2**35
"""More than any system gives, and the year 3058: beyond them neither is one."""

_HELD = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # a locked byte cannot be read there: one that is behind the text

    def _lock(descriptor: int, *, is_shared: bool) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, *, is_shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


class HeldLock:
    """The lock of a run, as its holder sees it."""

    def __init__(self, run: Run, descriptor: int) -> None:
        """Take note of what is held: the file behind ``descriptor``."""
        self._run, self._file = run, os.fstat(descriptor)

    def check(self) -> None:
        """Check that the run folder is still the one that was locked.

        Raises:
            CheckpointError: if it was deleted or moved, or another one is in its place.
        """
        try:
            found = (self._run.path / FILE).stat()
        except OSError:
            found = None
        if found is None or not os.path.samestat(found, self._file):
            raise CheckpointError(
                f"The folder of {self._run.name} was deleted, moved or replaced while it was being trained: training "
                "ends, and writes nothing more. Restore the folder to go on from what was saved last."
            )


@contextmanager
def training_lock(run: Run) -> Iterator[HeldLock]:
    """Hold the lock of ``run`` within the block.

    Raises:
        TrainingError: if another process, or another part of this one, holds it.
        CheckpointError: if the folder is not there or cannot be written to.
    """
    descriptor = _opened(run.path / FILE)
    try:
        if not _locked_soon(descriptor, run):
            raise TrainingError(f"{run.name} is being trained by {_holder(run)}. Stop it first.")
        _say(descriptor, dump_json({"pid": os.getpid(), "mark": mark_of(os.getpid()), "since": time.time()}))
        try:
            yield HeldLock(run, descriptor)
        finally:
            _say(descriptor, "")
    finally:
        os.close(descriptor)


@contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Hold the lock on the file ``path``, which is made, within the block; wait while another one holds it.

    For what takes a moment. On a file system without locks it keeps nobody away.

    Raises:
        CheckpointError: if the file cannot be made, or another one holds it for ten seconds.
    """
    descriptor = _opened(path)
    try:
        deadline = time.monotonic() + FOLDER_PATIENCE_SECONDS
        while _try_to_lock(descriptor) is False:
            if time.monotonic() > deadline:
                raise CheckpointError(f"{path} is locked by a process that does not go on. End the other app.")
            time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def is_being_trained(run: Run) -> bool:
    """Whether a process holds the lock of ``run``; nobody is kept from anything by looking."""
    try:
        descriptor = os.open(run.path / FILE, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would never answer
    except OSError:
        return False  # nobody ever trained it here, or it is gone
    try:
        is_free = _try_to_lock(descriptor, is_shared=True)
    finally:
        os.close(descriptor)
    return _is_named_process_alive(run) if is_free is None else not is_free


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CheckpointError(
            f"{path} could not be opened ({error.strerror or error}). Check that its folder is there and can be "
            "written to."
        ) from error


def _locked_soon(descriptor: int, run: Run) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        is_free = _try_to_lock(descriptor)
        if is_free is None:
            return not _is_named_process_alive(run)
        if is_free or time.monotonic() > deadline:
            return is_free
        time.sleep(0.01)


def _try_to_lock(descriptor: int, *, is_shared: bool = False) -> bool | None:
    """Return whether the lock was taken; None where the file system has none."""
    try:
        _lock(descriptor, is_shared=is_shared)
    except OSError as error:
        if error.errno in _HELD:
            return False
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def _say(descriptor: int, text: str) -> None:
    """Write ``text`` into the file; where the disk is full the lock holds without, and names nobody."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text.encode())


def _said(run: Run) -> tuple[int, str, float] | None:
    """Return the process, its mark and the time that the file names; None where it names none."""
    try:
        said = parse_json(read_bounded(run.path / FILE, _MAX_BYTES).decode())
        pid, mark, since = int(said["pid"]), str(said["mark"]), float(said["since"])
    except (CheckpointError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return (pid, mark, since) if 0 < pid < _MAX_PID and 0 <= since < _MAX_TIME else None


def _is_named_process_alive(run: Run) -> bool:
    said = _said(run)
    return said is not None and is_alive(said[0], said[1])


def _holder(run: Run) -> str:
    """Name who trains the run, for a message: it may be saying so just now, and then has no name."""
    said = _said(run)
    if said is None:
        return "another process"
    since = datetime.fromtimestamp(said[2])
    is_today = since.date() == datetime.now().date()
    return f"process {said[0]} since {since:{'%H:%M' if is_today else '%Y-%m-%d %H:%M'}}"
