"""Runs that were deleted and can be brought back for a week: moved to ``.trash`` in their folder, whole and at once."""

import shutil
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from explorer.errors import CheckpointError
from explorer.files import read_bounded, sync_folder, write_atomically
from explorer.locations import check_may_write
from explorer.runs.lock import training_lock
from explorer.runs.run import NAME, Run
from explorer.strict_json import dump_json, parse_json

FOLDER = ".trash"
NOTE = ".discarded"
KEPT_SECONDS = 7 * 24 * 3600.0

_MAX_NOTE_BYTES = 1024
_MAX_TIME = 2**35
"""The year 3058, which every calendar here can still write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Discarded:
    """A run in the trash.

    Attributes:
        name: that it had.
        path: where its folder is now.
        time: when it was deleted, in seconds since 1970; 0 where that is not known.
    """

    name: str
    path: Path
    time: float


def discard(run: Run) -> Discarded:
    """Move ``run`` to the trash; a place in the queue for training is given up.

    Raises:
        TrainingError: if it is being trained.
        CheckpointError: if it is not there or cannot be moved.
        ReadOnlyError: if this app only shows what is there.
    """
    check_may_write(f"Deleting {run.name}")
    with training_lock(run):  # refuses in words; given up before the move, which an open file would hinder on Windows
        job = run.job()
        if job is not None and job.is_waiting:
            run.forget_job()
        now = time.time()
        write_atomically(run.path / NOTE, dump_json({"time": now}).encode())
    trash = run.path.parent / FOLDER
    try:
        trash.mkdir(exist_ok=True)
        path = _move_to_free_place(run, trash)
    except OSError as error:
        raise CheckpointError(
            f"{run.name} could not be deleted ({error.strerror or error}). Check the permissions of "
            f"{run.path.parent} and try again."
        ) from error
    return Discarded(name=run.name, path=path, time=now)


def restore(discarded: Discarded) -> Run:
    """Move a run back to where it was.

    Raises:
        CheckpointError: if another run has its name by now, or it is no longer in the trash.
        ReadOnlyError: if this app only shows what is there.
    """
    check_may_write(f"Restoring {discarded.name}")
    place = discarded.path.parent.parent / discarded.name
    if place.exists():
        raise CheckpointError(
            f"{discarded.name} cannot be restored: there is another run of that name. Delete or rename that one first."
        )
    try:
        discarded.path.rename(place)  # onto a folder with anything in it, made just now, it fails
        (place / NOTE).unlink(missing_ok=True)
        sync_folder(place.parent)
    except FileNotFoundError as error:
        raise CheckpointError(f"{discarded.name} is no longer in the trash: it was restored or removed.") from error
    except OSError as error:
        raise CheckpointError(f"{discarded.name} could not be restored ({error.strerror or error}).") from error
    return Run(place)


def discarded_runs(checkpoints: Path) -> list[Discarded]:
    """Return the runs in the trash of ``checkpoints``, the latest first."""
    folders = [path for path in (checkpoints / FOLDER).glob("*.*") if path.is_dir()]
    named = [(path, *path.name.rpartition(".")[::2]) for path in folders]
    found = [
        Discarded(name=name, path=path, time=_time_of(path))
        for path, name, number in named
        if NAME.fullmatch(name) and number.isdecimal()
    ]
    return sorted(found, key=lambda each: (each.time, each.path.name), reverse=True)


def purge(checkpoints: Path, kept_seconds: float = KEPT_SECONDS) -> list[str]:
    """Remove for good what has been in the trash for longer than ``kept_seconds``, and return the names.

    What bears no time, or one that is yet to come, is kept.

    Raises:
        ReadOnlyError: if this app only shows what is there.
    """
    check_may_write("Emptying the trash")
    for leftover in (checkpoints / FOLDER).glob(".*.removed"):  # of a process that was killed here
        shutil.rmtree(leftover, ignore_errors=True)
    old = [each for each in discarded_runs(checkpoints) if each.time and time.time() - each.time > kept_seconds]
    for each in old:
        # Out of the list first: half a folder is never restored.
        removed = each.path.with_name(f".{each.path.name}.removed")
        each.path.rename(removed)
        shutil.rmtree(removed)
    return [each.name for each in old]


def _move_to_free_place(run: Run, trash: Path) -> Path:
    for number in count(1):
        place = trash / f"{run.name}.{number}"
        if place.exists():
            continue
        run.path.rename(place)
        break
    sync_folder(trash)
    sync_folder(trash.parent)
    return place


def _time_of(path: Path) -> float:
    try:
        when = float(parse_json(read_bounded(path / NOTE, _MAX_NOTE_BYTES).decode())["time"])
    except (CheckpointError, ValueError, KeyError, TypeError):
        return 0.0
    return when if 0 <= when < _MAX_TIME else 0.0
