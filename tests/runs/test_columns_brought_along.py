import contextlib
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from explorer.analysis.records import EncodedSet
from explorer.errors import CheckpointError, DataError
from explorer.runs.columns import MAX_COLUMNS, MAX_NAME, columns_from_file
from explorer.runs.tables import csv_bytes, parquet_bytes, run_columns, selected_columns
from tests.support import encode_run, new_run

N = 5
SCORES = np.float32([0.5, -1.25, 3, np.nan, 1e-3])


def csv(text, name="own.csv"):
    return columns_from_file(text if isinstance(text, bytes) else text.encode(), name, N).columns


def parquet(columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return columns_from_file(file.getvalue(), "own.parquet", N).columns


def test_line_k_is_of_image_k():
    found = csv("weight,name\n1,a\n2.5,b\n-3,c\n4e2,d\n,e\n")
    assert list(found) == ["weight"]
    np.testing.assert_array_equal(found["weight"], np.float32([1, 2.5, -3, 400, np.nan]))
    assert found["weight"].dtype == np.float32


def test_what_is_left_out_is_told_with_the_reason():
    text = "a,name,score,void,late\n1,x,2,inf,\n2,y,n.a.,inf,\n3,,3,inf,\n4,,4,inf,\n5,,5,inf,\n"
    found, left_out = columns_from_file(text.encode(), "own.csv", N)
    assert list(found) == ["a"]
    assert left_out == {
        "name": "line 1 says 'x'",
        "score": "line 2 says 'n.a.'",
        "void": "it has no finite number",
        "late": "it is empty",
    }


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
    "one word": ("score\n1\n2\nn.a.\n4\n5\n", "'score', which in line 3 is no number but 'n.a.'."),
    "empty": ("", "cannot be read as csv: it is empty. Save it anew as CSV in UTF-8"),
    "empty lines": ("\n\n", "cannot be read as csv: it is empty"),
    "ragged": ("a,b\n1\n2,3\n", "cannot be read as csv: line 2 has 1 cells, the first line 2. Save it anew as CSV"),
    "rows without a name": (",weight\n4,1\n0,2\n", "own.csv has 2 lines, but 5 images"),
    "which may be rows": (",weight\n4,1\n0,2\n", "If its column without a name does, call that 'row'."),
    "no name but those of lines": (",\n0,1\n1,2\n2,3\n3,4\n4,5\n", "no column of numbers beside 'row'; it has: none"),
    "kept by files": ("__metadata__\n1\n2\n3\n4\n5\n", "'__metadata__' cannot name a column"),
    "too wide": (",".join(f"c{k}" for k in range(20_000)), "has 20,000 columns; at most 10,000 are read"),
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
        (b"\xff\xfe\x00", "own.csv", "cannot be read as csv: line 1 is no text in utf-16"),
        (b"a\n\x81\n", "own.csv", "cannot be read as csv: line 2 is no text in cp1252"),
        (b"a,b\n1,2\n" * 200 + b"\0\0", "own.csv", "cannot be read as csv: line 401 has bytes that are no text"),
        (b"PK\x03\x04 nonsense", "own.csv", "it is a workbook or an archive. Save it anew as CSV in UTF-8"),
        (b"\x1f\x8b nonsense", "own.csv", "it is compressed"),
        (b"", "own.parquet", "cannot be read as parquet"),
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


# As programs write tables


def lines(*cells, end="\n"):
    return "".join(cell + end for cell in cells)


PANDAS = lines(",score", "0,0.5", "1,-1.25", "2,3.0", "3,", "4,0.001")
EXCEL = lines("Größe;score", "a;0,5", "b;-1,25", "c;3", "d;", "e;1,00E-03", end="\r\n")
TABLES = {
    "pandas": PANDAS,
    "pandas, sorted": lines(",score", "4,0.001", "2,3.0", "3,", "1,-1.25", "0,0.5"),
    "pandas, read and written again": PANDAS.replace(",", "Unnamed: 0,", 1),
    "pandas, cut out of more": lines(",score", "10,0.5", "21,-1.25", "32,3.0", "43,", "54,0.001"),
    "pandas, an index of words": lines(",score", "a,0.5", "b,-1.25", "c,3.0", "d,", "e,0.001"),
    "R": lines('"","score"', '"1",0.5', '"2",-1.25', '"3",3', '"4",NA', '"5",0.001'),
    "R, sorted": lines('"","score"', '"2",-1.25', '"1",0.5', '"4",NA', '"5",0.001', '"3",3'),
    "R, write.table": lines('"score"', '"1" 0.5', '"2" -1.25', '"3" 3', '"4" NA', '"5" 0.001'),
    "Excel": EXCEL.encode("cp1252"),
    "Excel, UTF-8": b"\xef\xbb\xbf" + EXCEL.encode(),
    "Excel, Unicode text": EXCEL.replace(";", "\t").encode("utf-16"),
    "UTF-16 without a mark": EXCEL.encode("utf-16-le"),
    "UTF-16 from the other end": EXCEL.encode("utf-16-be"),
    "UTF-32": EXCEL.encode("utf-32"),
    "Excel, one column": lines("score", "0,5", "-1,25", "3", "", "0,001", "", end="\r\n"),
    "Excel, with its hint": "sep=;\r\n" + EXCEL,
    "Excel, empty columns": lines("score,,", "0.5,,", "-1.25,,", "3,,", ",,", "0.001,,"),
    "old Macintosh": PANDAS.replace("\n", "\r"),
    "bars": PANDAS.replace(",", "|"),
    "numpy": lines("0.5", "-1.25", "3", "nan", "1e-3"),
    "names with spaces before them": PANDAS.replace(",score", ", score"),
    "words that have line ends and commas": lines("text,score", '"a\n;b,"",",0.5', "b,-1.25", "c,3", "d,", "e,0.001"),
}


@pytest.mark.parametrize("program", TABLES)
def test_a_table_is_read_as_the_program_wrote_it(program):
    found = csv(TABLES[program])
    assert list(found) == ["column 1" if program == "numpy" else "score"]
    np.testing.assert_array_equal(*found.values(), SCORES)


@pytest.mark.parametrize("name", ["OWN.CSV", "own.Tsv", "own.txt", "own.PARQUET"])
def test_a_files_ending_may_be_in_any_case_and_text_have_any(name):
    content = parquet_bytes({"score": SCORES}) if name.endswith("T") else PANDAS.encode()
    np.testing.assert_array_equal(columns_from_file(content, name, N).columns["score"], SCORES)


def test_parquet_that_is_called_csv_is_read():
    np.testing.assert_array_equal(csv(parquet_bytes({"score": SCORES}))["score"], SCORES)


def test_a_sorted_table_of_pandas_is_told_by_its_index_in_parquet_too():
    found = parquet({"score": SCORES[[3, 0, 4, 1, 2]], "__index_level_0__": [3, 0, 4, 1, 2]})
    assert list(found) == ["score"]
    np.testing.assert_array_equal(found["score"], SCORES)


def test_a_line_may_be_of_any_length():
    table = "text,score\n" + "".join(f'"{"a," * 1_000_000}",{value}\n' for value in SCORES)
    np.testing.assert_array_equal(csv(table)["score"], SCORES)


def test_parquet_with_more_lines_than_images_is_refused_before_it_is_unpacked():
    content = bytearray(parquet_bytes({"a": np.arange(1000, dtype=np.float32)}))
    content[4:2000] = bytes(1996)  # what would be unpacked
    with pytest.raises(DataError, match="has 1,000 lines, but 5 images are encoded"):
        columns_from_file(bytes(content), "own.parquet", N)


# Names


def test_of_two_columns_of_one_name_the_second_is_numbered():
    table = "score,score (2),score,score\n" + "1,2,3,4\n" * N
    assert {name: values[0] for name, values in csv(table).items()} == {
        "score": 1,
        "score (2)": 2,
        "score (3)": 3,
        "score (4)": 4,
    }
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(range(N))] * 2, names=["a", "a"]), file)
    assert list(columns_from_file(file.getvalue(), "own.parquet", N).columns) == ["a", "a (2)"]


NAMES = {
    "größe": "größe",
    "得分": "得分",
    "درجة": "درجة",
    "👩‍🔬 score": "👩‍🔬 score",
    "a \"b\" 'c'": "a \"b\" 'c'",
    "<b>b</b>": "<b>b</b>",
    "![t](x)": "![t](x)",
    "own:a": "own:a",
    "../a\\b": "../a\\b",
    "a&b=c#d%20+?": "a&b=c#d%20+?",
    "x" * MAX_NAME: "x" * MAX_NAME,
    "two\r\nlines\t, a tab\x7f": "two lines , a tab",
    " \u00a0a\u2028b ": "a b",
    "\u202eevil": "evil",
}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_kept_with_the_run_in_one_line(tmp_path, name):
    run = new_run(tmp_path / "run")
    encode_run(run)
    n = len(run.encoded())
    quoted = '"' + name.replace('"', '""') + '"'
    for content, kind in (
        ((quoted + "\n" + "1\n" * n).encode(), "csv"),
        (parquet_bytes({name: np.ones(n)}), "parquet"),
    ):
        run.save_columns(columns_from_file(content, f"own.{kind}", n).columns)
        assert list(run.columns()) == [NAMES[name]]


def test_a_name_that_is_no_text_is_refused_in_words():
    content = parquet_bytes({"name": np.arange(N)}).replace(b"name", b"n\xffme")
    with pytest.raises(DataError, match=r"own.parquet cannot be read as parquet"):
        columns_from_file(content, "own.parquet", N)


# What a run wrote itself


@pytest.fixture(scope="module", params=[True, False], ids=["vae", "ae"])
def selection(request):
    """The columns that a selection of three images exports, of a run of 16 dimensions."""
    codes = np.random.default_rng(0).normal(size=(N, 16)).astype(np.float32)
    encoded = EncodedSet(
        mu=codes,
        log_var=codes if request.param else None,
        labels=np.arange(N) % 2,
        reconstruction=codes[:, 0],
        kl=codes[:, 1],
        fingerprint="",
    )
    return selected_columns(encoded, np.array([4, 0, 2]), points=codes[:, :2], class_names=("a", "b"))


FILES = [(csv_bytes, "selection.csv"), (parquet_bytes, "selection.parquet")]


@pytest.mark.parametrize(("to_bytes", "name"), FILES)
def test_a_selection_with_a_column_added_brings_that_column(selection, to_bytes, name):
    for index in ({}, {"": np.arange(3)}):
        content = to_bytes(index | selection | {"mine": np.array([1.0, 2, 3])})
        found = columns_from_file(content, name, N).columns
        assert list(found) == ["mine"]
        np.testing.assert_array_equal(found["mine"], np.float32([2, np.nan, 3, np.nan, 1]))


@pytest.mark.parametrize(("to_bytes", "name"), FILES)
def test_a_selection_as_it_is_brings_nothing_and_that_is_said(selection, to_bytes, name):
    with pytest.raises(DataError, match=r"nothing but what the run wrote itself \('row', 'label', 'class', 'mu_0'"):
        columns_from_file(to_bytes(selection), name, N)


def test_every_column_of_a_selection_is_known_as_the_runs_own(selection):
    assert run_columns([*selection, "mine", "mu_x", "kl (2)"]) == set(selection)


def test_in_a_persons_own_table_no_name_is_the_runs():
    found = csv("row,label,kl,reconstruction\n4,1,2,3\n")
    assert list(found) == ["label", "kl", "reconstruction"]


def test_a_damaged_table_gives_columns_or_a_sentence():
    rng = np.random.default_rng(0)
    for name, content in (
        ("own.csv", EXCEL.encode()),
        ("own.parquet", parquet_bytes({"a": SCORES, "b": list("abcde")})),
    ):
        bytes_ = np.frombuffer(content, np.uint8)
        for _ in range(100):
            damaged = bytes_.copy()
            damaged[rng.integers(0, len(bytes_), 3)] = rng.integers(0, 256, 3)
            with contextlib.suppress(DataError):
                assert all(
                    values.shape == (N,) for values in columns_from_file(damaged.tobytes(), name, N).columns.values()
                )
