"""Reading with bounds and writing atomically: nobody ever sees half a file, and nothing read is believed unseen."""

import json
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

from explorer.errors import CheckpointError

MAX_JSON_BYTES = 64 * 1024
MAX_HEADER_BYTES = 4 * 1024 * 1024


def write_atomically(path: Path, content: bytes, *, is_lasting: bool = True) -> None:
    """Replace ``path`` by ``content`` so that a reader, or a crash at any moment, sees the old file or the new one.

    Args:
        path: of the file.
        content: of the file.
        is_lasting: whether it must survive a power cut too, which costs milliseconds.

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
