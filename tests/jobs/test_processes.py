"""Processes told apart from those that have their number later, and failures in words."""

import os
import subprocess
import sys

import psutil
import pytest

from explorer.jobs.processes import is_alive, mark_of, sleep_while_waiting, why_it_failed
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


@pytest.mark.parametrize(("chosen", "policy"), [(None, "passive"), ("active", "active")])
def test_threads_sleep_while_they_wait_unless_a_person_chose_otherwise(chosen, policy, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", chosen) if chosen else monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    sleep_while_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == policy


@pytest.mark.parametrize("entry", ["explorer.__main__", "explorer.app"])
def test_the_app_and_the_command_line_say_so_before_torch_is_loaded(entry):
    program = f"""
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("policy", os.environ.get("OMP_WAIT_POLICY"))
            sys.exit()
sys.meta_path.insert(0, Watch())
import runpy
sys.argv = ["explorer", "sample", "digits-vae-2d", "--out", "never.png"]
runpy.run_module("{entry}", run_name="__main__")
import torch
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["policy", "passive"]
