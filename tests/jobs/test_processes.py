"""Processes told apart from those that have their number later, and failures in words."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from explorer.jobs.processes import (
    NICENESS,
    is_alive,
    mark_of,
    start_detached,
    why_it_failed,
)
from explorer.locations import ROOT


def test_a_process_has_one_mark_while_it_lives_and_none_after():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = mark_of(process.pid)
    assert mark
    assert is_alive(process.pid, mark)
    assert not is_alive(process.pid, mark + "0")
    assert not is_alive(process.pid, "")
    process.stdin.close()
    process.wait()
    assert mark_of(process.pid) == ""
    assert not is_alive(process.pid, mark)


@pytest.mark.skipif(sys.platform != "linux", reason="waits for the end of a process without taking note of it")
def test_a_process_that_ended_and_was_not_waited_for_is_not_alive():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    mark = mark_of(process.pid)
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid, mark)
    process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a mark is a time of the clock")
def test_the_mark_of_a_process_does_not_depend_on_the_clock(monkeypatch):
    before = mark_of(os.getpid())
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: 0.0)  # what the system says once the clock was set
    assert mark_of(os.getpid()) == before


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (1, "Note: x\nError: The disk is gone.\n", "The disk is gone."),
        (None, "Error: The disk is gone.", "The disk is gone."),
        (None, "", "Its process is gone, as when it is killed, memory runs out or the machine stops."),
        (None, "epoch 1\n", "Its process is gone, as when it is killed, memory runs out or the machine stops. The last "
         "it said: epoch 1"),
        (3, "one\ntwo\n", "Its process ended with status 3. The last it said: one / two"),
    ],
)  # fmt: skip
def test_a_failure_is_told_by_the_last_sentence_or_by_what_is_known(tmp_path, status, text, expected):
    (tmp_path / "log").write_text(text)
    assert why_it_failed(status, tmp_path / "log") == expected


def test_a_switch_of_the_environment_keeps_the_app_from_writing():
    code = "from explorer import locations; print(locations.READONLY)"
    for value, expected in (("1", "True"), ("", "False"), ("0", "False"), ("yes", "True")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"EXPLORER_READONLY": value, "PATH": "", "HOME": "/"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the system does not share cores by session")
def test_what_works_for_the_app_lets_it_go_first_although_it_is_a_session_of_its_own(tmp_path):
    process = start_detached([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log")
    try:
        assert psutil.Process(process.pid).nice() == NICENESS
        assert Path(f"/proc/{process.pid}/autogroup").read_text().split()[-2:] == ["nice", str(NICENESS)]
    finally:
        process.kill()
        process.wait()
