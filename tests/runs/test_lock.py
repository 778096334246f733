"""The lock of a run: it keeps a second trainer away, is seen without disturbing, and is gone with its process."""

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from explorer.errors import CheckpointError, TrainingError
from explorer.locations import ROOT
from explorer.runs import lock
from explorer.runs.lock import FILE, folder_lock, is_being_trained, training_lock
from explorer.runs.run import Run
from tests.support import new_run

HOLDER = """
import sys, time
from pathlib import Path
from explorer.runs.lock import training_lock
from explorer.runs.run import Run

with training_lock(Run(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "run").mkdir()
    return Run(tmp_path / "run")


def another_holder(run: Run) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def ended(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_run_is_being_trained_while_its_lock_is_held_and_not_before_or_after(run):
    assert not is_being_trained(run)
    with training_lock(run):
        assert is_being_trained(run)
    assert not is_being_trained(run)
    with training_lock(run):
        assert is_being_trained(run)


def test_a_second_trainer_is_told_which_process_works_on_the_run_and_since_when(run):
    process = another_holder(run)
    try:
        with pytest.raises(TrainingError) as refused, training_lock(run):
            pass
    finally:
        ended(process)
    expected = rf"run is being trained by process {process.pid} since \d\d:\d\d\. Stop it first\."
    assert re.fullmatch(expected, str(refused.value))


def test_the_lock_is_gone_with_its_process_and_what_it_said_means_nothing(run):
    process = another_holder(run)
    assert is_being_trained(run)
    ended(process)
    assert str(process.pid) in (run.path / FILE).read_text()
    assert not is_being_trained(run)
    with training_lock(run):
        assert f'"pid":{os.getpid()}' in (run.path / FILE).read_text()
    assert (run.path / FILE).read_text() == ""


def test_looking_never_keeps_a_trainer_away(run):
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            is_being_trained(run)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(30):
            with training_lock(run):
                pass
    finally:
        is_over.set()
        for looker in lookers:
            looker.join()


@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
def test_the_holder_notices_that_the_folder_is_another_one(run, is_replaced):
    with training_lock(run) as held:
        held.check()
        shutil.rmtree(run.path)
        if is_replaced:
            run.path.mkdir()
            with training_lock(Run(run.path)), pytest.raises(CheckpointError, match="writes nothing more"):
                held.check()
        with pytest.raises(CheckpointError, match="run was deleted, moved or replaced while it was being trained"):
            held.check()


def test_a_folder_that_is_not_there_is_told_in_words(tmp_path):
    assert not is_being_trained(Run(tmp_path / "none"))
    with (
        pytest.raises(CheckpointError, match=r"could not be opened \(No such file or directory\)"),
        training_lock(Run(tmp_path / "none")),
    ):
        pass


def test_without_locks_on_the_file_system_a_living_process_still_keeps_others_away(run, monkeypatch):
    def refuse(_: int, *, is_shared: bool) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_lock", refuse)  # no file system without locks can be made here
    process = another_holder(run)
    assert is_being_trained(run)
    with pytest.raises(TrainingError, match=f"by process {process.pid} since"), training_lock(run):
        pass
    ended(process)
    assert not is_being_trained(run)
    with training_lock(run):
        assert is_being_trained(run)
    assert not is_being_trained(run)


def test_the_lock_of_a_folder_lets_one_in_at_a_time(tmp_path):
    inside, most = [], []

    def enter() -> None:
        for _ in range(20):
            with folder_lock(tmp_path / ".lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 80


def test_the_lock_of_a_folder_that_is_never_let_go_of_is_told_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "FOLDER_PATIENCE_SECONDS", 0.05)
    with (
        folder_lock(tmp_path / ".lock"),
        pytest.raises(CheckpointError, match="is locked by a process that does not go on"),
        folder_lock(tmp_path / ".lock"),
    ):
        pass


def test_a_run_that_takes_the_place_while_a_file_is_being_written_is_not_written_to(tmp_path):
    run, other = new_run(tmp_path / "run"), new_run(tmp_path / "other")
    before = {file.name: file.read_bytes() for file in other.path.iterdir()}

    def replaced_just_before():
        run.path.rename(tmp_path / "away")
        other.path.rename(run.path)

    with training_lock(run) as held:
        run.before_replacing = held.check
        run.save_history([{"epoch": 1}])
        run.before_replacing = replaced_just_before
        with pytest.raises(CheckpointError):
            run.save_history([{"epoch": 1}, {"epoch": 2}])
        run.before_replacing = held.check
        with pytest.raises(CheckpointError, match="was deleted, moved or replaced"):
            run.save_history([{"epoch": 1}, {"epoch": 2}])
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before
    assert len(Run(tmp_path / "away").history()) == 1
