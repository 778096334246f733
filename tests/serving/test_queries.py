"""Queries of a run: kept, told apart by what they ask, and ended by whoever asked."""

import threading

import numpy as np
import pytest

from explorer.errors import ConfigError
from explorer.jobs.progress import Progress
from explorer.jobs.status import JobState, JobStatus
from explorer.jobs.threads import CANCELLED
from explorer.locations import ROOT
from explorer.serving.run_cache import RunCache
from explorer.workflows.evaluation import aggregate_of, calibration_of, growth_of, query, scores_of

SECONDS = 120


@pytest.fixture(scope="module")
def loaded():
    return RunCache(ROOT / "checkpoints").run("digits-vae-2d")


def test_scores_are_those_of_the_first_images_and_are_kept(loaded):
    evaluation, terms = scores_of(loaded, 100).task().result(SECONDS)
    assert evaluation.n_images == len(terms.mu) == 100
    assert scores_of(loaded, 100).task() is scores_of(loaded, 100).task()
    assert scores_of(loaded, 100).task() is not scores_of(loaded, 120).task()


def test_more_images_than_there_are_is_all_of_them(loaded):
    evaluation, _ = scores_of(loaded, 5000).task().result(SECONDS)
    assert evaluation.n_images == 300
    # The encoded set was scored with other noise.
    assert evaluation.elbo == pytest.approx(loaded.encoded.elbo(), abs=4 * evaluation.elbo_se)


def test_growth_aggregate_and_calibration_answer_for_the_run(loaded):
    growth = growth_of(loaded, 20).task().result(SECONDS)
    assert growth.bounds.shape == (5, 200)
    aggregate = aggregate_of(loaded).task().result(SECONDS)
    assert aggregate.codes.shape == (300, 2)
    calibration = calibration_of(loaded, 100).task().result(SECONDS)
    assert calibration.ranks.shape == (100, 2)
    assert np.isfinite(growth.bounds).all()


def asked(loaded, compute, size=0):
    asked_for = query(loaded, "a test", size, compute)
    asked_for.start()
    return asked_for


def test_one_that_is_cancelled_ends_when_it_next_tells_its_progress_and_can_begin_again(loaded):
    has_begun, n_told = threading.Event(), []

    def endless(tell):
        while True:
            has_begun.set()
            n_told.append(1)
            tell(Progress(what="on and on", fraction=0.5, until=0.5))

    endless_query = asked(loaded, endless, size=1)
    task = endless_query.task()
    assert has_begun.wait(SECONDS)
    found = task.outcome(0.05)
    assert isinstance(found, JobStatus)
    assert (found.state, found.what, found.fraction) == (JobState.RUNNING, "on and on", 0.5)
    endless_query.start()
    assert endless_query.task() is task, "one that is under way is kept"
    endless_query.cancel()
    cancelled = task.outcome()
    assert (cancelled.state, cancelled.problem) == (JobState.CANCELLED, CANCELLED)
    assert endless_query.task() is task, "it stays so until it is started again"
    # The thread is free for the next one, so it has ended.
    assert asked(loaded, lambda tell: 7, size=2).task().result(SECONDS) == 7
    endless_query.start()
    assert endless_query.task() is not task
    endless_query.cancel()


def test_an_error_that_a_person_can_mend_is_told_in_words_and_a_bug_is_not(loaded):
    def refused(tell):
        raise ConfigError("There is nothing to compute: choose another run.")

    def broken(tell):
        raise KeyError("a bug")

    first, second = asked(loaded, refused, size=3).task(), asked(loaded, broken, size=4).task()
    failed = first.outcome(SECONDS)
    assert (failed.state, failed.problem) == (JobState.FAILED, "There is nothing to compute: choose another run.")
    with pytest.raises(KeyError):
        second.outcome(SECONDS)
