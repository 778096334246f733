"""What training leaves in the run folder for whoever looks, and the request to stop."""

import pytest

from explorer.runs.live import JobRecord, LiveProgress, Phase, place_of
from explorer.runs.run import Run


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path)


def test_progress_comes_back_as_it_was_said(run):
    assert run.progress() is None
    said = LiveProgress(phase=Phase.TRAINING, pid=12, epoch=2, epochs=9, figures={"elbo": -101.25}, seconds_left=4.5)
    run.save_progress(said)
    assert run.progress() == said
    run.forget_progress()
    run.forget_progress()
    assert run.progress() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"phase": "flying", "pid": 1}', '{"phase": "training", "pid": -1}'])
def test_what_is_no_progress_and_no_job_is_passed_over(run, text):
    (run.path / "progress.json").write_text(text)
    (run.path / "job.json").write_text(text)
    assert run.progress() is None
    assert run.job() is None


def test_only_four_phases_are_ends():
    assert {phase.value for phase in Phase if phase.is_end} == {"finished", "stopped", "diverged", "failed"}


def test_a_job_waits_until_it_has_a_process_or_a_problem(run):
    job = JobRecord(order=3, queued_at=1.5, epochs=7)
    run.save_job(job)
    assert run.job() == job.model_copy(update={"place": place_of(run.path)})
    assert job.is_waiting
    assert not job.model_copy(update={"pid": 5}).is_waiting
    assert not job.model_copy(update={"problem": "no memory"}).is_waiting
    run.forget_job()
    run.forget_job()
    assert run.job() is None


def test_a_request_to_stop_is_taken_back_unless_it_is_for_one_of_these_processes(run):
    run.clear_stop()
    assert not run.stop_requested()
    run.request_stop()
    assert run.stop_requested()
    run.clear_stop(but_for=(12, 13))
    assert not run.stop_requested()
    run.request_stop(13)
    run.clear_stop(but_for=(12, 13))
    assert run.stop_requested()
    run.clear_stop(but_for=(1,))
    assert not run.stop_requested()
