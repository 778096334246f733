"""Comparisons beside the app, as real processes: shared by who asks for the same runs, cancelled, told in words."""

import json
import shutil
import time

import pytest
import streamlit as st

from explorer import locations
from explorer.errors import CheckpointError, ConfigError
from explorer.jobs.process_queue import Jobs
from explorer.jobs.status import JobState
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from explorer.runs.measurements import FOLDER
from explorer.ui import tasks
from explorer.ui.compare import job
from explorer.ui.compare.job import measuring
from explorer.ui.tasks import problem, start
from explorer.workflows.comparison import stored_comparison

VAE, AE = "digits-vae-2d", "digits-ae-2d"
SECONDS = 120


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The app's folder of runs: two that are not measured yet; and what one session asked for."""
    for name in (VAE, AE):
        shutil.copytree(CHECKPOINTS / name, tmp_path / name, ignore=shutil.ignore_patterns(FOLDER))
    jobs = Jobs()
    monkeypatch.setattr(job, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(tasks, "jobs_of_app", lambda: jobs)
    monkeypatch.setattr(st, "session_state", {})
    yield tmp_path
    jobs.close()


def waited_for(*names, until=lambda status: not status.is_active):
    end = time.monotonic() + SECONDS
    while not until(status := measuring(names).status()):
        assert time.monotonic() < end, status
        time.sleep(0.02)
    return status


def test_a_comparison_is_measured_beside_the_app_once_and_found_in_any_order(folder):
    assert job.found([VAE, AE]) is None
    assert measuring([VAE, AE]).status() is None
    expected = measuring([VAE, AE]).expected_seconds()
    start(measuring([VAE, AE]))
    start(measuring([AE, VAE]))  # another page
    status = measuring([VAE, AE]).status()
    assert measuring([VAE, AE]).key == measuring([AE, VAE]).key
    assert status.is_active
    assert expected > measuring([VAE]).expected_seconds() > 0
    done = waited_for(AE, VAE)
    assert (done.state, problem(measuring([VAE, AE]))) == (JobState.DONE, "")
    assert [row.name for row in job.found([VAE, AE]).rows] == [VAE, AE]
    assert [row.name for row in job.found([AE, VAE]).rows] == [AE, VAE]
    assert measuring([AE, VAE]).expected_seconds() == 0
    anew = stored_comparison([open_run(name, folder) for name in (VAE, AE)], folder)
    assert json.dumps(job.found([VAE, AE]).to_json()) == json.dumps(anew.to_json())
    assert job.found([VAE, AE]) is job.found([VAE, AE]), "it is read once"
    (folder / AE / "history.jsonl").unlink()
    assert job.found([VAE, AE]) is None
    assert job.found([VAE]).rows[0].name == VAE


def test_cancelling_ends_the_process_at_once_and_stores_no_half_of_anything(folder):
    start(measuring([VAE, AE]))
    waited_for(VAE, AE, until=lambda status: status.what.startswith(VAE))
    started = time.monotonic()
    measuring([AE, VAE]).cancel()
    assert time.monotonic() - started < 3, "it did not wait to be killed"
    assert measuring([VAE, AE]).status().state is JobState.CANCELLED
    assert "Measuring was cancelled" in problem(measuring([VAE, AE]))
    assert job.found([VAE, AE]) is None
    assert not list((folder / AE).glob(f"{FOLDER}/*"))


def test_what_went_wrong_is_told_to_the_session_that_asked(folder, monkeypatch):
    (folder / AE / FOLDER).write_text("")
    start(measuring([AE]))
    assert waited_for(AE).state is JobState.FAILED
    assert "The runs could not all be measured. What was measured of digits-ae-2d could not be stored" in (
        problem(measuring([AE]))
    )
    assert problem(measuring([VAE])) == ""
    monkeypatch.setattr(st, "session_state", {})
    assert problem(measuring([AE])) == "", "another session did not ask"


def test_a_refusal_is_kept_for_the_runs_that_it_was_of(monkeypatch):
    monkeypatch.setattr(locations, "READONLY", True)
    start(measuring([VAE, AE]))
    assert "this app only shows what is there" in problem(measuring([AE, VAE]))
    assert problem(measuring([VAE])) == ""
    assert measuring([VAE, AE]).status() is None
    start(measuring(["gone"]))
    assert "There is no run 'gone'" in problem(measuring(["gone"]))


def test_runs_that_are_not_there_or_twice_there_have_no_comparison():
    with pytest.raises(CheckpointError, match="There is no run 'gone'"):
        job.found([VAE, "gone"])
    with pytest.raises(CheckpointError, match="cannot name a run"):
        job.found(["../etc"])
    with pytest.raises(ConfigError, match="given more than once"):
        job.found([VAE, VAE])
