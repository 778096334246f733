"""Reading with bounds and writing atomically: nobody ever sees half a file, and nothing read is believed unseen.

Whatever is read of a folder of runs goes through ``open_regular``: a folder may have been copied from anywhere, and
what has the name of a file may be a pipe that never answers, a device without an end, or a file that grows while it is
read.
"""

import errno
import hashlib
import io
import json
import os
import stat
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from explorer.errors import CheckpointError, MissingFileError

MAX_JSON_BYTES = 64 * 1024
MAX_HEADER_BYTES = 4 * 1024 * 1024
RESTORE = "Restore it from a copy, or move the folder out of the folder of runs."
AGAIN = "Delete it: it can be computed again."


def _replace_anyway() -> None:
    """Ask nothing."""


def write_atomically(
    path: Path, content: bytes, *, is_lasting: bool = True, before_replacing: Callable[[], None] = _replace_anyway
) -> None:
    """Replace ``path`` by ``content`` so that a reader, or a crash at any moment, sees the old file or the new one.

    Args:
        path: of the file.
        content: of the file.
        is_lasting: whether it must survive a power cut too, which costs milliseconds.
        before_replacing: is called when the new file is written, beside the old one; what it raises leaves that as it
            was. Asked before the writing, a folder could be replaced by another one meanwhile.

    Raises:
        CheckpointError: if it cannot be written (no such folder, no permission, no space); the old file is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            if is_lasting:
                os.fsync(file.fileno())
        before_replacing()
        temporary.replace(path)
        if is_lasting:
            sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{path} could not be written: {error.strerror or error}. Check the folder and the space on its disk."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def is_folder(path: Path) -> bool:
    """Return whether there is a folder at ``path``, as far as one may see."""
    with suppress(OSError):
        return path.is_dir()
    return False


def is_file(path: Path) -> bool:
    """Return whether there is a file at ``path``, as far as one may see."""
    with suppress(OSError):
        return path.is_file()
    return False


def check_writable(folder: Path) -> None:
    """Check that files can be made in ``folder``, before anything is computed that is to be kept there.

    Raises:
        CheckpointError: if it is no folder or cannot be written to.
    """
    probe = folder / f".probe.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be written to ({error.strerror or error}). Check its permissions, or work in another "
            "folder of runs: EXPLORER_CHECKPOINTS, or --checkpoints of a command."
        ) from error


def make_folder(
    folder: Path, remedy: str = "Check the folder that it is to be in.", *, with_parents: bool = True
) -> None:
    """Make ``folder`` where it is not there.

    Args:
        folder: to make.
        remedy: what to do where it cannot be made, as a sentence.
        with_parents: make those above it, too. Not for a part of a run: one that was deleted meanwhile stays so.

    Raises:
        CheckpointError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=with_parents, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"{folder} could not be made: {error.strerror or error}. {remedy}") from error


def clear_unfinished(folder: Path) -> None:
    """Remove what ``write_atomically`` left in ``folder`` when its process was killed while it wrote."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` survive a power cut, where the file system can do that for folders.

    Windows cannot open them, and shares of other machines (CIFS, VirtualBox, WSL) refuse to flush them.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
    finally:
        os.close(descriptor)


_CANNOT_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM}


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, but do not wait for who writes to a pipe; for a regular file that changes nothing."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def open_regular(path: Path, remedy: str = RESTORE) -> Iterator[BinaryIO]:
    """Open a regular file to be read; what fails within the block is told as if the file could not be read.

    Args:
        path: of the file.
        remedy: what to do where it cannot be read, as a sentence.

    Raises:
        MissingFileError: if it is not there.
        CheckpointError: if it is a folder, a pipe or a device, or cannot be read.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CheckpointError(f"{path} is a pipe or a device, where a file should be. {remedy}")
            yield file
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(f"{path} is missing. {remedy}") from error
    except IsADirectoryError as error:
        raise CheckpointError(f"{path} is a folder, where a file should be. {remedy}") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}). {remedy}") from error


def read_bounded(path: Path, max_bytes: int, remedy: str = RESTORE) -> bytes:
    """Return the content of a regular file; no more than ``max_bytes`` are ever held, whatever its size is said to be.

    Raises:
        MissingFileError: if it is not there.
        CheckpointError: if it is larger, no regular file, or cannot be read; ``remedy`` says what to do.
    """
    with open_regular(path, remedy) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(max_bytes + 1) if size <= max_bytes else b""
    if len(content) > max_bytes or size > max_bytes:
        raise CheckpointError(f"{path} has {max(size, len(content)):,} bytes; at most {max_bytes:,} are read. {remedy}")
    return content


def read_json_text(path: Path) -> str:
    """Return the text of a small JSON file.

    Raises:
        CheckpointError: if it is missing, larger than 64 kB, or not UTF-8.
    """
    content = read_bounded(path, MAX_JSON_BYTES)
    try:
        return content.decode("utf-8-sig")  # some editors put a mark before it
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} cannot be read ({error}). {RESTORE}") from error


def read_safetensors_header(path: Path, remedy: str = RESTORE) -> dict[str, Any]:
    """Return the JSON header of a safetensors file: a dictionary per tensor, and ``__metadata__``.

    Raises:
        CheckpointError: if the file is missing, or its header is malformed or absurdly long; ``remedy`` says what
            to do.
    """
    with open_regular(path, remedy) as file:
        return _header(path, file, os.fstat(file.fileno()).st_size, remedy)


def read_metadata(path: Path, remedy: str = RESTORE) -> dict[str, str]:
    """Return what a safetensors file says of itself; what is no text by a name is left out.

    Raises:
        CheckpointError: as ``read_safetensors_header``; ``remedy`` says what to do.
    """
    return metadata_of(read_safetensors_header(path, remedy))


def read_arrays(path: Path, max_bytes: int, remedy: str = AGAIN) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the arrays of a safetensors file, in the order in which it has them, and its metadata.

    Raises:
        CheckpointError: if it is missing, larger than ``max_bytes``, damaged, or of types that numpy has not;
            ``remedy`` says what to do.
    """
    # Read and not mapped: a mapped file that is cut short while it is looked at ends the process.
    content = read_bounded(path, max_bytes, remedy)
    header = _header(path, io.BytesIO(content), len(content), remedy)
    try:
        arrays = load(content)  # in any order, another one each time
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged ({error}). {remedy}") from error
    return {name: arrays[name] for name in header if name in arrays}, metadata_of(header)


def _header(path: Path, file: BinaryIO, size: int, remedy: str) -> dict[str, Any]:
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"header of {length:,} bytes")
        header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise TypeError("header is not an object")
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        if size != 8 + length + max(ends, default=0):
            raise ValueError(f"it has {size:,} bytes, its header says {8 + length + max(ends, default=0):,}")
    except (ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: not a safetensors file ({error}). {remedy}") from error
    return header


def metadata_of(header: Mapping[str, Any]) -> dict[str, str]:
    """Return what the header of a safetensors file says of it; what is no text by a name is left out."""
    said = header.get("__metadata__")
    return {name: text for name, text in said.items() if isinstance(text, str)} if isinstance(said, dict) else {}


def array_bytes(arrays: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    """Return arrays as a safetensors file."""
    # safetensors writes the memory as it lies: an array in Fortran's order would come back scrambled.
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata)


def fingerprint_of(path: Path, max_bytes: int) -> str:
    """Return 16 hexadecimal digits of a file's SHA-256.

    Raises:
        CheckpointError: if it is missing, no regular file, or larger than ``max_bytes``.
    """
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
    return _digest(path, max_bytes, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _digest(path: Path, max_bytes: int, modified_ns: int, size: int) -> str:
    """Hash a file once for each time that it was changed: the list of runs asks at every rerun."""
    return hashlib.sha256(read_bounded(path, max_bytes)).hexdigest()[:16]


def modification_times(paths: Iterable[Path]) -> tuple[int, ...]:
    """Return when each of ``paths`` was modified, in nanoseconds since 1970; 0 for what is not there."""
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)
