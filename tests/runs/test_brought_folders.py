"""Run folders that were copied from anywhere: whatever lies in them, each part is read within bounds or refused."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.numpy import load_file, save_file

from explorer.analysis.projections.methods import pca
from explorer.errors import CheckpointError
from explorer.files import MAX_JSON_BYTES, open_regular, read_bounded, read_json_text, read_metadata, sync_folder
from explorer.locations import SHIPPED
from explorer.runs.history import read_history
from explorer.runs.listing import default_run, list_runs, summary
from explorer.runs.live import JobRecord
from explorer.runs.lock import is_being_trained, training_lock
from explorer.runs.run import Run
from explorer.runs.tables import describe
from explorer.runs.timeline import FOLDER as TIMELINE
from explorer.runs.timeline import open_for_recording
from explorer.runs.trash import discard, discarded_runs
from explorer.serving.run_cache import LoadedRun
from tests.support import encode_run, new_run

NEVER_ANSWERS = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")


@pytest.fixture
def run(tmp_path) -> Run:
    run = new_run(tmp_path / "run")
    encode_run(run)
    run.save_projection(pca(run.encoded()))
    return run


def changed(path: Path, change, *, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file anew, its arrays changed and its metadata too."""
    length = int.from_bytes(path.read_bytes()[:8], "little")
    before = json.loads(path.read_bytes()[8 : 8 + length]).get("__metadata__", {})
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, path, before | (metadata or {}))


# What has the name of a file


READS = {
    "config.json": lambda run: run.config,
    "weights.safetensors": lambda run: (run.fingerprint(), run.model()),
    "encoded.safetensors": lambda run: run.encoded(),
    "history.jsonl": lambda run: run.history(),
    "projections/pca.safetensors": lambda run: run.projection("pca"),
    "columns.safetensors": lambda run: run.columns(),
    "state.safetensors": lambda run: run.state(),
    "start.safetensors": lambda run: run.start(),
}


@NEVER_ANSWERS
@pytest.mark.parametrize("file", READS)
@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_refused_at_once(run, file, what):
    path = run.path / file
    path.unlink(missing_ok=True)
    {"pipe": os.mkfifo, "device": lambda it: it.symlink_to("/dev/zero"), "folder": lambda it: it.mkdir()}[what](path)
    expected = "is a folder" if what == "folder" else "is a pipe or a device"
    n_open = psutil.Process().num_fds()
    with pytest.raises(CheckpointError, match=expected):
        READS[file](Run(run.path))
    assert psutil.Process().num_fds() == n_open


@NEVER_ANSWERS
@pytest.mark.parametrize("file", ["progress.json", "job.json", "stop", ".lock", ".discarded", "train.log"])
def test_a_pipe_in_the_place_of_a_note_keeps_nobody_waiting(run, file):
    os.mkfifo(run.path / file)
    assert run.progress() is None
    assert run.job() is None
    assert not is_being_trained(run)
    assert summary(run).error is None
    if file not in {".lock", "stop"}:
        assert discarded_runs(discard(run).path.parents[1])[0].name == "run"


def test_what_is_no_json_is_not_repeated(run):
    # It may be any file of the machine, in the place of which an archive has put a link.
    secret = run.path.parent / "secret"
    secret.write_text("hidden:x:0:0\n")
    (run.path / "config.json").unlink()
    (run.path / "config.json").symlink_to(secret)
    with pytest.raises(CheckpointError, match="is not a valid configuration: Invalid JSON") as refused:
        Run(run.path).config  # noqa: B018 - raises
    assert "hidden" not in str(refused.value)


def test_a_mark_of_the_byte_order_before_json_is_passed_over(run):
    path = run.path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Run(run.path).config == run.config


def test_a_file_that_grows_while_it_is_read_is_read_no_further_than_its_bound(tmp_path, monkeypatch):
    path = tmp_path / "growing.json"
    path.write_bytes(b"1")

    def larger(descriptor: int) -> os.stat_result:
        path.write_bytes(b"1" * 100)
        return found(descriptor)

    found = os.fstat
    with open_regular(path) as file:
        before = os.fstat(file.fileno())
    monkeypatch.setattr(os, "fstat", lambda descriptor: (larger(descriptor), before)[1])
    with pytest.raises(CheckpointError, match="at most 10 are read"):
        read_bounded(path, 10)


def test_the_bound_itself_is_read_and_one_byte_more_is_not(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b" " * MAX_JSON_BYTES)
    assert len(read_json_text(path)) == MAX_JSON_BYTES
    path.write_bytes(b" " * (MAX_JSON_BYTES + 1))
    with pytest.raises(CheckpointError, match="65,537 bytes; at most 65,536"):
        read_json_text(path)


def test_a_share_that_cannot_flush_its_folders_is_written_to_all_the_same(tmp_path, monkeypatch):
    def refuse(descriptor: int) -> None:
        raise OSError(22, "Invalid argument")

    whole = os.fsync
    monkeypatch.setattr(os, "fsync", lambda it: refuse(it) if Path(f"/proc/self/fd/{it}").is_dir() else whole(it))
    sync_folder(tmp_path)
    assert new_run(tmp_path / "run").config is not None


# Encoded sets, maps and weights


ENCODED = {
    "no rows": (lambda a: a.update({name: array[:0] for name, array in a.items()}), "it has 0 images"),
    "one row": (lambda a: a.update({name: array[:1] for name, array in a.items()}), "it has 1 images"),
    "a label of billions": (lambda a: a.update(labels=np.full(60, 3_000_000_000, np.uint32)), "labels are not whole"),
    "a label below 0": (lambda a: a.update(labels=np.full(60, -1, np.int8)), "labels are not whole numbers"),
    "labels of halves": (lambda a: a.update(labels=np.full(60, 0.5, np.float32)), "labels are not whole numbers"),
    "huge codes": (lambda a: a.update(mu=np.full((60, 2), 3e38, np.float32)), "not finite numbers within 1e"),
    "codes beyond float32": (lambda a: a.update(mu=np.full((60, 2), 1e300)), "not finite numbers within 1e"),
    "infinite codes": (lambda a: a["mu"].__setitem__(7, np.inf), "for 1 of 60 images: the model has diverged"),
    "variances that are none": (lambda a: a["log_var"].__setitem__(3, np.nan), "variances that are not numbers"),
    "no variances": (lambda a: a.pop("log_var"), "it lacks variances"),
    "codes of another width": (
        lambda a: a.update(mu=np.zeros((60, 3), np.float16), log_var=np.zeros((60, 3), np.float16)),
        "its codes have 3 dimensions, config.json says 2",
    ),
    "whole numbers for codes": (lambda a: a.update(mu=np.zeros((60, 2), np.int64)), "mu is of int64"),
    "complex codes": (lambda a: a.update(mu=np.zeros((60, 2), np.complex64)), "mu is of complex64"),
}


@pytest.mark.parametrize("case", ENCODED)
def test_codes_that_no_model_made_are_refused_in_words(run, case):
    change, words = ENCODED[case]
    changed(run.path / "encoded.safetensors", change)
    with pytest.raises(CheckpointError, match=words):
        Run(run.path).encoded()


CHANGED = {
    "activation": (("activation", "relu", "tanh"), "said activation 'relu'"),
    "likelihood": (("likelihood", "bernoulli", "continuous-bernoulli"), "said likelihood 'bernoulli'"),
    "posterior": (("posterior", "normal", "laplace"), "said posterior 'normal'"),
    "data": (("data", "digits", "mnist"), "said data 'digits'"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_codes_of_a_model_that_config_json_no_longer_describes_are_refused(run, case):
    (field, before, after), words = CHANGED[case]
    path = run.path / "config.json"
    text = path.read_text()
    path.write_text(text.replace(f'"{field}": "{before}"', f'"{field}": "{after}"'))
    assert path.read_text() != text
    for read in (Run(run.path).encoded, Run(run.path).test_elbo, partial(Run(run.path).projection, "pca")):
        with pytest.raises(CheckpointError, match=words):
            read()
    path.write_text(text)
    assert Run(run.path).encoded() is not None


def test_codes_that_do_not_say_of_which_model_they_are_are_those_of_the_weights(run):
    path = run.path / "encoded.safetensors"
    save_file(load_file(path), path, {"fingerprint": run.fingerprint(), "elbo": "-9.0"})
    assert len(Run(run.path).encoded()) == 60
    changed(path, lambda a: None, metadata={"model": "{"})
    with pytest.raises(CheckpointError, match="said what this version cannot read"):
        Run(run.path).encoded()


@pytest.mark.parametrize("said", [3, None, [1], {"family": "vae"}])
def test_what_a_file_says_of_itself_is_text_or_nothing(run, said):
    path = run.path / "encoded.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] |= {"data": said, "model": said}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    assert summary(Run(run.path)).error is None
    assert [entry.name for entry in list_runs(run.path.parent)] == ["run"]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/encoded.safetensors")), ids=lambda path: path.parent.name)
def test_the_codes_that_ship_say_of_which_model_they_are(path):
    assert {"model", "data"} <= read_metadata(path).keys()
    assert Run(path.parent).encoded() is not None


def test_a_type_that_numpy_has_not_is_refused_in_words(run):
    from safetensors.torch import save_file as save_tensors

    save_tensors({"mu": torch.zeros(60, 2, dtype=torch.bfloat16)}, run.path / "encoded.safetensors")
    with pytest.raises(CheckpointError, match="is damaged"):
        run.encoded()


def test_labels_of_a_conditional_model_are_those_that_it_was_given(tmp_path):
    run = new_run(tmp_path / "cvae", "cvae")
    encode_run(run)
    changed(run.path / "encoded.safetensors", lambda a: a["labels"].__setitem__(0, 10))
    with pytest.raises(CheckpointError, match="it has class 10, config"):
        run.encoded()


MAPS = {
    "another number of points": (lambda a: a.update(points=a["points"][1:]), {}, "points are float32 of shape"),
    "points that are none": (lambda a: a["points"].__setitem__(0, np.nan), {}, "not all finite numbers"),
    "axes of another width": (lambda a: a.update(axes=np.zeros((2, 5), np.float32)), {}, "axes are float32 of shape"),
    "an infinite origin": (lambda a: a["origin"].__setitem__(0, np.inf), {}, "origin are not all finite"),
    "parameters that are none": (lambda a: None, {"parameters": "[1]"}, "parameters are no names"),
    "a quality that is none": (
        lambda a: None,
        {"quality": '{"trustworthiness": null, "continuity": 1, "knn_accuracy": 1, "round_trip": 1, "n_compared": 1}'},
        "its quality is",
    ),
    "a number that JSON has not": (lambda a: None, {"quality": "NaN"}, "NaN is no number of JSON"),
    "another method": (lambda a: None, {"method": "<b>umap</b>"}, "it is a map by '<b>umap</b>'"),
    "too deep": (lambda a: None, {"axis_names": "[" * 100_000}, "nested too deeply|is damaged"),
}


@pytest.mark.parametrize("case", MAPS)
def test_a_map_that_fits_no_codes_is_refused_in_words(run, case):
    change, metadata, words = MAPS[case]
    changed(run.path / "projections" / "pca.safetensors", change, metadata=metadata)
    with pytest.raises(CheckpointError, match=words):
        Run(run.path).projection("pca")


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_weights_that_are_no_numbers_are_refused_in_words(run, value):
    changed(run.path / "weights.safetensors", lambda a: next(iter(a.values())).__setitem__(0, value))
    loaded = LoadedRun(Run(run.path))
    with pytest.raises(CheckpointError, match=r"weights that are not finite numbers, in .*: the model has diverged"):
        _ = loaded.model
    assert Run(run.path).model(may_have_diverged=True) is not None


# History


def test_lines_that_are_no_records_are_left_out_and_counted(run):
    whole = '{"epoch": 1, "seconds": 1.0, "train": {"elbo": -3.5}, "validation": {}}'
    odd = ["null", "3", "[1]", "{}", "[" * 5000, '{"epoch": ' + "9" * 5000 + "}", '{"epoch": 1e999}', '{"epoch": "1"}']
    (run.path / "history.jsonl").write_text("\n".join([odd[0], whole, *odd[1:], whole.replace("1,", "2,", 1)]))
    history = read_history(run.path)
    assert [record["epoch"] for record in history.records] == [1, 2]
    assert history.n_left_out == len(odd)
    assert history.problem == "8 lines of history.jsonl say nothing of an epoch and were left out."


def test_epochs_rise_and_what_is_no_number_in_them_is_left_out(run):
    lines = [
        {"epoch": 1, "seconds": "long", "train": {"elbo": None, "kl": 1.5, "note": "x", "z": [1, "2"]}},
        {"epoch": 1, "train": {"kl": 9}},
        {"epoch": 2, "validation": [1], "train": {"kl": 1e300, "kl_per_dimension": [0.5, 1]}},
        {"epoch": 3, "seconds": [1.5], "train": {"kl": [2], "kl_per_dimension": 3}},
    ]
    (run.path / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run.history() == [
        {"epoch": 1, "seconds": 0.0, "train": {"kl": 1.5}, "validation": {}},
        {"epoch": 2, "seconds": 0.0, "train": {"kl_per_dimension": [0.5, 1]}, "validation": {}},
        {"epoch": 3, "seconds": 0.0, "train": {}, "validation": {}},
    ]


def test_a_run_that_was_deleted_is_not_brought_back_by_what_is_written_into_it(run):
    projection = run.projection("pca")
    shutil.rmtree(run.path)
    writers = (
        lambda: run.save_projection(projection),
        lambda: open_for_recording(run.path / TIMELINE, None, 0),
        lambda: run.save_history([]),
    )
    for write in writers:
        with pytest.raises((CheckpointError, OSError)):
            write()
        assert not run.path.exists()


def test_a_history_larger_than_any_is_not_read(run):
    with (run.path / "history.jsonl").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(CheckpointError, match="1,000,000,000 bytes; at most 67,108,864"):
        run.history()


def test_a_number_that_was_none_is_written_as_json_has_it(run):
    run.save_history([{"epoch": 1, "seconds": 1.0, "train": {"elbo": float("-inf"), "kl": 2.0}, "validation": {}}])
    text = (run.path / "history.jsonl").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["train"] == {"elbo": None, "kl": 2.0}
    assert run.history()[0]["train"] == {"kl": 2.0}


# The list


@pytest.mark.parametrize("name", ["run (copy)", "größe", "run'", "a\nb", "x" * 100])
def test_a_folder_that_no_run_can_be_called_is_listed_with_what_to_do(run, name):
    shutil.copytree(run.path, run.path.parent / name)
    others = [entry for entry in list_runs(run.path.parent) if entry.name != "run"]
    assert [entry.name for entry in others] == [name]
    assert others[0].error.endswith("Rename the folder.")
    assert others[0].config is None


def test_a_folder_whose_name_is_no_text_is_listed(run):
    try:
        shutil.copytree(os.fsencode(run.path), os.fsencode(run.path.parent) + b"/r\xff")
    except OSError:
        pytest.skip("names of folders are texts here")
    assert [entry.name for entry in list_runs(run.path.parent)] == ["run", "r\ufffd"]


def test_a_folder_that_is_no_run_is_never_advised_to_be_deleted(run):
    other = run.path.parent / "older"
    other.mkdir()
    (other / "decoder.pt").write_bytes(b"PK")
    (entry,) = [entry for entry in list_runs(run.path.parent) if entry.name == "older"]
    assert "is no run of this explorer" in entry.error
    assert "delete" not in entry.error.lower()


@pytest.mark.parametrize("bound", ["nan", "inf", "-inf", "1e999"])
def test_a_bound_that_is_no_number_costs_the_bound_alone(run, bound):
    changed(run.path / "encoded.safetensors", lambda a: None, metadata={"elbo": bound})
    entry = summary(Run(run.path))
    assert (entry.error, entry.test_elbo, entry.has_encoded) == (None, None, True)
    assert "no finite number" in entry.problems[0]
    assert json.dumps(describe(entry), allow_nan=False)


def test_a_damaged_encoded_set_costs_the_map_alone_and_another_run_is_shown_first(run):
    shutil.copytree(run.path, run.path.parent / "second")
    content = (run.path / "encoded.safetensors").read_bytes()
    (run.path / "encoded.safetensors").write_bytes(content[:-7])
    entries = list_runs(run.path.parent)
    assert [entry.error for entry in entries] == [None, None]
    assert "encoded.safetensors is damaged" in entries[0].problems[0]
    assert default_run(entries) == "second"


def test_codes_of_another_width_are_seen_in_the_list(run):
    changed(run.path / "encoded.safetensors", lambda a: a.update(mu=np.zeros((60, 3), np.float16)))
    entry = summary(Run(run.path))
    assert "has 60 codes of 3 dimensions; config.json says 2" in entry.problems[0]
    assert not entry.has_encoded


def test_a_file_where_the_folder_of_runs_should_be_is_told_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be read: Not a directory"):
        list_runs(tmp_path / "file")


# Notes of training


def test_a_copied_folder_was_asked_to_train_nothing(run):
    run.save_job(JobRecord(order=1, queued_at=0.0))
    assert run.job().is_waiting
    copy = Run(Path(shutil.copytree(run.path, run.path.parent / "copy")))
    assert copy.job() is None
    (run.path / "job.json").write_text('{"order":0,"queued_at":0,"epochs":100000}')
    assert run.job() is None


def test_a_folder_that_was_renamed_was_asked_to_train_nothing(run):
    run.save_job(JobRecord(order=1, queued_at=0.0))
    assert Run(run.path.rename(run.path.parent / "other")).job() is None


@pytest.mark.parametrize("said", ["null", "[]", '{"pid": 1e999}', '{"pid": 10000000000, "mark": "", "since": 0}', "x"])
def test_whatever_a_lock_says_keeps_nobody_away(run, said):
    (run.path / ".lock").write_text(said)
    assert not is_being_trained(run)
    with training_lock(run):
        assert is_being_trained(run)


@pytest.mark.parametrize("said", ["NaN", "1e999", "-5", "1e18", '"x"', "null"])
def test_a_time_that_is_none_is_not_known(run, said):
    discarded = discard(run)
    (discarded.path / ".discarded").write_text(f'{{"time": {said}}}')
    assert discarded_runs(run.path.parent)[0].time == 0.0
