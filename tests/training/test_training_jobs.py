"""Training jobs as real processes that take their run as training does, without the minutes that training takes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from explorer import locations
from explorer.errors import CheckpointError, ConfigError, ReadOnlyError, TrainingError
from explorer.jobs.process_queue import MAX_WAITING
from explorer.locations import ROOT
from explorer.runs.live import JobRecord, LiveProgress, Phase
from explorer.runs.run import Run
from explorer.training.jobs import TrainingJobs, extended
from explorer.training.status import LOG, TrainingState, TrainingStatus
from tests.support import new_run, trained_run

SECONDS = 30

# The command's frame, around a wait instead of epochs: files in the folder say what happens.
PROGRAM = """
import os, sys, time
from pathlib import Path
from explorer.runs.live import Phase
from explorer.runs.run import Run
from explorer.training.worker import Worker

run = Run(Path(sys.argv[3]))
if (run.path / "refuse").exists():
    sys.exit("Note: something else\\nError: There is no data set digits. Fetch it.")
while (run.path / "late").exists():
    time.sleep(0.01)
with Worker(print) as worker:
    worker.take(run)
    while (run.path / "slow").exists():
        time.sleep(0.01)
    worker.begin(Phase.TRAINING, epoch=1)
    (run.path / "began").write_text(" ".join(sys.argv[1:3] + sys.argv[4:]) + f" by {os.getpid()}\\n")
    while not (run.path / "go").exists() and not worker.is_stop_requested():
        if (run.path / "break").exists():
            raise RuntimeError("a bug")
        time.sleep(0.01)
    worker.end(Phase.FINISHED if (run.path / "go").exists() else Phase.STOPPED)
"""


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def trainers(checkpoints: Path) -> list[psutil.Process]:
    """The processes that train a run of this folder."""
    found = psutil.process_iter(["cmdline", "status"])
    return [
        process
        for process in found
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(argument.startswith(f"{checkpoints}/") for argument in process.info["cmdline"] or ())
    ]


@pytest.fixture
def checkpoints(tmp_path: Path) -> Iterator[Path]:
    """A folder of runs a, b and c; after the test nobody trains any of them."""
    folder = tmp_path / "checkpoints"
    for name in "abc":
        new_run(folder / name)
    yield folder
    for path in folder.iterdir():
        if path.is_dir():
            (path / "job.json").unlink(missing_ok=True)
    for process in trainers(folder):
        with suppress(psutil.NoSuchProcess):  # many a test leaves one that is just ending
            process.kill()
    until(lambda: trainers(folder) == [])
    # The threads that wait for the processes end with them.
    for thread in threading.enumerate():
        if thread.name.startswith("train "):
            thread.join(SECONDS)


def app(checkpoints: Path, max_running: int = 1) -> TrainingJobs:
    return TrainingJobs(checkpoints, max_running, program=(sys.executable, "-c", PROGRAM))


def in_state(jobs: TrainingJobs, name: str, state: TrainingState) -> TrainingStatus:
    until(lambda: jobs.status(name).state is state)
    return jobs.status(name)


def pid_of(checkpoints: Path, name: str) -> int:
    began = checkpoints / name / "began"
    until(lambda: began.exists() and began.read_text().endswith("\n"))
    return int(began.read_text().split()[-1])


def states(jobs: TrainingJobs, names: str = "abc") -> list[str]:
    return [jobs.status(name).state.value for name in names]


def test_a_run_is_untrained_then_starts_runs_and_ends(checkpoints):
    jobs = app(checkpoints)
    assert states(jobs) == ["untrained"] * 3
    (checkpoints / "a" / "slow").touch()
    assert jobs.start("a").state is TrainingState.STARTING
    until((checkpoints / "a" / "progress.json").exists)
    assert jobs.status("a").state is TrainingState.STARTING
    (checkpoints / "a" / "slow").unlink()
    running = in_state(jobs, "a", TrainingState.RUNNING)
    assert (running.progress.phase, running.progress.pid) == (Phase.TRAINING, pid_of(checkpoints, "a"))
    (checkpoints / "a" / "go").touch()
    assert in_state(jobs, "a", TrainingState.FINISHED).problem == ""


def test_training_is_stopped_and_resumed(checkpoints):
    jobs = app(checkpoints)
    jobs.start("a")
    first = pid_of(checkpoints, "a")
    assert jobs.stop("a").state in {TrainingState.STOPPING, TrainingState.STOPPED}
    in_state(jobs, "a", TrainingState.STOPPED)
    assert not Run(checkpoints / "a").stop_requested()
    (checkpoints / "a" / "began").unlink()
    jobs.resume("a", epochs=7)
    assert pid_of(checkpoints, "a") != first
    assert (checkpoints / "a" / "began").read_text().startswith("train --run --device cpu --epochs 7 by")


def test_a_stop_that_comes_before_the_process_took_the_run_is_honoured(checkpoints):
    (checkpoints / "a" / "late").touch()
    jobs = app(checkpoints)
    jobs.start("a")
    assert jobs.stop("a").state is TrainingState.STOPPING
    (checkpoints / "a" / "late").unlink()
    in_state(jobs, "a", TrainingState.STOPPED)


def test_a_request_to_stop_that_a_crash_left_behind_stops_nothing_later(checkpoints):
    jobs = app(checkpoints)
    Run(checkpoints / "a").request_stop(1)
    jobs.start("a")
    in_state(jobs, "a", TrainingState.RUNNING)


def test_eight_who_press_start_at_once_in_two_apps_start_one_process(checkpoints):
    apps, barrier = [app(checkpoints, 4), app(checkpoints, 4)], threading.Barrier(8)

    def press(jobs: TrainingJobs) -> None:
        barrier.wait()
        jobs.start("a")

    threads = [threading.Thread(target=press, args=(apps[k % 2],)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trainers(checkpoints)) == 1
    assert Run(checkpoints / "a").job().order == 1
    pid_of(checkpoints, "a")
    assert len(trainers(checkpoints)) == 1


def test_what_waits_goes_in_the_order_it_was_asked_for_whatever_the_clock_says(checkpoints):
    jobs = app(checkpoints)
    for name in "acb":
        jobs.start(name)
    assert [(each.name, each.state.value, each.n_ahead) for each in jobs.all()] == [
        ("c", "queued", 1),
        ("b", "queued", 2),
        ("a", jobs.status("a").state.value, 0),
    ]
    # As if the clock had been set back between c and b.
    late = Run(checkpoints / "b")
    late.save_job(late.job().model_copy(update={"queued_at": 0.0}))
    pid_of(checkpoints, "a")
    (checkpoints / "a" / "go").touch()
    in_state(jobs, "c", TrainingState.RUNNING)
    assert states(jobs) == ["finished", "queued", "running"]
    assert jobs.status("b").n_ahead == 1


def test_a_run_in_the_queue_is_cancelled_and_is_what_it_was_before(checkpoints):
    jobs = app(checkpoints)
    for name in "abc":
        jobs.start(name)
    assert jobs.cancel("b").state is TrainingState.UNTRAINED
    assert jobs.stop("c").state is TrainingState.UNTRAINED
    in_state(jobs, "a", TrainingState.RUNNING)
    with pytest.raises(TrainingError, match="a does not wait to be trained: it is running"):
        jobs.cancel("a")
    jobs.stop("b")
    assert states(jobs) == ["running", "untrained", "untrained"]


def test_a_second_app_and_a_restarted_one_see_the_same_and_go_on_with_the_queue(checkpoints):
    first = app(checkpoints)
    first.start("a")
    first.start("b")
    pid_of(checkpoints, "a")
    first.close()  # it launches no more
    second = app(checkpoints)
    assert states(second) == ["running", "queued", "untrained"]
    second.watch()
    assert second.start("a").state is TrainingState.RUNNING
    (checkpoints / "a" / "go").touch()
    in_state(second, "b", TrainingState.RUNNING)
    second.close()


def test_training_from_the_command_line_is_seen_counted_and_stopped(checkpoints):
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, "train", "--run", str(checkpoints / "a")], cwd=ROOT)
    jobs = app(checkpoints)
    in_state(jobs, "a", TrainingState.RUNNING)
    assert jobs.start("a").progress.pid == process.pid
    assert jobs.start("b").n_ahead == 1
    jobs.stop("a")
    assert process.wait(SECONDS) == 0
    assert jobs.status("a").state is TrainingState.STOPPED
    jobs.start_waiting()
    in_state(jobs, "b", TrainingState.RUNNING)


def test_a_run_in_the_queue_that_is_trained_from_the_command_line_meanwhile_is_not_trained_again(checkpoints):
    jobs = app(checkpoints)
    jobs.start("a")
    jobs.start("b")
    (checkpoints / "b" / "go").touch()
    command = [sys.executable, "-c", PROGRAM, "train", "--run", str(checkpoints / "b")]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert jobs.status("b").state is TrainingState.FINISHED
    assert Run(checkpoints / "b").job() is None


def test_a_killed_process_is_noticed_and_said_to_be_killed_from_outside(checkpoints):
    jobs = app(checkpoints)
    jobs.start("a")
    os.kill(pid_of(checkpoints, "a"), signal.SIGKILL)
    until(lambda: Run(checkpoints / "a").job().exit_status is not None)
    failed = jobs.status("a")
    assert failed.state is TrainingState.FAILED
    assert "killed from outside, as the system does when memory runs out" in failed.problem
    assert failed.problem.endswith("Nothing was saved yet.")
    jobs.start("a")
    in_state(jobs, "a", TrainingState.RUNNING)


def test_an_app_that_did_not_see_the_end_says_that_the_process_is_gone(checkpoints):
    trained_run(checkpoints / "d")
    run = Run(checkpoints / "d")
    run.save_job(JobRecord(order=1, queued_at=0.0, pid=2**22 + 1, mark="no such"))
    run.save_progress(LiveProgress(phase=Phase.TRAINING, pid=2**22 + 1, mark="no such", time=time.time() + 1e6))
    (run.path / LOG).write_text("epoch   1\nepoch   2\n")
    failed = app(checkpoints).status("d")
    assert failed.state is TrainingState.FAILED
    assert failed.problem == (
        "Its process is gone, as when it is killed, memory runs out or the machine stops. The last it said: epoch   1 "
        "/ epoch   2 What was saved is whole, 2 epochs: resume to go on."
    )


def test_a_command_that_refuses_says_why_in_its_own_sentence(checkpoints):
    (checkpoints / "a" / "refuse").touch()
    jobs = app(checkpoints)
    jobs.start("a")
    failed = in_state(jobs, "a", TrainingState.FAILED)
    assert failed.problem == "There is no data set digits. Fetch it. Nothing was saved yet."


def test_a_bug_is_told_by_its_name_and_message(checkpoints):
    jobs = app(checkpoints)
    jobs.start("a")
    pid_of(checkpoints, "a")
    (checkpoints / "a" / "break").touch()
    assert in_state(jobs, "a", TrainingState.FAILED).problem == "RuntimeError: a bug. Nothing was saved yet."


def test_a_program_that_is_not_there_is_a_failure_in_words_and_does_not_hold_up_the_queue(checkpoints):
    jobs = TrainingJobs(checkpoints, 1, program=("/nowhere/python",))
    failed = jobs.start("a")
    assert failed.state is TrainingState.FAILED
    assert failed.problem.startswith("It could not be started (No such file or directory)")
    assert jobs.start("b").state is TrainingState.FAILED


def test_a_finished_run_is_started_for_more_epochs_only(checkpoints):
    trained_run(checkpoints / "d")
    jobs = app(checkpoints)
    assert (jobs.status("d").state, jobs.status("d").epoch) == (TrainingState.FINISHED, 2)
    with pytest.raises(TrainingError, match="d is finished: all its 2 epochs are done"):
        jobs.start("d")
    (checkpoints / "d" / "go").touch()
    jobs.start("d", epochs=3)
    pid_of(checkpoints, "d")
    until(lambda: not jobs.status("d").state.is_active)
    (checkpoints / "d" / "state.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"what it would go on from \(state.safetensors\) is not here"):
        jobs.start("d")


def test_a_run_without_a_word_of_its_training_is_known_by_its_history(checkpoints):
    run, jobs = Run(checkpoints / "a"), app(checkpoints)
    run.save_history([{"epoch": 1}])
    assert jobs.status("a").state is TrainingState.STOPPED
    run.note_divergence(2)
    assert jobs.status("a").state is TrainingState.DIVERGED
    run.save_history([{"epoch": 1}, {"epoch": 2}])
    assert jobs.status("a").state is TrainingState.FINISHED


def test_a_damaged_run_is_told_beside_the_others(checkpoints):
    (checkpoints / "b" / "config.json").write_text("{")
    statuses = {each.name: each for each in app(checkpoints).all()}
    assert statuses["b"].state is TrainingState.FAILED
    assert "config.json is not a valid configuration" in statuses["b"].problem
    assert statuses["a"].state is TrainingState.UNTRAINED


def test_what_cannot_be_started_is_refused_in_words(checkpoints):
    jobs = app(checkpoints)
    with pytest.raises(CheckpointError, match="There is no run 'none'"):
        jobs.start("none")
    with pytest.raises(CheckpointError, match="cannot name a run"):
        jobs.start("../a")
    with pytest.raises(ConfigError, match="a cannot go on so: epochs: Input should be less than"):
        jobs.start("a", epochs=10**9)
    with pytest.raises(ConfigError, match=r"a cannot be trained so: device: .* \(got 'toaster'\)"):
        jobs.start("a", device="toaster")
    assert jobs.status("a").state is TrainingState.UNTRAINED
    new_run(checkpoints / "cosine", schedule="cosine")
    with pytest.raises(ConfigError, match="cosine lowers its step size to zero over 2 epochs; it cannot become 9"):
        extended(Run(checkpoints / "cosine"), 9)


def test_a_full_queue_is_refused_in_words(checkpoints):
    for number in range(MAX_WAITING):
        path = checkpoints / f"waiting-{number}"
        path.mkdir()
        Run(path).save_job(JobRecord(order=number, queued_at=0.0))
    with pytest.raises(TrainingError, match=f"a was not started: {MAX_WAITING} runs wait already"):
        app(checkpoints).start("a")


def test_an_app_that_only_shows_starts_stops_and_cancels_nothing(checkpoints, monkeypatch):
    monkeypatch.setattr(locations, "READONLY", True)
    jobs = app(checkpoints)
    for act, what in ((jobs.start, "Training"), (jobs.stop, "Stopping"), (jobs.cancel, "Cancelling")):
        with pytest.raises(ReadOnlyError, match=f"{what} a is not possible here"):
            act("a")
    assert states(jobs) == ["untrained"] * 3
    assert sorted(path.name for path in checkpoints.iterdir()) == ["a", "b", "c"]


def test_a_folder_that_is_not_there_has_no_runs(tmp_path):
    jobs = app(tmp_path / "none")
    assert jobs.all() == []
    jobs.start_waiting()


def test_what_is_written_of_training_can_be_read_by_anyone(checkpoints):
    jobs = app(checkpoints)
    jobs.start("a")
    pid = pid_of(checkpoints, "a")
    said = json.loads((checkpoints / "a" / "progress.json").read_text())
    assert (said["phase"], said["pid"], said["epochs"]) == ("training", pid, 2)
    assert json.loads((checkpoints / "a" / "job.json").read_text())["pid"] == pid
