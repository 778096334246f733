"""Tables as text, the way programs write them by default: whichever the encoding, the separator and the decimal mark.

What a table's columns mean is not known here.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from explorer.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS = (",", ";", "\t", "|")
MAX_CELLS = 10_000
"""Columns that a table may have: the codes of a run have fewer, and each takes memory before a line is read."""

_HEAD = 2**18
_N_LINES = 30
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = {
    b"PK\x03\x04": "a workbook or an archive",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"\x1f\x8b": "compressed",
}
_EXCEL_HINT = re.compile(rb'"?sep=([,;|\t])"?\r?\n')
_DECIMAL_COMMA = r"^\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*$"
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
SAVE_ANEW = "Save it anew as CSV in UTF-8, its first line the names of the columns."


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the lines of a table are cut into cells.

    Attributes:
        separator: between two cells.
        names: in the first line, and one more before them, empty, where lines have one cell more than it.
        lacks_a_name: whether they do, as R writes the names of rows.
    """

    separator: str
    names: tuple[str, ...]
    lacks_a_name: bool = False


def read_delimited(content: bytes, file_name: str, *, has_names: bool = True) -> "pa.Table":
    """Return the table in a text file; numbers with decimal commas are numbers where the comma separates no cells.

    Args:
        content: of the file, in UTF-8, UTF-16, UTF-32 or a Western encoding.
        file_name: is named in errors.
        has_names: whether the first line has the columns' names; they are called "column 1" and so on otherwise.

    Raises:
        DataError: if it is no such table.
    """
    text = _utf8(content, file_name)
    hint = _EXCEL_HINT.match(text)
    text = text[hint.end() :] if hint else text
    if not text.strip():
        raise DataError(f"{file_name} cannot be read as csv: it is empty. {SAVE_ANEW}")
    layout = _layout(text, hint[1].decode() if hint else None)
    if len(layout.names) > MAX_CELLS:
        raise DataError(
            f"{file_name} has {len(layout.names):,} columns; at most {MAX_CELLS:,} are read. Leave some out."
        )
    with in_words(file_name, "csv"):
        table = _read(text, layout, has_names=has_names)
        return table if layout.separator == "," else _with_decimal_commas(table)


@contextmanager
def in_words(file_name: str, kind: str) -> Iterator[None]:
    """Raise whatever pyarrow raises as a ``DataError``: of what a damaged file leads it to there is no list."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        ragged = _RAGGED.search(str(error))
        why = str(error)[:200]
        if ragged:
            why = f"line {ragged[1]} has {ragged[3]} cells, the first line {ragged[2]}"
        raise DataError(f"{file_name} cannot be read as {kind}: {why}. {SAVE_ANEW}") from error


def _utf8(content: bytes, file_name: str) -> bytes:
    """Return text in UTF-8, without a mark at its beginning."""
    for start, what in _NO_TEXT.items():
        if content.startswith(start):
            raise DataError(f"{file_name} cannot be read as csv: it is {what}. {SAVE_ANEW}")
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None) or _without_mark(content)
    try:
        text = content if encoding == "utf-8" else content.decode(encoding).encode()
    except UnicodeError as error:
        at = content[: getattr(error, "start", 0)].count(b"\n") + 1
        raise DataError(
            f"{file_name} cannot be read as csv: line {at} is no text in {encoding}. {SAVE_ANEW}"
        ) from error
    if b"\0" in text:
        line = text[: text.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{file_name} cannot be read as csv: line {line} has bytes that are no text. {SAVE_ANEW}")
    return text


def _without_mark(content: bytes) -> str:
    """Return the encoding of a text that does not say it."""
    head = content[:1000]
    if b"\0" in head:  # each letter of a Western text in UTF-16 has one
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _layout(text: bytes, separator: str | None) -> Layout:
    """Return how a table is laid out, from its first lines: the separator that gives each as many cells."""
    if separator is not None:
        return Layout(separator=separator, names=tuple((_first_cells(text, separator) or [[]])[0]))
    cells = {mark: _first_cells(text, mark) for mark in (*SEPARATORS, " ")}
    even = {mark: lines[0] for mark, lines in cells.items() if lines and 1 < len(lines[0]) == _width(lines)}
    for marks in (SEPARATORS, (" ",)):  # words have spaces too
        widest = max((mark for mark in marks if mark in even), key=lambda mark: len(even[mark]), default=None)
        if widest is not None:
            return Layout(separator=widest, names=tuple(even[widest]))
    for mark in ("\t", " "):
        if len(cells[mark]) > 1 and len(cells[mark][0]) + 1 == _width(cells[mark][1:]):
            return Layout(separator=mark, names=("", *cells[mark][0]), lacks_a_name=True)
    # Lines of unequal length, or one column, whose numbers may have decimal commas.
    names = {mark: cells[mark][0] if cells[mark] else [] for mark in SEPARATORS}
    widest = max(SEPARATORS, key=lambda mark: len(names[mark]))
    is_one_column = len(names[widest]) <= 1
    return Layout(separator=";" if is_one_column else widest, names=tuple(names[widest]))


def _width(lines: list[list[str]]) -> int | None:
    """Return how many cells each of some lines has, None where they differ."""
    widths = {len(cells) for cells in lines}
    return widths.pop() if len(widths) == 1 else None


def _first_cells(text: bytes, separator: str) -> list[list[str]]:
    """Return the cells of the first lines that are not empty."""
    head = text[:_HEAD].decode(errors="ignore")
    lines = csv.reader(io.StringIO(head, newline=""), delimiter=separator)
    first: list[list[str]] = []
    with suppress(csv.Error):  # a cell of more than 131,072 letters
        for cells in islice(filter(None, lines), _N_LINES):
            first.append(cells)  # those before an error are kept
    # The last line may be cut.
    return first[:-1] if len(text) > _HEAD and 1 < len(first) < _N_LINES else first


def _read(text: bytes, layout: Layout, *, has_names: bool) -> "pa.Table":
    from pyarrow import csv as arrow_csv

    is_one_column = len(layout.names) <= 1
    if is_one_column:  # an empty line says that there is no number, but for those at either end
        text = text.strip(b"\r\n") + b"\n"
    given = {"column_names": layout.names, "skip_rows": 1} if layout.lacks_a_name else {}
    if not has_names:
        given = {"column_names": [f"column {k + 1}" for k in range(len(layout.names))]}
    return arrow_csv.read_csv(
        io.BytesIO(text),
        # One block, for a line may be longer than the usual one; and one thread, which alone counts lines.
        read_options=arrow_csv.ReadOptions(block_size=max(len(text), 2**16), use_threads=False, **given),
        parse_options=arrow_csv.ParseOptions(
            delimiter=layout.separator, newlines_in_values=True, ignore_empty_lines=not is_one_column
        ),
        convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True, check_utf8=False),
    )


def _with_decimal_commas(table: "pa.Table") -> "pa.Table":
    """Return ``table`` with its columns of numbers with decimal commas as numbers."""
    import pyarrow as pa
    from pyarrow import compute

    columns = []
    for column in table.columns:
        if pa.types.is_string(column.type):
            is_number = compute.all(compute.match_substring_regex(column, _DECIMAL_COMMA)).as_py()
            if is_number:
                trimmed = compute.utf8_trim_whitespace(column)
                column = compute.replace_substring(trimmed, ",", ".").cast(pa.float64())  # noqa: PLW2901
        columns.append(column)
    return pa.Table.from_arrays(columns, names=table.column_names)
