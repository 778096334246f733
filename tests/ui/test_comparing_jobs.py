"""Comparisons beside the app, as real processes: shared by who asks for the same runs, cancelled, told in words."""

import json
import shutil
import time

import pytest
import streamlit as st

from explorer import locations
from explorer.errors import CheckpointError, ConfigError
from explorer.jobs import Jobs, JobState
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from explorer.runs.measures import FOLDER
from explorer.serving.comparing import stored_comparison
from explorer.ui import comparing

VAE, AE = "digits-vae-2d", "digits-ae-2d"
SECONDS = 120


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The app's folder of runs: two that are not measured yet; and what one session asked for."""
    for name in (VAE, AE):
        shutil.copytree(CHECKPOINTS / name, tmp_path / name, ignore=shutil.ignore_patterns(FOLDER))
    jobs = Jobs()
    monkeypatch.setattr(comparing, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(comparing, "jobs_of_app", lambda: jobs)
    monkeypatch.setattr(st, "session_state", {})
    yield tmp_path
    jobs.close()


def waited_for(*names, until=lambda status: not status.is_active):
    end = time.monotonic() + SECONDS
    while not until(status := comparing.status_of(names)):
        assert time.monotonic() < end, status
        time.sleep(0.02)
    return status


def test_a_comparison_is_measured_beside_the_app_once_and_found_in_any_order(folder):
    assert comparing.found([VAE, AE]) is None
    assert comparing.status_of([VAE, AE]) is None
    expected = comparing.expected([VAE, AE])
    comparing.start([VAE, AE])
    comparing.start([AE, VAE])  # another page
    job = comparing.status_of([VAE, AE])
    assert job.key == comparing.key_of([AE, VAE])
    assert job.is_active
    assert expected > comparing.expected([VAE]) > 0
    done = waited_for(AE, VAE)
    assert (done.state, comparing.problem([VAE, AE])) == (JobState.DONE, "")
    assert [row.name for row in comparing.found([VAE, AE]).rows] == [VAE, AE]
    assert [row.name for row in comparing.found([AE, VAE]).rows] == [AE, VAE]
    assert comparing.expected([AE, VAE]) == 0
    anew = stored_comparison([open_run(name, folder) for name in (VAE, AE)], folder)
    assert json.dumps(comparing.found([VAE, AE]).to_json()) == json.dumps(anew.to_json())
    assert comparing.found([VAE, AE]) is comparing.found([VAE, AE]), "it is read once"
    (folder / AE / "history.jsonl").unlink()
    assert comparing.found([VAE, AE]) is None
    assert comparing.found([VAE]).rows[0].name == VAE


def test_cancelling_ends_the_process_at_once_and_stores_no_half_of_anything(folder):
    comparing.start([VAE, AE])
    waited_for(VAE, AE, until=lambda status: status.what.startswith(VAE))
    started = time.monotonic()
    comparing.cancel([AE, VAE])
    assert time.monotonic() - started < 3, "it did not wait to be killed"
    assert comparing.status_of([VAE, AE]).state is JobState.CANCELLED
    assert "Measuring was cancelled" in comparing.problem([VAE, AE])
    assert comparing.found([VAE, AE]) is None
    assert not list((folder / AE).glob(f"{FOLDER}/*"))


def test_what_went_wrong_is_told_to_the_session_that_asked(folder, monkeypatch):
    (folder / AE / FOLDER).write_text("")
    comparing.start([AE])
    assert waited_for(AE).state is JobState.FAILED
    assert "The runs could not all be measured. What was measured of digits-ae-2d could not be stored" in (
        comparing.problem([AE])
    )
    assert comparing.problem([VAE]) == ""
    monkeypatch.setattr(st, "session_state", {})
    assert comparing.problem([AE]) == "", "another session did not ask"


def test_a_refusal_is_kept_for_the_runs_that_it_was_of(monkeypatch):
    monkeypatch.setattr(locations, "READONLY", True)
    comparing.start([VAE, AE])
    assert "this app only shows what is there" in comparing.problem([AE, VAE])
    assert comparing.problem([VAE]) == ""
    assert comparing.status_of([VAE, AE]) is None
    comparing.start(["gone"])
    assert "There is no run 'gone'" in comparing.problem(["gone"])


def test_runs_that_are_not_there_or_twice_there_have_no_comparison():
    with pytest.raises(CheckpointError, match="There is no run 'gone'"):
        comparing.found([VAE, "gone"])
    with pytest.raises(CheckpointError, match="cannot name a run"):
        comparing.found(["../etc"])
    with pytest.raises(ConfigError, match="given more than once"):
        comparing.found([VAE, VAE])
