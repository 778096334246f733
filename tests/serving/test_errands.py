"""Errands: one thread that does what takes seconds, tells how far it is, and stops when nobody waits any more."""

import threading
from concurrent.futures import CancelledError

import pytest

from explorer.jobs.progress import Progress
from explorer.jobs.threads import MAX_KEPT, Errands

SECONDS = 20


def answering(value):
    return lambda tell, stop: value


def test_an_errand_is_done_once_and_its_result_is_kept():
    errands, n_done = Errands(), []
    first = errands.ask("path", lambda tell, stop: n_done.append(1) or 7)
    assert first.result(SECONDS) == 7
    assert errands.ask("path", lambda tell, stop: n_done.append(1) or 8) is first
    assert n_done == [1]


def test_an_errand_tells_how_far_it_is_while_it_runs():
    errands, may_go_on, has_told = Errands(), threading.Event(), threading.Event()

    def work(tell, stop):
        tell(Progress(what="step 3 of 4", fraction=0.75, until=0.75))
        has_told.set()
        may_go_on.wait(SECONDS)

    errand = errands.ask("path", work)
    assert has_told.wait(SECONDS)
    assert (errand.progress.what, errand.progress.fraction) == ("step 3 of 4", 0.75)
    assert not errand.is_over
    may_go_on.set()
    errand.result(SECONDS)
    assert errand.is_over


def test_one_that_is_given_up_stops_when_it_next_looks_and_one_that_waits_never_begins():
    errands, has_begun, looks = Errands(), threading.Event(), []

    def until_stopped(tell, stop):
        has_begun.set()
        while not stop():
            looks.append(1)
        return "stopped"

    running = errands.ask("running", until_stopped)
    waiting = errands.ask("waiting", answering("never"))
    assert has_begun.wait(SECONDS)
    waiting.give_up()
    with pytest.raises(CancelledError):
        waiting.result(SECONDS)
    running.give_up()
    assert running.result(SECONDS) == "stopped"
    assert running.is_given_up


def test_one_that_was_given_up_stays_so_until_it_is_forgotten():
    errands = Errands()
    first = errands.ask("path", answering(1))
    first.result(SECONDS)
    errands.forget("path")
    again = errands.ask("path", answering(2))
    assert again is not first
    assert again.result(SECONDS) == 2


def test_an_error_goes_to_who_asks_and_the_next_errand_is_done_all_the_same():
    errands = Errands()

    def fails(tell, stop):
        raise ValueError("the code is not finite")

    failed, after = errands.ask("bad", fails), errands.ask("good", answering(3))
    with pytest.raises(ValueError, match="not finite"):
        failed.result(SECONDS)
    assert after.result(SECONDS) == 3


def test_the_longest_unasked_is_given_up_when_there_are_too_many():
    errands = Errands()
    eldest = errands.ask(-1, answering(0))
    eldest.result(SECONDS)
    kept = [errands.ask(k, answering(k)) for k in range(MAX_KEPT)]
    assert eldest.is_given_up
    assert [errand.result(SECONDS) for errand in kept] == list(range(MAX_KEPT))
    assert errands.ask(-1, answering(5)).result(SECONDS) == 5
