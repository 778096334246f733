"""What surrounds training: it says where it stands, sees requests to stop, and says how it ended."""

import math
import shutil

import pytest

from explorer.errors import CheckpointError, DataError
from explorer.runs.live import JobRecord, Phase
from explorer.runs.lock import is_being_trained
from explorer.runs.run import Run
from explorer.training.trainer import TrainingProgress
from explorer.training.worker import Worker
from tests.support import new_run

PROGRESS = TrainingProgress(
    epoch=2,
    step=3,
    steps_per_epoch=9,
    figures={"elbo": -12.5, "kl": math.nan, "log_likelihood": math.inf},
    images_per_second=100.0,
    seconds_left=7.0,
)


@pytest.fixture
def run(tmp_path) -> Run:
    return new_run(tmp_path / "run", epochs=5)


@pytest.fixture
def told() -> list[str]:
    return []


def test_a_run_is_held_and_said_to_start_from_the_moment_it_is_taken(run, told):
    with Worker(told.append) as worker:
        assert not is_being_trained(run)
        worker.take(run)
        assert is_being_trained(run)
        assert (run.progress().phase, run.progress().epochs) == (Phase.STARTING, 5)
        worker.end(Phase.FINISHED)
    assert not is_being_trained(run)
    assert run.progress().phase is Phase.FINISHED
    assert told == []


def test_progress_is_told_twice_a_second_at_most_and_holds_only_numbers(run, told):
    with Worker(told.append) as worker:
        worker.take(run)
        worker.begin(Phase.TRAINING, epoch=1)
        worker.report(PROGRESS)
        said = run.progress()
        assert (said.phase, said.epoch, said.step, said.steps_per_epoch) == (Phase.TRAINING, 2, 3, 9)
        assert said.figures == {"elbo": -12.5}
        assert (said.images_per_second, said.seconds_left) == (100.0, 7.0)
        worker.report(PROGRESS)
        assert run.progress() == said, "the second came too soon"
        worker.begin(Phase.ENCODING)
        assert run.progress().phase is Phase.ENCODING, "but a phase is always told"


@pytest.mark.parametrize(
    ("error", "phase", "problem"),
    [
        (DataError("The images are gone. Fetch them."), Phase.FAILED, "The images are gone. Fetch them."),
        (ZeroDivisionError("a bug"), Phase.FAILED, "ZeroDivisionError: a bug"),
        (KeyboardInterrupt(), Phase.STOPPED, ""),
    ],
)
def test_an_error_is_the_end_that_is_written_down(run, told, error, phase, problem):
    def work() -> None:
        with Worker(told.append) as worker:
            worker.take(run)
            raise error

    with pytest.raises(type(error)):
        work()
    assert (run.progress().phase, run.progress().problem) == (phase, problem)
    assert not is_being_trained(run)


def test_an_end_that_was_said_is_not_replaced_by_the_error_that_follows(run, told):
    def work() -> None:
        with Worker(told.append) as worker:
            worker.take(run)
            worker.end(Phase.DIVERGED, "No number any more.")
            raise DataError("No number any more.")

    with pytest.raises(DataError):
        work()
    assert (run.progress().phase, run.progress().problem) == (Phase.DIVERGED, "No number any more.")


def test_a_request_to_stop_is_seen_once_it_comes_and_forgotten_at_the_end(run, told, monkeypatch):
    monkeypatch.setattr("explorer.training.worker.SECONDS_BETWEEN_LOOKS", 0.0)
    run.request_stop()
    with Worker(told.append) as worker:
        worker.take(run)
        assert not worker.is_stop_requested(), "it was for an earlier training"
        run.request_stop()
        assert worker.is_stop_requested()
        run.clear_stop()
        assert worker.is_stop_requested(), "what was asked for stays so"
        run.request_stop()
    assert not run.stop_requested()


def test_what_the_app_knew_of_an_earlier_process_is_forgotten(run, told):
    run.save_job(JobRecord(order=1, queued_at=0.0))
    with Worker(told.append) as worker:
        worker.take(run)
        assert run.job() is None


def test_progress_that_cannot_be_written_is_told_once_and_ends_nothing(run, told):
    with Worker(told.append) as worker:
        worker.take(run)
        (run.path / "progress.json").unlink()
        (run.path / "progress.json").mkdir()
        worker.begin(Phase.TRAINING)
        worker.begin(Phase.ENCODING)
        (note,) = told
        assert note.startswith("Note: the app cannot show how far this is: ")
        (run.path / "progress.json").rmdir()
        worker.end(Phase.FINISHED)
    assert run.progress().phase is Phase.FINISHED


def test_another_folder_in_the_place_of_the_run_is_neither_written_to_nor_trained(run, told):
    with Worker(told.append) as worker:
        worker.take(run)
        shutil.rmtree(run.path)
        other = new_run(run.path)
        other.request_stop()
        with pytest.raises(CheckpointError, match="was deleted, moved or replaced while it was being trained"):
            worker.check()
        with pytest.raises(CheckpointError, match="was deleted, moved or replaced"):
            worker.is_stop_requested()
        worker.end(Phase.FINISHED)
    assert other.progress() is None
    assert other.stop_requested(), "it was not asked of us"


def test_a_process_that_has_no_run_does_nothing(told):
    with Worker(told.append) as worker:
        worker.begin(Phase.TRAINING)
        worker.report(PROGRESS)
        worker.check()
        worker.end(Phase.FINISHED)
        assert not worker.is_stop_requested()
    assert told == []
