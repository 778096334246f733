"""Inquiries into a run: errands that are kept, told apart by what they ask, and ended by whoever asked."""

import threading

import numpy as np
import pytest

from explorer.errors import ConfigError
from explorer.jobs.progress import Progress
from explorer.jobs.threads import errands
from explorer.locations import ROOT
from explorer.serving.run_cache import RunCache
from explorer.ui.tasks import CANCELLED, outcome
from explorer.workflows.evaluation import Inquiry, aggregate_of, calibration_of, growth_of, scores_of

SECONDS = 120


@pytest.fixture(scope="module")
def loaded():
    return RunCache(ROOT / "checkpoints").run("digits-vae-2d")


def test_scores_are_those_of_the_first_images_and_are_kept(loaded):
    evaluation, terms = scores_of(loaded, 100).errand().result(SECONDS)
    assert evaluation.n_images == len(terms.mu) == 100
    assert scores_of(loaded, 100).errand() is scores_of(loaded, 100).errand()
    assert scores_of(loaded, 100).errand() is not scores_of(loaded, 120).errand()


def test_more_images_than_there_are_is_all_of_them(loaded):
    evaluation, _ = scores_of(loaded, 5000).errand().result(SECONDS)
    assert evaluation.n_images == 300
    # The encoded set was scored with other noise.
    assert evaluation.elbo == pytest.approx(loaded.encoded.elbo(), abs=4 * evaluation.elbo_se)


def test_growth_aggregate_and_calibration_answer_for_the_run(loaded):
    growth = growth_of(loaded, 20).errand().result(SECONDS)
    assert growth.bounds.shape == (5, 200)
    aggregate = aggregate_of(loaded).errand().result(SECONDS)
    assert aggregate.codes.shape == (300, 2)
    calibration = calibration_of(loaded, 100).errand().result(SECONDS)
    assert calibration.ranks.shape == (100, 2)
    assert np.isfinite(growth.bounds).all()


def asked(loaded, compute, size=0):
    inquiry = Inquiry(loaded=loaded, what="a test", size=size, compute=compute)
    inquiry.begin_again()
    return inquiry


def test_one_that_is_cancelled_ends_when_it_next_tells_its_progress_and_can_begin_again(loaded):
    has_begun, n_told = threading.Event(), []

    def endless(tell):
        while True:
            has_begun.set()
            n_told.append(1)
            tell(Progress(what="on and on", fraction=0.5, until=0.5))

    inquiry = asked(loaded, endless, size=1)
    errand = inquiry.errand()
    assert has_begun.wait(SECONDS)
    found = outcome(errand, 0.05)
    assert isinstance(found, Progress)
    errand.give_up()
    assert outcome(errand) == CANCELLED
    # The thread is free for the next one, so it has ended.
    assert asked(loaded, lambda tell: 7, size=2).errand().result(SECONDS) == 7
    inquiry.begin_again()
    assert errands().held(inquiry.key) is None


def test_an_error_that_a_person_can_mend_is_told_in_words_and_a_bug_is_not(loaded):
    def refused(tell):
        raise ConfigError("There is nothing to compute: choose another run.")

    def broken(tell):
        raise KeyError("a bug")

    first, second = asked(loaded, refused, size=3).errand(), asked(loaded, broken, size=4).errand()
    assert outcome(first, SECONDS) == "There is nothing to compute: choose another run."
    with pytest.raises(KeyError):
        outcome(second, SECONDS)
