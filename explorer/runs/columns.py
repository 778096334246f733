"""Numbers that people bring along, from CSV or Parquet: for each encoded image what they know of it."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet")
MAX_BYTES = 200_000_000
MAX_UNPACKED_BYTES = 1_000_000_000
MAX_COLUMNS = 32
MAX_NAME = 60
ROW = "row"
"""Column that says which encoded image a line is of; without it, line k is of image k."""


def columns_from_file(content: bytes, file_name: str, n_images: int) -> dict[str, Floats]:
    """Return the columns of numbers in a file, each float32 of shape ``(n_images,)``, NaN where it says nothing.

    Truth values count as 0 and 1. Columns of words are left out, and so is ``row``.

    Args:
        content: of the file.
        file_name: its ending says whether it is CSV or Parquet.
        n_images: encoded images that it is about.

    Raises:
        DataError: if it is no such file, too large, has no column of numbers, or its lines fit no images.
    """
    table = _table(content, file_name)
    rows = _rows(table, file_name, n_images)
    found = {
        name: _spread(_numbers(table, name), rows, n_images)
        for name in table.column_names
        if name != ROW and _is_number(table, name)
    }
    if not found:
        raise DataError(f"{file_name} has no column of numbers beside {ROW!r}; it has: {_listed(table.column_names)}.")
    if len(found) > MAX_COLUMNS:
        raise DataError(
            f"{file_name} has {len(found)} columns of numbers; at most {MAX_COLUMNS} are kept. Leave some out."
        )
    too_long = next((name for name in found if not 0 < len(name) <= MAX_NAME), None)
    if too_long is not None:
        raise DataError(f"{too_long[:80]!r} cannot name a column: use 1 to {MAX_NAME} letters.")
    return found


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


def _table(content: bytes, file_name: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv, parquet

    suffix = Path(file_name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{file_name[:80]} is neither CSV nor Parquet: its name must end in {' or '.join(SUFFIXES)}.")
    if len(content) > MAX_BYTES:
        raise DataError(f"{file_name[:80]} has {len(content):,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        if suffix == ".csv":
            return csv.read_csv(io.BytesIO(content))
        file = parquet.ParquetFile(io.BytesIO(content))
        unpacked = sum(file.metadata.row_group(k).total_byte_size for k in range(file.metadata.num_row_groups))
        if unpacked > MAX_UNPACKED_BYTES:
            raise DataError(f"{file_name[:80]} unpacks to {unpacked:,} bytes; at most {MAX_UNPACKED_BYTES:,} are read.")
        return file.read()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file_name[:80]} cannot be read as {suffix[1:]}: {str(error)[:200]}") from error


def _is_number(table: "pa.Table", name: str) -> bool:
    from pyarrow import types

    kind = table.schema.field(name).type
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind))


def _numbers(table: "pa.Table", name: str) -> Floats:
    """Return a column as float32; what is not there, not finite or beyond float32 is NaN."""
    import pyarrow as pa

    column = table.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = column.cast(pa.float64(), safe=False).to_numpy()
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    return np.where(np.isfinite(numbers), numbers, np.float32(np.nan))


def _rows(table: "pa.Table", file_name: str, n_images: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Return for each line the image that it is of."""
    if ROW not in table.column_names:
        if table.num_rows != n_images:
            raise DataError(
                f"{file_name} has {table.num_rows:,} lines, but {n_images:,} images are encoded: bring a line for each "
                f"in their order, or a column {ROW!r} that says which image (0 to {n_images - 1}) a line is of."
            )
        return np.arange(n_images)
    numbers = _numbers(table, ROW).astype(np.float64) if _is_number(table, ROW) else np.full(table.num_rows, np.nan)
    is_wrong = ~((numbers >= 0) & (numbers < n_images) & (numbers == np.floor(numbers)))
    if is_wrong.any():
        line = int(is_wrong.argmax())
        raise DataError(
            f"{file_name}, line {line + 1}: {ROW} is {table.column(ROW)[line].as_py()!r}; it must be a whole number "
            f"from 0 to {n_images - 1}."
        )
    rows = numbers.astype(np.int64)
    if len(np.unique(rows)) < len(rows):
        raise DataError(f"{file_name} has more than one line for the same {ROW}: keep one.")
    return rows


def _spread(values: Floats, rows: "np.ndarray[Any, np.dtype[np.int64]]", n_images: int) -> Floats:
    column = np.full(n_images, np.nan, np.float32)
    column[rows] = values
    return column


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name[:MAX_NAME]) for name in names[:8]) or "none"
