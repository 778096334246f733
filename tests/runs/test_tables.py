import csv
import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from explorer.analysis.records import EncodedSet
from explorer.runs.tables import csv_bytes, parquet_bytes, selected_columns, write_codes

NAMES = ("zero", "one, two", 'a "third"')
ROWS = np.array([2, 3, 11, 59])


@pytest.fixture(params=[True, False], ids=["vae", "ae"])
def encoded(request):
    """Sixty images in three classes, with numbers of every size."""
    rng = np.random.default_rng(0)
    numbers = (rng.normal(size=(60, 3)) * 10.0 ** rng.integers(-30, 30, (60, 3))).astype(np.float32)
    return EncodedSet(
        mu=numbers,
        log_var=-numbers[::-1] if request.param else None,
        labels=rng.integers(0, 3, 60),
        reconstruction=rng.gamma(2, 50, 60).astype(np.float32),
        kl=rng.gamma(2, 5, 60).astype(np.float32),
        fingerprint="",
    )


def read_parquet(content):
    table = pq.read_table(io.BytesIO(content))
    return {name: table[name].to_pylist() for name in table.column_names}


def read_csv(content):
    first, *lines = csv.reader(io.StringIO(content.decode()))
    return dict(zip(first, map(list, zip(*lines, strict=True)), strict=True))


@pytest.mark.parametrize(("to_bytes", "read"), [(parquet_bytes, read_parquet), (csv_bytes, read_csv)])
def test_a_selection_comes_back_exactly_from_its_file(encoded, to_bytes, read):
    points = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
    columns = read(to_bytes(selected_columns(encoded, ROWS, points=points, class_names=NAMES)))

    assert [int(row) for row in columns.pop("row")] == ROWS.tolist()
    assert [int(label) for label in columns.pop("label")] == encoded.labels[ROWS].tolist()
    assert columns.pop("class") == [NAMES[label] for label in encoded.labels[ROWS]]
    expected = {f"mu_{i}": encoded.mu[ROWS, i] for i in range(3)}
    if encoded.log_var is not None:
        expected |= {f"log_var_{i}": encoded.log_var[ROWS, i] for i in range(3)}
    expected |= {"reconstruction": encoded.reconstruction[ROWS], "kl": encoded.kl[ROWS]}
    expected |= {"map_x": points[ROWS, 0], "map_y": points[ROWS, 1]}
    assert list(columns) == list(expected)
    for name, numbers in expected.items():
        np.testing.assert_array_equal(np.array(columns[name], np.float32), numbers, err_msg=name)


def test_the_codes_of_a_run_are_all_of_its_rows(encoded, tmp_path):
    write_codes(tmp_path / "codes.parquet", encoded)
    columns = read_parquet((tmp_path / "codes.parquet").read_bytes())
    assert columns["row"] == list(range(60))
    assert "class" not in columns
    assert ("log_var_0" in columns) == (encoded.log_var is not None)
    np.testing.assert_array_equal(np.array(columns["mu_2"], np.float32), encoded.mu[:, 2])
