"""Numbers that people bring along, from CSV or Parquet: for each encoded image what they know of it."""

import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.errors import DataError
from explorer.runs.delimited_text import in_words, read_delimited
from explorer.runs.tables import ROW, run_columns

if TYPE_CHECKING:
    import pyarrow as pa

    Rows = np.ndarray[Any, np.dtype[np.int64]]

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
MAX_BYTES = 200_000_000
MAX_UNPACKED_BYTES = 1_000_000_000
MAX_COLUMNS = 32
MAX_NAME = 60

_NAMELESS = re.compile(r"|Unnamed: \d+(\.\d+)?|__index_level_\d+__")
"""What pandas calls the numbers of lines in CSV, in CSV that it read, and in Parquet. R gives them no name either."""

_TAKEN = "__metadata__"
"""Where safetensors keeps what it says of a file: no array can be called so."""

_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of a text: in a name they would turn what is written beside it."""


class BroughtColumns(NamedTuple):
    """What a file brings.

    Attributes:
        columns: of numbers, by name, each float32 of shape ``(n_images,)``, NaN where it says nothing.
        left_out: why each other column is not among them, by name, in words.
    """

    columns: dict[str, Floats]
    left_out: dict[str, str]


def columns_from_file(content: bytes, file_name: str, n_images: int) -> BroughtColumns:
    """Return the columns of numbers in a file.

    Line k is of image k, unless a column ``row`` says which, or the numbers of lines that programs write without a
    name are those of all images in another order. Truth values count as 0 and 1. Of two columns of one name the second
    is called ``name (2)``. What is ``row``, has no name or was written by a run itself is nobody's column.

    Args:
        content: of the file.
        file_name: its ending, in any case, says whether it is text or Parquet.
        n_images: encoded images that it is about.

    Raises:
        DataError: if it is no such file, too large, has no column of numbers, or its lines fit no images.
    """
    shown = file_name[:80]
    table = _table(content, shown, n_images)
    index, columns = _named(table)
    rows = _rows(table.num_rows, columns.get(ROW), index, file_name=shown, n_images=n_images)
    own = run_columns(columns)
    brought = {name: column for name, column in columns.items() if name not in own | {ROW}}
    if own and not brought:
        raise DataError(
            f"{shown} has nothing but what the run wrote itself ({_listed(columns)}): add a column of numbers to it, "
            "and bring it again."
        )
    left_out = {name: reason for name, column in brought.items() if (reason := _why_no_numbers(column))}
    found = {name: column for name, column in brought.items() if name not in left_out}
    if not found:
        raise DataError(
            f"{shown} has no column of numbers beside {ROW!r}; it has: {_listed(brought)}{_first_words(brought)}."
        )
    if len(found) > MAX_COLUMNS:
        raise DataError(f"{shown} has {len(found)} columns of numbers; at most {MAX_COLUMNS} are kept. Leave some out.")
    _check_names(found)
    return BroughtColumns(
        columns={name: _spread(_numbers(column), rows, n_images) for name, column in found.items()},
        left_out=left_out,
    )


def checked_columns(columns: Mapping[str, Any], n_images: int) -> dict[str, Floats]:
    """Return stored columns of an encoded set of ``n_images``.

    Raises:
        DataError: if they are of another number of images, or no float32.
    """
    for name, values in columns.items():
        if values.dtype != np.float32 or values.shape != (n_images,):
            raise DataError(
                f"The column {name[:MAX_NAME]!r} has {values.dtype} of shape {values.shape}; the run has {n_images:,} "
                "encoded images. Bring the file again."
            )
    return dict(columns)


def _table(content: bytes, file_name: str, n_images: int) -> "pa.Table":
    suffix = Path(file_name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{file_name} is neither CSV nor Parquet: its name must end in {_either(SUFFIXES)}.")
    if len(content) > MAX_BYTES:
        raise DataError(f"{file_name} has {len(content):,} bytes; at most {MAX_BYTES:,} are read.")
    if suffix == ".parquet" or content.startswith(b"PAR1"):
        with in_words(file_name, "parquet"):
            return _parquet(content, file_name, n_images)
    table = read_delimited(content, file_name)
    if table.num_rows + 1 == n_images and all(map(_reads_as_number, table.column_names)):
        return read_delimited(content, file_name, has_names=False)
    return table


def _parquet(content: bytes, file_name: str, n_images: int) -> "pa.Table":
    from pyarrow import parquet

    file = parquet.ParquetFile(io.BytesIO(content))
    if file.metadata.num_rows > n_images:  # a few bytes can stand for as many lines as one likes
        raise DataError(_wrong_count(file_name, file.metadata.num_rows, n_images))
    unpacked = sum(file.metadata.row_group(k).total_byte_size for k in range(file.metadata.num_row_groups))
    if unpacked > MAX_UNPACKED_BYTES:
        raise DataError(f"{file_name} unpacks to {unpacked:,} bytes; at most {MAX_UNPACKED_BYTES:,} are read.")
    table = file.read()
    table.validate(full=True)
    table.column_names  # noqa: B018 - raises for a name that is no text
    return table


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(table: "pa.Table") -> tuple["pa.ChunkedArray | None", dict[str, "pa.ChunkedArray"]]:
    """Return a first column without a name, and those that have one, each by a name of its own."""
    names = [_tidy(name) for name in table.column_names]
    is_nameless = [_NAMELESS.fullmatch(name) is not None for name in names]
    # pandas puts it last in Parquet.
    index = next((k for k in (0, len(names) - 1) if is_nameless[k]), None) if names else None
    columns: dict[str, pa.ChunkedArray] = {}
    for k, name in enumerate(names):
        if not is_nameless[k]:
            columns[_unlike(name, columns)] = table.column(k)
    return None if index is None else table.column(index), columns


def _tidy(name: str) -> str:
    """Return ``name`` in one line: Excel's cells have line ends, and a control character has no look."""
    plain = (" " if unicodedata.category(letter) == "Cc" else letter for letter in name if letter not in _TURNING)
    return " ".join("".join(plain).split())


def _unlike(name: str, taken: Mapping[str, object]) -> str:
    """Return ``name``, numbered where it is taken."""
    numbered, k = name, 1
    while numbered in taken:
        k += 1
        numbered = f"{name} ({k})"
    return numbered


def _first_words(columns: Mapping[str, "pa.ChunkedArray"]) -> str:
    """Return what of the first column is no number and in which line, as the end of a sentence."""
    found = _first_word(next(iter(columns.values()))) if columns else None
    return "" if found is None else f", which in line {found[0] + 1} is no number but {found[1][:20]!r}"


def _first_word(column: "pa.ChunkedArray") -> tuple[int, str] | None:
    """Return the first line, from 0, in which a column of text says no number, and what it says; None for others."""
    from pyarrow import types

    cells = column.to_pylist() if types.is_string(column.type) else []
    return next(((k, cell) for k, cell in enumerate(cells) if cell and not _reads_as_number(cell)), None)


def _why_no_numbers(column: "pa.ChunkedArray") -> str:
    """Say why a column cannot be coloured by; empty where it can."""
    if _is_number(column):
        return "" if np.isfinite(_numbers(column)).any() else "it has no finite number"
    if column.null_count == len(column):
        return "it is empty"
    found = _first_word(column)
    return f"it is of {column.type}" if found is None else f"line {found[0] + 1} says {found[1][:20]!r}"


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if len(name) > MAX_NAME:
            raise DataError(f"{name[:80]!r} cannot name a column: use 1 to {MAX_NAME} letters.")
        if name == _TAKEN:
            raise DataError(
                f"{name!r} cannot name a column: files of runs mean something else by it. Call it otherwise."
            )


def _is_number(column: "pa.ChunkedArray") -> bool:
    from pyarrow import types

    kind = column.type
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind))


def _numbers(column: "pa.ChunkedArray") -> Floats:
    """Return a column as float32; what is not there, not finite or beyond float32 is NaN."""
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = column.cast(pa.float64(), safe=False).to_numpy()
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    return np.where(np.isfinite(numbers), numbers, np.float32(np.nan))


def _rows(
    n_lines: int,
    said: "pa.ChunkedArray | None",
    index: "pa.ChunkedArray | None",
    *,
    file_name: str,
    n_images: int,
) -> "Rows":
    """Return for each line the image that it is of: as a column ``row`` says, as lines are numbered, or in order."""
    if said is not None:
        return _said_rows(said, file_name, n_images)
    if n_lines != n_images:
        hint = "" if index is None else f" If its column without a name does, call that {ROW!r}."
        raise DataError(_wrong_count(file_name, n_lines, n_images) + hint)
    return np.arange(n_images) if index is None else _counted_rows(index, n_images)


def _wrong_count(file_name: str, n_lines: int, n_images: int) -> str:
    return (
        f"{file_name} has {n_lines:,} lines, but {n_images:,} images are encoded: bring a line for each in their "
        f"order, or a column {ROW!r} that says which image (0 to {n_images - 1}) a line is of."
    )


def _said_rows(column: "pa.ChunkedArray", file_name: str, n_images: int) -> "Rows":
    numbers = _numbers(column).astype(np.float64) if _is_number(column) else np.full(len(column), np.nan)
    is_wrong = ~((numbers >= 0) & (numbers < n_images) & (numbers == np.floor(numbers)))
    if is_wrong.any():
        line = int(is_wrong.argmax())
        raise DataError(
            f"{file_name}, line {line + 1}: {ROW} is {_cell(column, line)}; it must be a whole number "
            f"from 0 to {n_images - 1}."
        )
    rows = numbers.astype(np.int64)
    if len(np.unique(rows)) < len(rows):
        raise DataError(f"{file_name} has more than one line for the same {ROW}: keep one.")
    return rows


def _cell(column: "pa.ChunkedArray", line: int) -> str:
    from pyarrow import types

    is_plain = _is_number(column) or types.is_string(column.type)
    return repr(column[line].as_py())[:40] if is_plain else f"a {column.type}"


def _counted_rows(index: "pa.ChunkedArray", n_images: int) -> "Rows":
    """Return the rows that lines without a name for it count, from 0 or from 1; their order where they count otherwise.

    A sorted table keeps the numbers that its lines had. A number for each image leaves no doubt where they begin; of a
    part of the images it would.
    """
    if _is_number(index):
        counted = _numbers(index).astype(np.float64)
        for first in (0, 1):  # pandas, R
            if np.array_equal(np.sort(counted), np.arange(first, first + n_images)):
                return counted.astype(np.int64) - first
    return np.arange(n_images)


def _spread(values: Floats, rows: "Rows", n_images: int) -> Floats:
    column = np.full(n_images, np.nan, np.float32)
    column[rows] = values
    return column


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = ", …" if len(names) > 8 else ""
    return ", ".join(repr(name[:MAX_NAME]) for name in names[:8]) + more or "none"


def _either(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"
