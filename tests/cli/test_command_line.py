"""The command line: what it prints, what it leaves, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from explorer.__main__ import main
from explorer.analysis.coding import decode_codes, encode_split
from explorer.analysis.projections.methods import METHODS, pca
from explorer.jobs.progress import Progress
from explorer.locations import ROOT
from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.config import TrainingConfig
from explorer.runs.live import LiveProgress, Phase
from explorer.runs.lock import training_lock
from explorer.runs.run import Run
from tests.cli.conftest import Ended, in_one_line
from tests.forked import command_line, forked
from tests.support import digits, encode_run, new_run, trained_run

SECONDS = 120
TINY = ("--hidden", "16", "--batch-size", "256")


def process(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "explorer", *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, running: BaseProcess, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert running.is_alive(), log.read_text()
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
    path, log = tmp_path / "long", tmp_path / "messages"
    options = ("--data", "digits", "--epochs", "100000", *TINY, "--name", "long", "--checkpoints", str(tmp_path))
    training = forked(log, command_line, "train", *options)
    wait_for(path / "state.safetensors", training, log)
    os.kill(training.pid, signal.SIGINT)
    training.join(SECONDS)
    messages = log.read_text()
    assert training.exitcode == 0, messages
    assert "Go on: python -m explorer train --run long" in in_one_line(messages)
    assert "Traceback" not in messages
    _, numbers = Run(path).state()
    epochs = numbers["epoch"] + 1
    assert command("train", "--run", "long", "--epochs", str(epochs)).status == 0
    assert [record["epoch"] for record in Run(path).history()] == list(range(1, epochs + 1))


def test_training_says_where_it_stands_from_the_first_moment_to_the_last(tmp_path, command, monkeypatch):
    said, save = [], Run.save_progress

    def note(run: Run, progress: LiveProgress) -> None:
        said.append(progress)
        save(run, progress)

    monkeypatch.setattr(Run, "save_progress", note)
    command("train", "--data", "digits", "--name", "run", "--epochs", "2", *TINY)
    phases = list(dict.fromkeys(progress.phase.value for progress in said))
    assert phases == ["starting", "training", "encoding", "projecting", "finished"]
    assert {(progress.pid, progress.epochs) for progress in said} == {(os.getpid(), 2)}
    assert Run(tmp_path / "run").progress().epoch == 2


def test_a_run_that_is_being_trained_is_left_as_it_is(tmp_path, command):
    run = new_run(tmp_path / "run")
    with training_lock(run):
        ended = command("train", "--run", "run", "--epochs", "9")
    assert ended.status == 1
    assert ended.messages.startswith(f"Error: run is being trained by process {os.getpid()} since ")
    assert ended.messages.endswith("Stop it first.")
    assert Run(run.path).config.training.epochs == 2
    assert run.progress() is None


def test_training_that_fails_leaves_the_reason_with_the_run(tmp_path, command):
    run = new_run(tmp_path / "run")
    assert command("train", "--run", "run", "--device", "cuda:99").status == 1
    assert run.progress().phase is Phase.FAILED
    assert run.progress().problem.startswith("There is no device 'cuda:99'")
    assert command("train", "--run", "run").status == 0
    assert run.progress().phase is Phase.FINISHED


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


@pytest.mark.parametrize("method", ["pacmap", "tsne"])
def test_a_map_of_neighbours_is_stored_with_its_quality(tmp_path, command, method):
    run = new_run(tmp_path / "run", latent_dim=4)
    assert command("encode", "run").status == 0
    ended = command("project", "run", "--method", method)
    assert ended.status == 0
    quality = run.projection(method).quality
    assert f"trustworthiness {quality.trustworthiness:.3f}" in ended.messages
    assert f"round trip {quality.round_trip:.1%} of the map's radius" in ended.messages
    assert run.projections() == (method,)


def test_a_slow_map_leaves_in_a_file_how_far_it_is(tmp_path, command):
    new_run(tmp_path / "run", latent_dim=4)
    assert command("encode", "run").status == 0
    file = tmp_path / "progress.json"
    assert command("project", "run", "--method", "pacmap", "--progress", str(file)).status == 0
    last = Progress.from_json(file.read_text())
    assert (last.what, last.until) == ("measuring the map", pytest.approx(1))


def test_what_is_not_slow_says_nothing_of_how_far_it_is(tmp_path, command):
    new_run(tmp_path / "run", latent_dim=4)
    assert command("encode", "run").status == 0
    assert command("project", "run", "--method", "pca", "--progress", str(tmp_path / "progress.json")).status == 0
    assert not (tmp_path / "progress.json").exists()


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
        (("--data", "digits", "--family", "flow"), "--family flow: input should be"),
        (("--data", "digits", "--latent-dim", "0"), "--latent-dim 0:"),
        (("--data", "digits", "--hidden", "1000000000"), "--hidden 1000000000:"),
        (("--data", "digits", "--network", "conv", "--hidden", "4,4,4,4,4"), "takes at most 4"),
        (("--data", "digits", "--epochs", "0"), "--epochs 0:"),
        (("--data", "digits", "--beta", "-1"), "--beta -1"),
        (("--data", "digits", "--learning-rate", "nan"), "--learning-rate nan"),
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


def test_training_that_diverges_says_what_to_change(tmp_path, command):
    ended = command(
        *("train", "--data", "digits", "--likelihood", "gaussian", "--hidden", "256,256,256,256"),
        *("--learning-rate", "10", "--name", "run"),
    )
    assert_one_sentence(ended, "no longer a number", "--learning-rate", "10")
    said = Run(tmp_path / "run").progress()
    assert (said.phase, f"Error: {said.problem}") == (Phase.DIVERGED, ended.messages)


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


@pytest.mark.parametrize(
    "name", [(), ("train",), ("encode",), ("project",), ("evaluate",), ("sample",), ("runs",)], ids=" ".join
)
def test_every_command_explains_itself(command, name):
    ended = command(*name, "--help")
    assert ended.status == 0
    assert "Usage" in ended.out


def test_the_help_names_every_map_that_can_be_stored(command):
    said = command("project", "--help").out
    assert [name for name in METHODS if name not in said] == []


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
    (finding,) = json.loads(command("evaluate", "ae", "--images", "40", "--json").out)["diagnosis"]
    assert (list(finding), finding["name"]) == (["name", "evidence", "remedy"], "no-samples")


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


# Options that come from the configuration

LEFT_OUT = {ModelConfig: {"image_shape", "n_classes"}, TrainingConfig: {"data", "objective"}, ObjectiveConfig: set()}
CHOSEN = {
    ModelConfig: {
        "family": "cvae",
        "latent_dim": 3,
        "network": "conv",
        "hidden": (4, 6),
        "activation": "tanh",
        "likelihood": "gaussian-low-rank",
        "sigma": 0.2,
        "rank": 2,
        "posterior": "student-t",
        "degrees_of_freedom": 4.0,
        "prior": "normal",
    },
    TrainingConfig: {
        "epochs": 1,
        "batch_size": 300,
        "optimiser": "adagrad",
        "learning_rate": 0.003,
        "epsilon": 1e-5,
        "weight_decay": 0.001,
        "max_gradient_norm": 50.0,
        "schedule": "cosine",
        "seed": 7,
        "binarisation": "fixed",
        "em": "alternating",
        "encoder_steps": 2,
        "gradient_penalty": 3.0,
    },
    ObjectiveConfig: {
        "estimator": "sgvb-a",
        "n_samples": 2,
        "beta": 1.5,
        "kl_schedule": "cyclic",
        "ramp_epochs": 4.0,
        "free_bits": "per-example",
        "free_nats": 0.25,
    },
}


def option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def without_space(text: str) -> str:
    return "".join(text.replace("│", " ").split())


@pytest.mark.parametrize("config", CHOSEN, ids=lambda config: config.__name__)
def test_every_setting_of_a_run_is_an_option_that_explains_itself(command, monkeypatch, config):
    monkeypatch.setenv("COLUMNS", "160")
    shown = command("train", "--help").out
    fields = {name: field for name, field in config.model_fields.items() if name not in LEFT_OUT[config]}
    assert CHOSEN[config].keys() <= fields.keys()
    for name, field in fields.items():
        assert option(name) in shown.split()
        assert without_space(field.description) in without_space(shown)


def test_settings_that_follow_from_the_data_are_no_options(command):
    for name in ("image_shape", "n_classes", "objective"):
        assert command("train", "--data", "digits", option(name), "1").status == 2


def test_every_option_arrives_in_the_field_that_it_is_named_after(tmp_path, command):
    options = [
        word
        for fields in CHOSEN.values()
        for name, value in fields.items()
        for word in (option(name), ",".join(map(str, value)) if isinstance(value, tuple) else str(value))
    ]
    assert command("train", "--data", "digits", "--name", "run", *options).status == 0
    config = Run(tmp_path / "run").config
    for part in (config.model, config.training, config.training.objective):
        assert {name: getattr(part, name) for name in CHOSEN[type(part)]} == CHOSEN[type(part)]


# Presets


def test_a_preset_goes_before_defaults_and_what_is_chosen_goes_before_the_preset(tmp_path, command):
    chosen = ("--epochs", "1", "--hidden", "8", "--n-samples", "2")
    assert command("train", "--data", "digits", "--preset", "iwae-2016", "--name", "run", *chosen).status == 0
    config = Run(tmp_path / "run").config
    objective = config.training.objective
    assert (config.model.latent_dim, config.model.hidden, config.model.activation) == (50, (8,), "tanh")
    assert (config.training.epochs, config.training.batch_size, config.training.epsilon) == (1, 20, 1e-4)
    assert (objective.estimator, objective.n_samples) == ("iwae", 2)


def test_an_objective_beside_a_preset_keeps_what_it_does_not_change(tmp_path, command):
    chosen = ("--preset", "aevb-2014", "--epochs", "1", "--hidden", "8", "--beta", "2", "--family", "cvae")
    assert command("train", "--data", "digits", "--name", "run", *chosen).status == 0
    config = Run(tmp_path / "run").config
    assert (config.model.n_classes, config.training.optimiser, config.training.learning_rate) == (10, "adagrad", 0.02)
    assert (config.training.objective.estimator, config.training.objective.beta) == ("sgvb-b", 2.0)


@pytest.mark.parametrize(
    "options",
    [
        ("--beta", "2"),
        ("--em", "joint"),
        ("--latent-dim", "3"),
        ("--preset", "aevb-2014"),
    ],
    ids=" ".join,
)
def test_a_run_that_exists_takes_no_new_settings_and_says_which(tmp_path, command, options):
    new_run(tmp_path / "run")
    ended = command("train", "--run", "run", *options)
    assert ended.status == 2
    assert f"{options[0]} cannot change a run that exists" in ended.messages


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--preset", "nothing"), "no preset 'nothing': use one of map-in-a-minute, best-elbo,"),
        (("--preset", "iwae-2016", "--beta", "2"), "has no KL term of its own to weigh"),
        (("--preset", "aevb-2014", "--family", "gan"), "use binarisation 'none'"),
        (("--estimator", "iwae", "--free-bits", "per-example"), "has no KL term of its own to weigh"),
        (("--family", "ae", "--beta", "2"), "family 'ae' has no bound"),
        (("--family", "gan", "--em", "alternating"), "use em 'joint'"),
        (("--family", "gan", "--posterior", "laplace"), "no q(z|x) with a prior"),
        (("--posterior", "normal-full", "--free-bits", "per-dimension"), "use 'per-example'"),
        (("--estimator", "sgvb-a", "--free-bits", "batch-mean"), "use 'per-example', or estimator 'sgvb-b'"),
        (("--prior", "conditional"), "use family 'cvae'"),
        (("--posterior", "gamma", "--prior", "normal"), "Use prior 'matching'"),
        (("--posterior", "dirichlet", "--latent-dim", "1"), "use latent_dim 2 or more"),
        (("--optimiser", "lbfgs"), "--optimiser lbfgs:"),
        (("--n-samples", "0"), "--n-samples 0:"),
        (("--n-samples", "5000", "--batch-size", "65536"), "or fewer --n-samples"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_together_leave_nothing(tmp_path, command, options, text):
    assert_one_sentence(command("train", "--data", "digits", *options), text)
    assert list(tmp_path.iterdir()) == []


# A decoder without an encoder


def test_a_gan_is_trained_and_listed_and_has_no_codes(tmp_path, command):
    ended = command("train", "--data", "digits", "--family", "gan", "--epochs", "1", "--name", "gan", *TINY)
    assert ended.status == 0
    for part in ("critic", "generator", "diversity", "Trained gan for 1 epochs"):
        assert part in ended.messages
    assert "Note:" not in ended.messages
    assert not (tmp_path / "gan" / "encoded.safetensors").exists()
    assert any("gan" in line and "none: no p(x)" in line for line in command("runs").out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("encode", "run"), "A gan has no encoder"),
        (("project", "run"), "run is a gan: it has no encoder, so there are no codes of images to project"),
        (("sample", "run", "--out", "x.png", "--density", "gaussian"), "A gan has no encoder"),
    ],
    ids=str,
)
def test_what_needs_an_encoder_is_refused_for_a_gan_in_words(tmp_path, command, arguments, text):
    new_run(tmp_path / "run", "gan")
    assert_one_sentence(command(*arguments), text)


def test_evaluating_a_gan_gives_reasons_instead_of_figures(tmp_path, command):
    new_run(tmp_path / "gan", "gan")
    figures = json.loads(command("evaluate", "gan", "--images", "10", "--json").out)
    missing = figures.keys() - {"n_images", "n_samples", "reasons", "diagnosis"}
    assert {figures[name] for name in missing} == {None}
    assert missing == figures["reasons"].keys()
    assert set(figures["reasons"].values()) == {
        "a GAN has no encoder and no p(x) that can be evaluated: it only generates"
    }


# Samples


@pytest.mark.parametrize("family", ["vae", "cvae", "ae", "gan"])
def test_samples_are_written_with_the_codes_that_they_were_decoded_from(tmp_path, command, family):
    run = new_run(tmp_path / "run", family)
    out = tmp_path / "drawn.npz"
    ended = command("sample", "run", "--n", "13", "--out", str(out), "--seed", "4")
    assert ended.status == 0
    of = " of all classes in turn" if family == "cvae" else ""
    assert f"Drew 13 codes{of} from the {'gaussian' if family == 'ae' else 'prior'} with seed 4" in ended.messages
    drawn = np.load(out)
    assert (drawn["images"].dtype, drawn["images"].shape, drawn["codes"].shape) == (np.uint8, (13, 1, 8, 8), (13, 2))
    labels = drawn["labels"] if family == "cvae" else None
    assert labels is None or labels.tolist() == [*range(10), 0, 1, 2]
    assert ("labels" in drawn) is (family == "cvae")
    np.testing.assert_array_equal(drawn["images"], decode_codes(run.model(), drawn["codes"], labels))
    assert command("sample", "run", "--n", "13", "--out", str(tmp_path / "again.npz"), "--seed", "4").status == 0
    np.testing.assert_array_equal(np.load(tmp_path / "again.npz")["codes"], drawn["codes"])


def test_a_grid_of_samples_holds_the_images_row_by_row_and_is_black_where_none_is_left(tmp_path, command):
    new_run(tmp_path / "run", "cvae", prior="conditional")
    for suffix in ("png", "npz"):
        ended = command("sample", "run", "--n", "7", "--label", "3", "--out", str(tmp_path / f"drawn.{suffix}"))
        assert ended.status == 0
    drawn = np.load(tmp_path / "drawn.npz")
    grid = np.asarray(Image.open(tmp_path / "drawn.png"))[::7, ::7].reshape(3, 8, 3, 8).swapaxes(1, 2).reshape(9, 8, 8)
    assert drawn["labels"].tolist() == [3] * 7
    np.testing.assert_array_equal(grid[:7], drawn["images"][:, 0])
    assert grid[7:].max() == 0


def test_the_temperature_scales_the_noise_of_the_prior(tmp_path, command):
    new_run(tmp_path / "run")
    for temperature in ("1", "0.5", "0"):
        out = str(tmp_path / f"{temperature}.npz")
        assert command("sample", "run", "--n", "5", "--temperature", temperature, "--out", out).status == 0
    whole, half, none = (np.load(tmp_path / f"{temperature}.npz")["codes"] for temperature in ("1", "0.5", "0"))
    np.testing.assert_allclose(half, whole / 2, rtol=1e-6)
    assert np.abs(none).max() == 0


@pytest.mark.parametrize("density", ["gaussian", "mixture", "kde"])
def test_codes_of_an_autoencoder_are_drawn_from_a_density_of_those_of_the_training_images(tmp_path, command, density):
    run = new_run(tmp_path / "ae", "ae")
    out = tmp_path / "drawn.npz"
    assert command("sample", "ae", "--n", "400", "--density", density, "--out", str(out)).status == 0
    drawn = np.load(out)["codes"]
    train = digits("train")
    codes = encode_split(run.model(), train, is_binary=False, fingerprint="").mu
    error = codes.std(0) / np.sqrt(400)
    assert (np.abs(drawn.mean(0) - codes.mean(0)) < 5 * error).all()
    np.testing.assert_allclose(drawn.std(0), codes.std(0), rtol=0.2)


def test_a_path_is_told_as_it_is_whatever_a_terminal_could_take_it_for(tmp_path, command):
    new_run(tmp_path / "run")
    out = tmp_path / "[/b] :x: [bold]y" / "s.png"
    out.parent.mkdir(parents=True)
    ended = command("sample", "run", "--n", "2", "--out", str(out))
    assert (ended.status, ended.messages.rpartition(" -> ")[2]) == (0, str(out))
    assert_one_sentence(command("sample", ":x:", "--out", str(out)), "':x:' cannot name a run")


@pytest.mark.parametrize("arguments", [("sample", "run", "--out", "x.png"), ("evaluate", "run", "--images", "9")])
def test_a_model_that_has_diverged_is_said_to_have(tmp_path, command, arguments):
    run = new_run(tmp_path / "run")
    weights = run.model().state_dict()
    run.save_weights(weights | {"decoder.bias": weights["decoder.bias"] * torch.nan})
    assert_one_sentence(command(*arguments), "not finite numbers, in decoder.bias: the model has diverged")


@pytest.mark.parametrize(
    ("family", "arguments", "text"),
    [
        ("ae", ("--density", "prior"), "family 'ae' has no prior: there is nothing to draw from"),
        ("ae", ("--density", "normal"), "There is no density 'normal': use one of prior, gaussian, mixture, kde"),
        ("vae", ("--out", "drawn.jpg"), "drawn.jpg cannot hold images: end its name in .png or .npz"),
        ("vae", ("--out", "drawn"), "drawn cannot hold images: end its name in .png or .npz"),
        ("vae", ("--out", "/no/folder/drawn.png"), "/no/folder/drawn.png could not be written"),
        ("vae", ("--label", "3"), "run was trained without classes: leave out --label, or sample a cvae"),
        ("gan", ("--label", "3"), "run was trained without classes"),
        ("cvae", ("--label", "10"), "Class 10 does not exist in run: use 0 to 9"),
        ("ae", ("--seed", str(2**32)), "seed"),
        ("ae", ("--temperature", "0.5"), "temperature"),
    ],
    ids=str,
)
def test_samples_that_cannot_be_drawn_say_why(tmp_path, command, family, arguments, text):
    new_run(tmp_path / "run", family)
    out = () if "--out" in arguments else ("--out", str(tmp_path / "drawn.png"))
    assert_one_sentence(command("sample", "run", *arguments, *out), text)
    assert not (tmp_path / "drawn.png").exists()


def test_a_prior_that_is_no_normal_has_no_temperature(tmp_path, command):
    new_run(tmp_path / "run", posterior="gamma")
    out = ("--out", str(tmp_path / "drawn.npz"))
    assert_one_sentence(command("sample", "run", "--temperature", "0.5", *out), "temperature 0.5 means nothing there")
    assert command("sample", "run", *out).status == 0
    assert np.load(tmp_path / "drawn.npz")["codes"].min() > 0


@pytest.mark.parametrize(
    "option_", [("--n", "0"), ("--n", "10001"), ("--label", "-1"), ("--temperature", "-1"), ("--seed", "-1")]
)
def test_a_number_of_samples_that_makes_no_sense_is_bad_usage(tmp_path, command, option_):
    new_run(tmp_path / "run", "cvae")
    assert command("sample", "run", "--out", str(tmp_path / "x.png"), *option_).status == 2


# From one algorithm to the other


@pytest.mark.parametrize(
    ("first", "second", "options"),
    [
        ("vae", "gan", ""),
        ("vae", "gan", "--activation relu"),
        ("gan", "vae", ""),
        ("ae", "vae", ""),
    ],
)
def test_a_run_may_start_from_the_decoder_of_another_family(tmp_path, command, first, second, options):
    origin = new_run(tmp_path / "first", first)
    still = "--hidden 16 --likelihood bernoulli --learning-rate 1e-9 --optimiser sgd --epochs 1"
    new = f"train --data digits --family {second} --name second --decoder-from first {options} {still}"
    assert command(*new.split()).status == 0
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    went_on = Run(tmp_path / "second").model()
    torch.testing.assert_close(went_on.decode(z).mean, origin.model().decode(z).mean, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--decoder-from", "nothing"), "There is no run 'nothing'"),
        (("--decoder-from", "first", "--hidden", "17"), "That decoder does not fit: a vae with latent_dim=2"),
        (("--decoder-from", "first", "--latent-dim", "3"), "needs one that was trained with the same"),
        (("--decoder-from", "first", "--likelihood", "gaussian-diagonal"), "likelihood=gaussian-diagonal"),
        (("--decoder-from", "first", "--family", "cvae"), "That decoder does not fit: a cvae"),
    ],
    ids=str,
)
def test_a_decoder_of_other_sizes_is_refused_and_leaves_nothing(tmp_path, command, options, text):
    new_run(tmp_path / "first", "gan")
    sizes = () if "--hidden" in options else ("--hidden", "16")
    assert_one_sentence(command("train", "--data", "digits", "--name", "second", *sizes, *options), text)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_a_decoder_that_goes_on_keeps_its_sizes_unless_they_are_chosen(tmp_path, command):
    new_run(tmp_path / "first", hidden=(24,), latent_dim=3, activation="tanh")
    assert (
        command("train", "--data", "digits", "--family", "gan", "--decoder-from", "first", "--epochs", "1").status == 0
    )
    model = Run(tmp_path / "digits-gan-3d").config.model
    assert (model.hidden, model.activation, model.latent_dim) == ((24,), "tanh", 3)


def test_evaluate_says_what_each_figure_is_and_that_nothing_is_wrong(tmp_path, command):
    trained_run(tmp_path / "run", "cvae", epochs=15, binarisation="fixed")
    out = command("evaluate", "run", "--images", "50", "--iwae-samples", "5").out
    assert "a lower bound on log p(x|y), nats" in out
    assert "Nothing wrong was found." in out


def test_codes_go_to_a_parquet_file_only(tmp_path, command):
    trained_run(tmp_path / "run")
    ended = command("encode", "run", "--out", str(tmp_path / "codes.csv"))
    assert ended.status == 2
    assert "end its name in .parquet" in ended.messages


def test_a_folder_takes_one_part_from_one_process(tmp_path, command):
    new_run(tmp_path / "run")
    folder = tmp_path / "parts"
    assert command("encode", "run", "--out", str(folder)).status == 0
    assert command("encode", "run", "--out", str(tmp_path / "whole.parquet")).status == 0
    (part,) = folder.iterdir()
    assert part.name == "part-00000-of-00001.parquet"
    assert pq.read_table(part).equals(pq.read_table(tmp_path / "whole.parquet"))


def test_parts_of_another_encoding_in_the_folder_are_refused(tmp_path, command):
    new_run(tmp_path / "run")
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "part-00001-of-00004.parquet").touch()
    ended = command("encode", "run", "--out", str(folder))
    assert ended.status == 1
    assert "holds part-00001-of-00004.parquet, which is no part of this encoding. Choose an empty" in ended.messages


def test_a_file_cannot_be_a_folder_of_parts(tmp_path, command):
    new_run(tmp_path / "run")
    (tmp_path / "parts").touch()
    assert_one_sentence(
        command("encode", "run", "--out", str(tmp_path / "parts")),
        "Choose another --out for the folder of parts",
    )


def test_several_processes_do_not_write_one_file(tmp_path, command, monkeypatch):
    new_run(tmp_path / "run")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for arguments in ((), ("--out", str(tmp_path / "codes.parquet"))):
        ended = command("encode", "run", *arguments)
        assert (ended.status, "add --out FOLDER" in ended.messages) == (2, True)


def test_event_files_are_written_when_asked_for_and_only_then(tmp_path, command):
    for name, options in (("plain", ()), ("watched", ("--tensorboard",))):
        assert command("train", "--data", "digits", "--epochs", "1", "--name", name, *TINY, *options).status == 0
    assert not (tmp_path / "plain" / "tensorboard").exists()
    assert len(list((tmp_path / "watched" / "tensorboard").glob("events.out.tfevents.*"))) == 1
    assert command("train", "--run", "watched", "--epochs", "2", "--tensorboard").status == 0
    assert len(list((tmp_path / "watched" / "tensorboard").iterdir())) == 2
