"""Jobs as real processes: what they say, how they end, and that nothing is left of them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from explorer import locations
from explorer.errors import ReadOnlyError, ServingError
from explorer.jobs.process_queue import MAX_WAITING, Jobs, report_to
from explorer.jobs.progress import Progress
from explorer.jobs.status import JobState, JobStatus
from explorer.locations import ROOT

SECONDS = 30

# What every job of these tests does: its arguments say which of the things that commands do.
PROGRAM = """
import json, os, subprocess, sys, time
from pathlib import Path
from explorer.jobs.process_queue import report_to
from explorer.jobs.processes import end_with_app
from explorer.jobs.progress import Progress

end_with_app()
what, place, _, progress = sys.argv[1:]
place = Path(place)
if what == "count":
    report_to(Path(progress))(Progress(what="counting, 3 of 4", fraction=0.75, until=0.75))
    while not place.exists():
        time.sleep(0.01)
elif what == "fail":
    print("Note: something else\\nError: The weights are gone. Restore them.")
    sys.exit(1)
elif what == "break":
    raise RuntimeError("a bug")
elif what == "die":
    os.kill(os.getpid(), 9)
elif what == "family":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    place.write_text(json.dumps([os.getpid(), child.pid]))
    child.wait()
elif what == "leave":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    place.write_text(json.dumps([os.getpid(), child.pid]))
"""


STRANGERS: set[int] = set()
"""Processes that libraries of other tests started in this one, before a test of these."""


def children() -> list[psutil.Process]:
    """The processes that were started here since, and theirs."""
    return [child for child in psutil.Process().children(recursive=True) if child.pid not in STRANGERS]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """Jobs of which one runs at a time; after the test nothing that this process started is left."""
    STRANGERS.update(child.pid for child in psutil.Process().children(recursive=True))
    jobs = Jobs(max_running=1, program=(sys.executable, "-c", PROGRAM))
    yield jobs
    jobs.close()
    until(lambda: children() == [])


def ended(jobs: Jobs, key: str) -> JobStatus:
    until(lambda: not jobs.status(key).is_active)
    return jobs.status(key)


def pids(place: Path) -> list[int]:
    until(lambda: place.exists() and place.read_text().endswith("]"))
    return json.loads(place.read_text())


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_job_says_what_it_does_and_is_done_when_its_process_ends_well(jobs, tmp_path):
    started = jobs.start("a", "Counting", ["count", str(tmp_path / "go")], expected_seconds=8)
    assert started.state is JobState.RUNNING
    assert started.what == "starting"
    assert started.seconds_left == pytest.approx(8, abs=1)
    until(lambda: jobs.status("a").what == "counting, 3 of 4")
    status = jobs.status("a")
    assert status.fraction == 0.75
    assert status.seconds_left == pytest.approx(status.seconds / 3)
    (tmp_path / "go").touch()
    done = ended(jobs, "a")
    assert (done.state, done.problem) == (JobState.DONE, "")


def test_a_job_that_could_not_be_done_says_why_in_the_commands_own_sentence(jobs):
    jobs.start("a", "Failing", ["fail", ""])
    failed = ended(jobs, "a")
    assert (failed.state, failed.problem) == (JobState.FAILED, "The weights are gone. Restore them.")


def test_a_bug_in_a_job_is_told_by_its_last_lines(jobs):
    jobs.start("a", "Breaking", ["break", ""])
    failed = ended(jobs, "a")
    assert failed.problem.startswith("Its process ended with status 1. The last it said: ")
    assert failed.problem.endswith("RuntimeError: a bug")


def test_a_job_that_is_killed_from_outside_says_so(jobs):
    jobs.start("a", "Dying", ["die", ""])
    assert "killed from outside, as the system does when memory runs out" in ended(jobs, "a").problem


def test_an_app_that_only_shows_computes_nothing(jobs, monkeypatch):
    monkeypatch.setattr(locations, "READONLY", True)
    with pytest.raises(
        ReadOnlyError, match="Computing UMAP of a is not possible here: this app only shows what is there"
    ):
        jobs.start("a", "UMAP of a", ["fail", ""])
    assert jobs.status("a") is None


def test_a_program_that_is_not_there_is_a_failure_in_words():
    jobs = Jobs(program=("/nowhere/python",))
    status = jobs.start("a", "Nothing", [])
    assert status.state is JobState.FAILED
    assert status.problem.startswith("Nothing could not be started (No such file or directory)")
    jobs.close()


def test_cancelling_ends_the_process_and_all_that_it_started(jobs, tmp_path):
    jobs.start("a", "Family", ["family", str(tmp_path / "pids")])
    family = pids(tmp_path / "pids")
    assert not any(is_gone(pid) for pid in family)
    jobs.cancel("a")
    assert jobs.status("a").state is JobState.CANCELLED
    until(lambda: all(is_gone(pid) for pid in family))
    jobs.cancel("a")
    jobs.cancel("none such")


def test_what_a_command_leaves_behind_ends_with_it(jobs, tmp_path):
    jobs.start("a", "Leaving", ["leave", str(tmp_path / "pids")])
    assert ended(jobs, "a").state is JobState.DONE
    until(lambda: all(is_gone(pid) for pid in pids(tmp_path / "pids")))


def test_two_who_ask_for_the_same_at_once_share_one_process(jobs, tmp_path):
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        jobs.start("a", "Counting", ["count", str(tmp_path / "go")])

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len([job for job in children() if job.ppid() == os.getpid()]) == 1
    (tmp_path / "go").touch()
    assert ended(jobs, "a").state is JobState.DONE


def test_what_ended_can_be_started_again_and_forgotten(jobs, tmp_path):
    jobs.start("a", "Failing", ["fail", ""])
    assert ended(jobs, "a").state is JobState.FAILED
    (tmp_path / "go").touch()
    jobs.start("a", "Counting", ["count", str(tmp_path / "go")])
    jobs.forget("a")
    assert jobs.status("a") is not None, "what runs is not forgotten"
    assert ended(jobs, "a").state is JobState.DONE
    jobs.forget("a")
    assert jobs.status("a") is None


def test_more_than_may_run_at_once_wait_in_order_and_can_be_cancelled(jobs, tmp_path):
    for key in "abcd":
        jobs.start(key, key, ["count", str(tmp_path / key)])
    assert [jobs.status(key).state for key in "abcd"] == [JobState.RUNNING, *[JobState.WAITING] * 3]
    assert [jobs.status(key).n_ahead for key in "abcd"] == [0, 1, 2, 3]
    jobs.cancel("c")
    assert jobs.status("c").state is JobState.CANCELLED
    assert jobs.status("d").n_ahead == 2
    (tmp_path / "a").touch()
    until(lambda: jobs.status("b").state is JobState.RUNNING)
    assert (jobs.status("a").state, jobs.status("d").n_ahead) == (JobState.DONE, 1)
    jobs.cancel("b")
    until(lambda: jobs.status("d").state is JobState.RUNNING)


def test_a_full_queue_is_refused_in_words(jobs, tmp_path):
    for number in range(MAX_WAITING + 1):
        jobs.start(str(number), "Counting", ["count", str(tmp_path / "go")])
    with pytest.raises(ServingError, match=f"UMAP was not started: {MAX_WAITING} computations wait already"):
        jobs.start("more", "UMAP", ["count", str(tmp_path / "go")])


def test_closing_ends_all_and_starts_none(tmp_path):
    jobs = Jobs(max_running=1, program=(sys.executable, "-c", PROGRAM))
    jobs.start("a", "Family", ["family", str(tmp_path / "pids")])
    jobs.start("b", "Counting", ["count", str(tmp_path / "go")])
    family = pids(tmp_path / "pids")
    jobs.close()
    until(lambda: all(is_gone(pid) for pid in family))
    assert [jobs.status(key).state for key in "ab"] == [JobState.CANCELLED] * 2
    with pytest.raises(ServingError, match="the app is ending"):
        jobs.start("c", "Counting", ["count", str(tmp_path / "go")])


APP = """
import sys, time
from explorer.jobs.process_queue import Jobs

jobs = Jobs(max_running=1, program=(sys.executable, "-c", sys.argv[1]))
jobs.start("a", "Family", ["family", sys.argv[2]])
time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal that Windows does not have")
def test_jobs_end_when_the_app_is_killed(tmp_path):
    app = subprocess.Popen([sys.executable, "-c", APP, PROGRAM, str(tmp_path / "pids")], cwd=ROOT)
    family = pids(tmp_path / "pids")
    app.send_signal(signal.SIGKILL)
    app.wait()
    until(lambda: all(is_gone(pid) for pid in family))


def test_reports_of_a_count_are_spaced_and_those_of_a_new_stage_are_not(tmp_path):
    report = report_to(tmp_path / "progress.json")
    first = Progress(what="counting, 1 of 4", fraction=0.25, until=0.25)
    report(first)
    report(Progress(what="counting, 2 of 4", fraction=0.5, until=0.5))
    assert Progress.from_json((tmp_path / "progress.json").read_text()) == first
    stage = Progress(what="measuring", fraction=0.9, until=1.0, seconds=3)
    report(stage)
    assert Progress.from_json((tmp_path / "progress.json").read_text()) == stage
