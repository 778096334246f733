"""Training that its surroundings fail: nothing saved is lost, no half file is read, and it says what happened."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from explorer.data.catalogue import load_split
from explorer.errors import CheckpointError
from explorer.locations import ROOT
from explorer.runs.live import Phase
from explorer.runs.run import Run
from explorer.training.jobs import TrainingJobs
from explorer.training.status import TrainingState, training_status
from tests.faults.test_sigkill import assert_same_training, assert_whole, new
from tests.faults.training_process import SECONDS, TrainingProcess
from tests.support import new_run, read_only

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes under /proc")


def begun(path: Path) -> TrainingProcess:
    """A process that trains a new run and has saved its second epoch."""
    path.parent.mkdir(exist_ok=True)
    process = new(path, "digits")
    process.wait_for_epoch(2)
    return process


def assert_goes_on_as_if_nothing_had_been(path: Path, tmp_path: Path) -> None:
    """The run is whole, and two more epochs end in the bits of a run that was never disturbed."""
    epochs = assert_whole(Run(path), load_split("digits", "train"), load_split("digits", "validation")) + 2
    TrainingProcess(path, "--run", path.name, "--epochs", str(epochs)).finish()
    assert training_status(Run(path)).state is TrainingState.FINISHED
    (tmp_path / "whole").mkdir()
    new(tmp_path / "whole" / "run", "digits", epochs).finish()
    assert_same_training(Run(path), Run(tmp_path / "whole" / "run"))


@pytest.mark.parametrize("how", ["signal", "file"])
def test_training_that_is_asked_to_stop_saves_and_goes_on_to_the_same_bits(tmp_path, how):
    path = tmp_path / "stopped" / "run"
    process, run = begun(path), Run(path)
    if how == "signal":
        process.process.terminate()
    else:
        run.request_stop()
    process.finish()
    assert training_status(run).state is TrainingState.STOPPED
    assert not run.stop_requested()
    assert f"Stopped in epoch {len(run.history()) + 1}; saved." in process.log.read_text()
    assert_goes_on_as_if_nothing_had_been(path, tmp_path)


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    """A file system of its own at ``path``, in memory."""
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def fill(path: Path) -> None:
    """Write until there is no space left."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.skipif(shutil.which("mount") is None, reason="mounts a small disk")
def test_a_full_disk_ends_training_and_loses_nothing(tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "4m"):
        path = disk / "run"
        process = begun(path)
        fill(disk / "filler")
        said = process.fail()
        assert "could not be written: No space left on device. Check the folder and the space on its disk" in said
        failed = training_status(Run(path))
        assert failed.state is TrainingState.FAILED
        assert "The disk is full: free some space. What was saved is whole" in failed.problem
        assert_whole(Run(path), load_split("digits", "train"), load_split("digits", "validation"))
        (disk / "filler").unlink()
        assert_goes_on_as_if_nothing_had_been(path, tmp_path)


def test_a_file_that_may_not_grow_ends_training_and_says_so_in_the_run(tmp_path):
    resource = pytest.importorskip("resource")
    process = begun(tmp_path / "limited" / "run")
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))  # less than the weights
    assert "could not be written: File too large" in process.fail()
    failed = training_status(Run(process.run))
    assert failed.state is TrainingState.FAILED
    assert failed.problem.startswith(f"{Run(process.run).progress().problem} What was saved is whole")
    assert "could not be written: File too large" in failed.problem
    assert_goes_on_as_if_nothing_had_been(process.run, tmp_path)


def test_a_folder_that_is_moved_away_ends_training_and_is_whole_where_it_is(tmp_path):
    process = begun(tmp_path / "moved" / "run")
    (tmp_path / "away").mkdir()
    away = process.run.rename(tmp_path / "away" / "run")
    said = process.fail()
    assert "was deleted, moved or replaced" in said or "No such file or directory" in said
    assert not process.run.exists()
    assert_goes_on_as_if_nothing_had_been(away, tmp_path)


def test_a_run_that_takes_the_place_of_one_in_training_is_not_written_to(tmp_path):
    process = begun(tmp_path / "replaced" / "run")
    other = new_run(tmp_path / "other" / "run")
    before = {file.name: file.read_bytes() for file in other.path.iterdir()}
    process.run.rename(tmp_path / "away")
    other.path.rename(process.run)
    said = process.fail()
    assert "was deleted, moved or replaced" in said or "No such file or directory" in said
    # What was being written in that moment is renamed into place, if at all, where its own folder went.
    assert {file.name: file.read_bytes() for file in process.run.iterdir()} == before


@pytest.mark.skipif(shutil.which("chattr") is None, reason="makes a folder read-only by chattr")
def test_a_folder_that_becomes_read_only_ends_training_and_loses_nothing(tmp_path):
    process = begun(tmp_path / "read-only" / "run")
    with read_only(process.run):
        said = process.fail()
        assert "could not be written: Operation not permitted" in said or "Permission denied" in said
        failed = training_status(Run(process.run))
        assert failed.state is TrainingState.FAILED
        assert "What was saved is whole" in failed.problem
    assert_goes_on_as_if_nothing_had_been(process.run, tmp_path)


def test_a_configuration_that_is_changed_meanwhile_is_told_and_can_be_put_back(tmp_path):
    process, run = begun(tmp_path / "changed" / "run"), Run(tmp_path / "changed" / "run")
    config = (run.path / "config.json").read_bytes()
    changed = json.loads(config)
    changed["model"]["hidden"] = [32]
    (run.path / "config.json").write_text(json.dumps(changed))
    run.request_stop()
    process.finish()
    with pytest.raises(
        CheckpointError, match=r"do not fit config.json .* One of the two files was replaced: restore it"
    ):
        Run(run.path).model()
    refused = TrainingProcess(run.path, "--run", "run").fail()
    assert "does not fit config.json" in refused
    assert training_status(Run(run.path)).state is TrainingState.FAILED
    (run.path / "config.json").write_bytes(config)
    assert_goes_on_as_if_nothing_had_been(run.path, tmp_path)


def test_a_clock_that_was_set_back_confuses_nobody(tmp_path):
    process = begun(tmp_path / "clock" / "run")
    run = Run(process.run)
    process.process.terminate()
    process.finish()
    tomorrow = time.time() + 86_400
    run.save_progress(run.progress().model_copy(update={"time": tomorrow}))
    for file in run.path.iterdir():
        os.utime(file, (tomorrow, tomorrow))
    assert training_status(run).state is TrainingState.STOPPED
    assert_goes_on_as_if_nothing_had_been(run.path, tmp_path)
    assert run.progress().time < tomorrow


def test_training_that_is_killed_while_it_encodes_is_resumed_with_that_alone(tmp_path):
    new(tmp_path / "run", "digits", epochs=1, frozen_in="encoded.safetensors").kill_in_a_save()
    run = Run(tmp_path / "run")
    assert run.progress().phase is Phase.ENCODING
    failed = training_status(run)
    assert failed.state is TrainingState.FAILED
    assert failed.problem.endswith("What was saved is whole, 1 epoch: resume to go on.")
    assert run.encoded() is None
    before = run.fingerprint()
    TrainingProcess(run.path, "--run", "run").finish()
    assert training_status(run).state is TrainingState.FINISHED
    assert (run.fingerprint(), len(run.history())) == (before, 1)
    assert run.encoded() is not None


@pytest.mark.parametrize("tail", ['{"epoch": 99, "tra', "\x00\x00\xff", '{"epoch"'], ids=["cut", "binary", "cut-early"])
def test_a_history_with_a_broken_end_is_read_up_to_there_and_gone_on_with(tmp_path, tail):
    process = begun(tmp_path / "tail" / "run")
    process.kill()
    with (process.run / "history.jsonl").open("a", encoding="latin-1") as file:
        file.write(tail)
    assert training_status(Run(process.run)).state is TrainingState.FAILED
    assert_goes_on_as_if_nothing_had_been(process.run, tmp_path)


def test_of_four_that_are_started_at_once_on_a_run_one_trains_it(tmp_path):
    new_run(tmp_path / "run", epochs=10_000)
    processes = [TrainingProcess(tmp_path / "run", "--run", "run") for _ in range(4)]
    deadline = time.monotonic() + SECONDS
    while sum(process.process.is_alive() for process in processes) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (winner,) = [process for process in processes if process.process.is_alive()]
    for process in processes:
        if process is not winner:
            assert f"run is being trained by process {winner.process.pid} since" in process.fail()
    winner.wait_for_epoch(1)
    assert Run(tmp_path / "run").progress().pid == winner.process.pid
    winner.process.terminate()
    winner.finish()


APP = """
import sys, time
from pathlib import Path
from explorer.training.jobs import TrainingJobs

jobs = TrainingJobs(Path(sys.argv[1]), max_running=1)
jobs.start("a")
jobs.start("b")
jobs.watch()
time.sleep(600)
"""


def test_training_and_its_queue_survive_the_app(tmp_path):
    for name, epochs in (("a", 10_000), ("b", 1)):
        new_run(tmp_path / name, epochs=epochs)
    app = subprocess.Popen([sys.executable, "-c", APP, str(tmp_path)], cwd=ROOT)
    jobs = TrainingJobs(tmp_path, max_running=1)

    def until(name: str, *states: TrainingState) -> None:
        deadline = time.monotonic() + 2 * SECONDS
        while jobs.status(name).state not in states:
            assert time.monotonic() < deadline, jobs.status(name)
            time.sleep(0.05)

    until("a", TrainingState.RUNNING)
    app.kill()
    app.wait()
    trained_by = Run(tmp_path / "a").progress().pid
    assert (jobs.status("b").state, jobs.status("b").n_ahead) == (TrainingState.QUEUED, 1)
    n_before = jobs.status("a").epoch
    deadline = time.monotonic() + SECONDS
    while jobs.status("a").epoch <= n_before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    jobs.watch()
    assert jobs.start("a").progress.pid == trained_by
    jobs.stop("a")
    until("a", TrainingState.STOPPED)
    until("b", TrainingState.FINISHED)
    jobs.close()
    assert Run(tmp_path / "b").progress().phase is Phase.FINISHED
    assert (tmp_path / "b" / "encoded.safetensors").exists()
    assert "Trained b for 1 epochs" in (tmp_path / "b" / "train.log").read_text()
