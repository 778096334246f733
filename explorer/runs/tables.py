"""Runs and codes as rows: for the list of runs and for other programs."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.analysis.records import EncodedSet
from explorer.errors import CheckpointError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from explorer.runs.listing import RunSummary

ROW = "row"
"""Column that says which encoded image a line is of."""

_OF_A_RUN = re.compile(r"row|label|class|(mu|log_var)_\d+|reconstruction|kl|map_[xy]")
"""The names of all columns that are written here."""


def run_columns(names: Collection[str]) -> frozenset[str]:
    """Return which columns of a table a run wrote, of a table that begins as those of ``selected_columns`` do.

    In another table they are a person's, whatever their names.
    """
    if not {ROW, "mu_0"} <= set(names):
        return frozenset()
    return frozenset(name for name in names if _OF_A_RUN.fullmatch(name))


def describe(entry: "RunSummary") -> dict[str, Any]:
    """Return a run as a flat dictionary, the same on the command line and over HTTP."""
    model = entry.config.model if entry.config else None
    return {
        "name": entry.name,
        "family": model.family if model else None,
        "data": entry.config.training.data if entry.config else None,
        "image_shape": list(model.image_shape) if model else None,
        "latent_dim": model.latent_dim if model else None,
        "n_classes": model.n_classes if model else None,
        "likelihood": model.likelihood if model else None,
        "elbo": entry.test_elbo,
        "projections": list(entry.projections),
        "problems": list(entry.problems),
        "error": entry.error,
    }


def write_codes(path: Path, encoded: EncodedSet, *, first_row: int = 0) -> None:
    """Write a Parquet file: row, label, mu_0 …, log_var_0 … (not for an autoencoder), reconstruction and kl in nats.

    Args:
        path: the file.
        encoded: what it holds.
        first_row: of the data set, where ``encoded`` is a shard of it.
    """
    import numpy as np

    from explorer.files import write_atomically

    columns = _code_columns(encoded, np.arange(len(encoded)))
    write_atomically(path, parquet_bytes(columns | {ROW: columns[ROW] + first_row}))


def part_path(folder: Path, rank: int, size: int) -> Path:
    """Return where process ``rank`` of ``size`` writes its part of a table in ``folder``, which is made if need be.

    Raises:
        CheckpointError: if it cannot be made, or parts of another number of processes lie there: readers would take
            them for more rows.
    """
    from explorer.files import make_folder

    make_folder(folder, "Choose another --out for the folder of parts.")
    name = "part-{:05d}-of-{:05d}.parquet"
    expected = {name.format(k, size) for k in range(size)}
    other = sorted(path.name for path in folder.glob("*.parquet") if path.name not in expected)
    if other:
        raise CheckpointError(f"{folder} holds {other[0]}, which is no part of this encoding. Choose an empty folder.")
    return folder / name.format(rank, size)


def selected_columns(
    encoded: EncodedSet, rows: "NDArray[np.int64]", *, points: "NDArray[np.float32]", class_names: Sequence[str]
) -> dict[str, Any]:
    """Return the columns of ``write_codes`` for ``rows``, with the class's name and where each lies on a map.

    Args:
        encoded: the set.
        rows: which of its images, shape ``(M,)``.
        points: where the whole set lies on the map, shape ``(N, 2)``.
        class_names: a name for each class.
    """
    import numpy as np

    columns = _code_columns(encoded, rows)
    names = {"class": np.array(class_names, dtype=str)[encoded.labels[rows]]}
    first = {name: columns.pop(name) for name in (ROW, "label")}
    return first | names | columns | {"map_x": points[rows, 0], "map_y": points[rows, 1]}


def parquet_bytes(columns: dict[str, Any]) -> bytes:
    """Return ``columns``, arrays of one length by name, as a Parquet file."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def csv_bytes(columns: dict[str, Any]) -> bytes:
    """Return ``columns``, arrays of one length by name, as CSV; its digits bring every number back exactly."""
    import io

    import pyarrow as pa
    from pyarrow import csv

    buffer = io.BytesIO()
    csv.write_csv(pa.table(columns), buffer)
    return buffer.getvalue()


def _code_columns(encoded: EncodedSet, rows: "NDArray[np.int64]") -> dict[str, Any]:
    columns: dict[str, Any] = {ROW: rows, "label": encoded.labels[rows]}
    columns |= {f"mu_{i}": encoded.mu[rows, i] for i in range(encoded.latent_dim)}
    if encoded.log_var is not None:
        columns |= {f"log_var_{i}": encoded.log_var[rows, i] for i in range(encoded.latent_dim)}
    return columns | {"reconstruction": encoded.reconstruction[rows], "kl": encoded.kl[rows]}
