"""Reading with bounds and writing atomically: nobody ever sees half a file, and nothing read is believed unseen."""

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from explorer.errors import CheckpointError

MAX_JSON_BYTES = 64 * 1024
MAX_HEADER_BYTES = 4 * 1024 * 1024


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


def clear_unfinished(folder: Path) -> None:
    """Remove what ``write_atomically`` left in ``folder`` when its process was killed while it wrote."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` survive a power cut; a no-op where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json_text(path: Path) -> str:
    """Return the text of a small JSON file.

    Raises:
        CheckpointError: if it is missing, larger than 64 kB, or not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise CheckpointError(f"{path} has {path.stat().st_size:,} bytes; at most {MAX_JSON_BYTES:,} are read.")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing. Restore it, or delete the run folder.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}). Restore it, or delete the run folder.") from error


def read_safetensors_header(path: Path) -> dict[str, Any]:
    """Return the JSON header of a safetensors file: a dictionary per tensor, and ``__metadata__``.

    Raises:
        CheckpointError: if the file is missing, or its header is malformed or absurdly long.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise ValueError(f"header of {length:,} bytes")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise TypeError("header is not an object")
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        if path.stat().st_size != 8 + length + max(ends, default=0):
            raise ValueError(
                f"it has {path.stat().st_size:,} bytes, its header says {8 + length + max(ends, default=0):,}"
            )
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing.") from error
    except (OSError, ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError) as error:
        raise CheckpointError(
            f"{path} is damaged: not a safetensors file ({error}). Restore it, or delete it."
        ) from error
    return header


def read_arrays(path: Path, max_bytes: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the arrays of a safetensors file, and its metadata.

    Raises:
        CheckpointError: if it is missing, larger than ``max_bytes``, or damaged.
    """
    check_size(path, max_bytes)
    metadata = read_safetensors_header(path).get("__metadata__")
    try:
        arrays: dict[str, np.ndarray] = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged ({error}). Delete it: it can be computed again.") from error
    return arrays, metadata if isinstance(metadata, dict) else {}


def array_bytes(arrays: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    """Return arrays as a safetensors file."""
    # safetensors writes the memory as it lies: an array in Fortran's order would come back scrambled.
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata)


def fingerprint_of(path: Path, max_bytes: int) -> str:
    """Return 16 hexadecimal digits of a file's SHA-256.

    Raises:
        CheckpointError: if it is missing or larger than ``max_bytes``.
    """
    check_size(path, max_bytes)
    status = path.stat()
    return _digest(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    """Hash a file once for each time that it was changed: the list of runs asks at every rerun."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def check_size(path: Path, max_bytes: int) -> None:
    """Check that a file is there and may be read whole.

    Raises:
        CheckpointError: if it is missing or larger than ``max_bytes``.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise CheckpointError(f"{path} is missing. Restore it, or delete the run folder.") from error
    if size > max_bytes:
        raise CheckpointError(f"{path} has {size:,} bytes; at most {max_bytes:,} are read.")


def modification_times(paths: Iterable[Path]) -> tuple[int, ...]:
    """Return when each of ``paths`` was modified, in nanoseconds since 1970; 0 for what is not there."""
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)
