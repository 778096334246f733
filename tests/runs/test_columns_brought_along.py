import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from explorer.errors import CheckpointError, DataError
from explorer.runs.columns import MAX_COLUMNS, columns_from_file
from tests.support import encode_run, new_run

N = 5


def csv(text):
    return columns_from_file(text.encode(), "own.csv", N)


def parquet(columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return columns_from_file(file.getvalue(), "own.parquet", N)


def test_line_k_is_of_image_k():
    found = csv("weight,name\n1,a\n2.5,b\n-3,c\n4e2,d\n,e\n")
    assert list(found) == ["weight"]
    np.testing.assert_array_equal(found["weight"], np.float32([1, 2.5, -3, 400, np.nan]))
    assert found["weight"].dtype == np.float32


def test_a_column_row_says_which_image_a_line_is_of():
    found = csv("row,weight\n4,1\n0,2\n")
    assert list(found) == ["weight"]
    np.testing.assert_array_equal(found["weight"], np.float32([2, np.nan, np.nan, np.nan, 1]))


def test_parquet_brings_the_same_and_truth_values_count_as_0_and_1():
    found = parquet(
        {"good": [True, False, None, True, False], "n": np.arange(5), "x": [1.0, np.inf, np.nan, 1e300, 2.0]}
    )
    np.testing.assert_array_equal(found["good"], np.float32([1, 0, np.nan, 1, 0]))
    np.testing.assert_array_equal(found["n"], np.arange(5, dtype=np.float32))
    np.testing.assert_array_equal(found["x"], np.float32([1, np.nan, np.nan, np.nan, 2]))


REFUSED = {
    "too few lines": ("weight\n1\n2\n", "own.csv has 2 lines, but 5 images are encoded"),
    "row too large": ("row,weight\n5,1\n", "line 1: row is 5; it must be a whole number from 0 to 4"),
    "row not whole": ("row,weight\n0,2\n1.5,1\n", "line 2: row is 1.5"),
    "row of words": ("row,weight\na,1\n", "line 1: row is 'a'"),
    "row twice": ("row,weight\n1,1\n1,2\n", "more than one line for the same row"),
    "no numbers": ("name\na\nb\nc\nd\ne\n", "no column of numbers beside 'row'; it has: 'name'"),
    "empty": ("", "cannot be read as csv"),
    "ragged": ("a,b\n1\n2,3\n", "cannot be read as csv"),
    "name too long": (f"{'x' * 61}\n1\n2\n3\n4\n5\n", "cannot name a column: use 1 to 60 letters"),
    "too many": (
        ",".join(f"c{k}" for k in range(MAX_COLUMNS + 1)) + 5 * ("\n" + "1," * MAX_COLUMNS + "1"),
        "at most 32",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_fits_no_images_is_refused_in_words(case):
    text, message = REFUSED[case]
    with pytest.raises(DataError) as caught:
        csv(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"PAR1 nonsense", "own.parquet", "cannot be read as parquet"),
        (b"1,2", "own.pkl", "neither CSV nor Parquet"),
        (b"\xff\xfe\x00", "own.csv", "cannot be read as csv"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content, name, message):
    with pytest.raises(DataError, match=message):
        columns_from_file(content, name, N)


def test_they_are_kept_with_the_run_and_checked_when_read(tmp_path):
    run = new_run(tmp_path / "run")
    encode_run(run)
    assert run.columns() == {}
    n = len(run.encoded())
    run.save_columns({"weight": np.arange(n, dtype=np.float32)})
    np.testing.assert_array_equal(run.columns()["weight"], np.arange(n))
    run.save_columns({"weight": np.arange(n - 1, dtype=np.float32)})
    with pytest.raises(CheckpointError, match=rf"float32 of shape \({n - 1},\); the run has {n} encoded images"):
        run.columns()
    run.save_columns({})
    assert run.columns() == {}


def test_a_map_of_other_weights_is_not_among_those_that_are_there(tmp_path):
    from explorer.analysis.projections.methods import project

    run = new_run(tmp_path / "run", latent_dim=3)
    encode_run(run)
    run.save_projection(project(run.encoded(), "pca"))
    assert run.projections() == ("pca",)
    run.save_weights({name: 2 * tensor for name, tensor in run.model().state_dict().items()})
    assert run.projections() == ()
