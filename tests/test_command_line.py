"""The command line: what it prints, what it leaves, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from explorer.__main__ import main
from explorer.analysis.projections import pca
from explorer.runs.run import Run
from tests.support import encode_run, new_run, trained_run

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 120
TINY = ("--hidden", "16", "--batch-size", "256")


@dataclass(frozen=True)
class Ended:
    """How a command ended; its messages have their line breaks and boxes taken out."""

    status: int
    out: str
    messages: str


Command = Callable[..., Ended]


def in_one_line(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.fixture
def command(tmp_path, monkeypatch, capsys) -> Command:
    """Run a command in this process, on runs in ``tmp_path``."""

    def run(*arguments: str) -> Ended:
        folder = [] if "--help" in arguments else ["--checkpoints", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["explorer", *arguments, *folder])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return Ended(status, printed.out, in_one_line(printed.err))

    return run


def process(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "explorer", *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, running: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def assert_one_sentence(ended: Ended, *parts: str) -> None:
    """The command could not be done, and says why and what to do without a traceback."""
    assert ended.status == 1, ended
    assert ended.messages.startswith("Error: ")
    assert "Traceback" not in ended.messages
    for part in parts:
        assert part in ended.messages


# In a process of its own


def test_a_run_is_trained_listed_encoded_and_projected(tmp_path):
    # One process for the first command, as a person starts it; the others below run in this one.
    name = ("--name", "first", "--checkpoints", str(tmp_path))
    trained = process("train", "--data", "digits", "--family", "cvae", "--epochs", "2", *TINY, *name)
    out, messages = trained.communicate(timeout=SECONDS)
    assert (trained.returncode, out) == (0, ""), messages
    assert "Trained first for 2 epochs" in messages
    run = Run(tmp_path / "first")
    assert (run.config.model.family, run.config.model.n_classes, len(run.history())) == ("cvae", 10, 2)
    assert len(run.encoded()) == 300
    assert run.projections() == ("pca",)


def test_a_stopped_run_is_saved_and_gone_on_with(tmp_path, command):
    path = tmp_path / "long"
    training = process(
        "train", "--data", "digits", "--epochs", "100000", *TINY, "--name", "long", "--checkpoints", str(tmp_path)
    )
    wait_for(path / "state.safetensors", training)
    training.send_signal(signal.SIGINT)
    _, messages = training.communicate(timeout=SECONDS)
    assert training.returncode == 0, messages
    assert "Go on: python -m explorer train --run long" in in_one_line(messages)
    assert "Traceback" not in messages
    _, numbers = Run(path).state()
    epochs = numbers["epoch"] + 1
    assert command("train", "--run", "long", "--epochs", str(epochs)).status == 0
    assert [record["epoch"] for record in Run(path).history()] == list(range(1, epochs + 1))


def test_what_cannot_be_done_ends_a_process_with_one_sentence(tmp_path):
    ended = process("encode", "nothing", "--checkpoints", str(tmp_path))
    out, messages = ended.communicate(timeout=SECONDS)
    assert (ended.returncode, out) == (1, "")
    assert messages.count("\n") == 1
    assert messages.startswith("Error: There is no run 'nothing'")


# In this process


def test_the_list_of_runs_is_json(tmp_path, command):
    trained_run(tmp_path / "whole")
    new_run(tmp_path / "damaged").path.joinpath("config.json").write_text("{}")
    ended = command("runs", "--json")
    damaged, whole = json.loads(ended.out)
    assert ended.status == 0
    assert (whole["name"], whole["family"], whole["latent_dim"], whole["error"]) == ("whole", "vae", 2, None)
    assert whole["elbo"] == pytest.approx(Run(tmp_path / "whole").encoded().elbo(), abs=1e-3)
    assert "model: Field required" in damaged["error"]


def test_the_list_of_runs_is_a_table_with_what_is_damaged(tmp_path, command):
    trained_run(tmp_path / "whole")
    encode_run(new_run(tmp_path / "point", "ae"))
    new_run(tmp_path / "damaged").path.joinpath("config.json").write_text("{}")
    ended = command("runs")
    lines = ended.out.splitlines()
    assert ended.status == 0
    assert any("whole" in line and "vae" in line and "digits" in line for line in lines)
    assert any("point" in line and "none: no p(x)" in line for line in lines)
    assert any("damaged:" in line for line in lines)


def test_an_error_that_looks_like_markup_is_printed_as_it_is(tmp_path, command):
    path = new_run(tmp_path / "odd").path / "config.json"
    path.write_text(path.read_text().replace('"vae"', '"[/red]"'))
    ended = command("runs")
    assert ended.status == 0
    assert "[/red]" in "".join(ended.out.split())


def test_an_empty_folder_has_no_runs_and_says_how_to_make_one(command):
    assert json.loads(command("runs", "--json").out) == []
    assert "Make one: python -m explorer train --data digits" in command("runs").messages


def test_codes_are_written_as_parquet(tmp_path, command):
    run = new_run(tmp_path / "run", latent_dim=3)
    out = tmp_path / "codes.parquet"
    assert command("encode", "run", "--out", str(out)).status == 0
    table = pq.read_table(out)
    terms = ["reconstruction", "kl"]
    assert table.column_names == [
        *("row", "label"),
        *(f"mu_{i}" for i in range(3)),
        *(f"log_var_{i}" for i in range(3)),
        *terms,
    ]
    assert command("encode", "run").status == 0
    encoded = run.encoded()
    assert table["row"].to_pylist() == list(range(300))
    assert table["label"].to_pylist() == encoded.labels.tolist()
    np.testing.assert_allclose(table["mu_2"].to_numpy(), encoded.mu[:, 2], rtol=1e-3, atol=1e-4)
    for term in terms:
        np.testing.assert_array_equal(table[term].to_numpy(), getattr(encoded, term))


def test_the_codes_of_an_autoencoder_have_no_variance(tmp_path, command):
    new_run(tmp_path / "ae", "ae")
    assert command("encode", "ae", "--out", str(tmp_path / "codes.parquet")).status == 0
    names = pq.read_table(tmp_path / "codes.parquet").column_names
    assert names == ["row", "label", "mu_0", "mu_1", "reconstruction", "kl"]


def test_another_split_is_encoded_into_a_file_of_its_own(tmp_path, command):
    new_run(tmp_path / "run")
    out = tmp_path / "codes.parquet"
    assert command("encode", "run", "--split", "validation", "--out", str(out)).status == 0
    assert pq.read_table(out).num_rows == 200
    refused = command("encode", "run", "--split", "validation")
    assert (refused.status, "add --out FILE.parquet" in refused.messages) == (2, True)


def test_a_projection_is_stored_with_the_run(tmp_path, command):
    run = new_run(tmp_path / "run", latent_dim=4)
    assert_one_sentence(command("project", "run"), "First run: python -m explorer encode run")
    assert command("encode", "run").status == 0
    assert command("project", "run", "--method", "pca").status == 0
    points = load_file(run.path / "projections" / "pca.safetensors")["points"]
    np.testing.assert_allclose(points, pca(run.encoded()).points, atol=1e-6)


def test_a_run_may_be_named_by_its_path(tmp_path, command):
    run = new_run(tmp_path / "deep" / "run")
    assert command("encode", str(run.path)).status == 0
    assert len(run.encoded()) == 300


def test_more_epochs_go_on_from_where_the_run_stands(tmp_path, command):
    train = ("train", "--data", "digits", *TINY, "--seed", "3")
    assert command(*train, "--name", "short", "--epochs", "1").status == 0
    assert command("train", "--run", "short", "--epochs", "3").status == 0
    assert command(*train, "--name", "long", "--epochs", "3").status == 0
    assert Run(tmp_path / "short").fingerprint() == Run(tmp_path / "long").fingerprint()
    assert Run(tmp_path / "short").config.training.epochs == 3


def test_a_run_that_lowers_its_step_size_to_zero_takes_no_more_epochs(tmp_path, command):
    new_run(tmp_path / "run", schedule="cosine")
    assert_one_sentence(command("train", "--run", "run", "--epochs", "5"), "over 2 epochs; it cannot become 5")


@pytest.mark.parametrize("epochs", ["0", "-1", "1000000"])
def test_a_number_of_epochs_that_makes_no_sense_is_refused_before_the_run_is_changed(tmp_path, command, epochs):
    run = new_run(tmp_path / "run")
    assert_one_sentence(command("train", "--run", "run", "--epochs", epochs), "epochs")
    assert Run(run.path).config.training.epochs == 2


def test_a_new_run_that_exists_is_not_replaced(tmp_path, command):
    run = new_run(tmp_path / "run")
    before = run.fingerprint()
    assert_one_sentence(command("train", "--data", "digits", "--name", "run"), "exists", "--name")
    assert run.fingerprint() == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--data", "imagenet"), "There is no data set 'imagenet'; use one of digits"),
        (("--data", "digits", "--family", "flow"), "model.family"),
        (("--data", "digits", "--latent-dim", "0"), "model.latent_dim"),
        (("--data", "digits", "--hidden", "1000000000"), "model.hidden.0"),
        (("--data", "digits", "--network", "conv", "--hidden", "4,4,4,4,4"), "takes at most 4"),
        (("--data", "digits", "--epochs", "0"), "training.epochs"),
        (("--data", "digits", "--beta", "-1"), "training.objective.beta"),
        (("--data", "digits", "--learning-rate", "nan"), "training.learning_rate"),
        (("--data", "digits", "--name", "../outside"), "cannot name a run"),
        (("--run", "nothing"), "There is no run 'nothing'"),
        (("--run", "../nothing"), "There is no run '../nothing'"),
    ],
    ids=str,
)
def test_training_that_cannot_start_says_why_and_leaves_nothing(tmp_path, command, options, text):
    assert_one_sentence(command("train", *options), text)
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_refused_in_words_before_a_run_is_made(tmp_path, command):
    assert_one_sentence(command("train", "--data", "digits", "--device", "cuda:99"), "cuda:99")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_refused_in_words(tmp_path, command):
    new_run(tmp_path / "run")
    assert_one_sentence(command("encode", "run", "--out", str(tmp_path / "no" / "folder" / "codes.parquet")), "folder")


@pytest.mark.parametrize("damage", ["config.json", "weights.safetensors"])
def test_a_damaged_run_is_refused_in_words(tmp_path, command, damage):
    new_run(tmp_path / "run").path.joinpath(damage).write_bytes(b"{")
    for arguments in (("encode", "run"), ("train", "--run", "run")):
        if arguments[0] == "encode" or damage == "config.json":
            assert_one_sentence(command(*arguments), damage)


def test_training_that_diverges_says_what_to_change(command):
    ended = command(
        *("train", "--data", "digits", "--likelihood", "gaussian", "--hidden", "256,256,256,256"),
        *("--learning-rate", "10", "--name", "run"),
    )
    assert_one_sentence(ended, "no longer a number", "--learning-rate", "10")


@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("train", "--data", "digits", "--run", "x"),
        ("train", "--data", "digits", "--epochs", "many"),
        ("train", "--data", "digits", "--hidden", "wide"),
        ("train", "--colour", "red"),
        ("encode",),
        ("fly",),
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_status_two(command, arguments):
    ended = command(*arguments)
    assert ended.status == 2
    assert "Usage" in ended.messages
    assert "Traceback" not in ended.messages


@pytest.mark.parametrize("name", [(), ("train",), ("encode",), ("project",), ("runs",)], ids=" ".join)
def test_every_command_explains_itself(command, name):
    ended = command(*name, "--help")
    assert ended.status == 0
    assert "Usage" in ended.out


def test_a_note_tells_what_the_numbers_of_a_run_are_not(command):
    ended = command("train", "--data", "digits", "--epochs", "1", "--binarisation", "none", "--beta", "0.5", *TINY)
    assert ended.status == 0
    assert "Note: Grey pixels under a Bernoulli are not a likelihood" in ended.messages
    assert "Note: With beta = 0.5 below 1 the objective is not a bound" in ended.messages


def test_a_command_to_copy_is_not_broken_over_two_lines(tmp_path, monkeypatch, capsys):
    name = "a-run-with-a-name-of-as-many-as-eighty-letters-which-is-as-long-as-it-can-get"
    monkeypatch.setattr(sys, "argv", ["explorer", "project", name, "--checkpoints", str(tmp_path)])
    new_run(tmp_path / name)
    with pytest.raises(SystemExit):
        main()
    assert f"python -m explorer encode {name}" in capsys.readouterr().err


def test_evaluate_prints_figures_as_json_and_reasons_in_words(command, tmp_path):
    trained_run(tmp_path / "vae", "vae", binarisation="fixed")
    trained_run(tmp_path / "ae", "ae", likelihood="gaussian")
    ended = command("evaluate", "vae", "--images", "40", "--iwae-samples", "20", "--json")
    figures = json.loads(ended.out)
    assert figures["elbo"] < figures["log_px"] < 0
    assert (figures["n_images"], figures["n_samples"]) == (40, 20)
    assert "an autoencoder has no prior" in command("evaluate", "ae", "--images", "40").out


def test_a_finished_run_without_its_state_is_not_trained_again_from_the_start(command, tmp_path):
    run = trained_run(tmp_path / "shipped", "vae", binarisation="fixed")
    (run.path / "state.safetensors").unlink()
    before = (run.path / "weights.safetensors").read_bytes(), run.history()
    ended = command("train", "--run", "shipped")
    assert ended.status == 1
    assert "shipped is finished" in ended.messages
    assert "--name" in ended.messages
    assert ((run.path / "weights.safetensors").read_bytes(), run.history()) == before


def test_a_new_run_without_a_name_takes_a_free_one(command, tmp_path):
    trained_run(tmp_path / "digits-vae-2d", "vae", binarisation="fixed")
    assert command("train", "--data", "digits", "--epochs", "1", *TINY).status == 0
    assert (tmp_path / "digits-vae-2d-2" / "encoded.safetensors").is_file()


def test_a_run_killed_before_its_first_state_is_trained_from_the_start(command, tmp_path):
    run = trained_run(tmp_path / "killed", "vae", binarisation="fixed", epochs=2)
    (run.path / "state.safetensors").unlink()
    run.save_history(run.history()[:1])
    assert command("train", "--run", "killed").status == 0
    assert [record["epoch"] for record in run.history()] == [1, 2]
