"""Training that is killed at any moment leaves a run that loads, is listed, and goes on to the same bits."""

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.data.catalogue import load_split
from explorer.data.images import ImageSplit
from explorer.locations import DATA
from explorer.runs.listing import list_runs
from explorer.runs.run import Run
from explorer.training.trainer import Trainer
from tests.faults.training_process import TrainingProcess

N_KILLS = {"digits": 18, "mnist": 6}
"""Kills of one run: about three of four while a file is half written, the others at random moments."""

N_BEFORE = {"digits": 3, "mnist": 1}
"""A save of each file at the end of so many epochs may be the one: an epoch of MNIST takes seconds."""

if "EXPLORER_FAULT_MOMENTS" in os.environ:
    N_KILLS = dict.fromkeys(N_KILLS, int(os.environ["EXPLORER_FAULT_MOMENTS"]))
OPTIONS = {
    "digits": ("--hidden", "64", "--batch-size", "256"),
    "mnist": ("--hidden", "32", "--batch-size", "8192", "--binarisation", "none"),
}

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes under /proc")


@pytest.fixture(params=["digits", pytest.param("mnist", marks=pytest.mark.mnist)])
def data(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "mnist" and not (os.environ.get("EXPLORER_DATA") and (DATA / "MNIST" / "raw").is_dir()):
        pytest.skip("MNIST is not under EXPLORER_DATA")
    return name


def new(path: Path, data: str, epochs: int = 10_000, **frozen: Any) -> TrainingProcess:
    options = ("--data", data, "--name", path.name, "--epochs", str(epochs), *OPTIONS[data])
    return TrainingProcess(path, *options, **frozen)


def assert_whole(run: Run, train: ImageSplit, validation: ImageSplit) -> int:
    """The run is listed without an error, decodes numbers, and could be gone on with; returns the epochs it counts."""
    (entry,) = list_runs(run.path.parent)
    assert (entry.name, entry.error) == (run.path.name, None)
    assert run.model().decode(torch.zeros(1, 2)).mean.isfinite().all()
    epoch = Trainer(run, train, validation).epoch
    assert [record["epoch"] for record in run.history()] in (list(range(1, epoch + 1)), list(range(1, epoch + 2)))
    return epoch


def assert_same_training(first: Run, second: Run) -> None:
    (tensors, numbers), (expected, expected_numbers) = first.state(), second.state()
    assert numbers["epoch"] == expected_numbers["epoch"]
    assert numbers["best"] == expected_numbers["best"]
    assert [name for name in expected if not torch.equal(tensors[name], expected[name])] == []
    assert first.fingerprint() == second.fingerprint()


def test_training_killed_again_and_again_in_a_save_and_elsewhere_loses_nothing_and_ends_as_if_it_never_was(
    tmp_path, data
):
    path, draw, half_written = tmp_path / "killed" / "run", random.Random(0), Counter()
    path.parent.mkdir()
    train, validation = load_split(data, "train"), load_split(data, "validation")
    new(path, data, frozen_in="*").kill_in_a_save()
    for k in range(1, N_KILLS[data]):
        if k % 4 == 3:
            TrainingProcess(path, "--run", "run").kill_after(draw.uniform(0.0, 0.8))
        else:
            file = ("weights.safetensors", "state.safetensors", "history.jsonl")[k % 4]
            process = TrainingProcess(path, "--run", "run", frozen_in=file, n_before=draw.randrange(N_BEFORE[data]))
            half_written[process.kill_in_a_save()] += 1
        assert_whole(Run(path), train, validation)
    assert half_written.total() == sum(k % 4 != 3 for k in range(1, N_KILLS[data]))
    epochs = assert_whole(Run(path), train, validation) + 2
    TrainingProcess(path, "--run", "run", "--epochs", str(epochs)).finish()
    (tmp_path / "whole").mkdir()
    new(tmp_path / "whole" / "run", data, epochs).finish()
    assert_same_training(Run(path), Run(tmp_path / "whole" / "run"))


def test_a_run_killed_in_the_making_is_not_listed_and_can_be_made_again(tmp_path):
    new(tmp_path / "run", "digits", frozen_in_the_making=True).kill_in_the_making()
    assert list_runs(tmp_path) == []
    new(tmp_path / "run", "digits", epochs=1).finish()
    (entry,) = list_runs(tmp_path)
    assert (entry.name, entry.error, entry.has_encoded) == ("run", None, True)


def test_what_a_kill_left_half_written_is_cleared_when_training_goes_on(tmp_path):
    new(tmp_path / "run", "digits", frozen_in="*").kill_in_a_save()
    epochs = Trainer(Run(tmp_path / "run"), load_split("digits", "train"), load_split("digits", "validation")).epoch + 1
    TrainingProcess(tmp_path / "run", "--run", "run", "--epochs", str(epochs)).finish()
    assert list((tmp_path / "run").glob(".*.tmp")) == []
