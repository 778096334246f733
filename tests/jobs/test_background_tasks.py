"""Background tasks: one thread does what takes seconds, tells how far it is, and stops when nobody waits any more."""

import threading
from concurrent.futures import CancelledError

import pytest

from explorer.jobs.progress import Progress
from explorer.jobs.threads import MAX_KEPT, BackgroundTasks

SECONDS = 20


def answering(value):
    return lambda tell, stop: value


def test_a_task_is_done_once_and_its_result_is_kept():
    tasks, n_done = BackgroundTasks(), []
    first = tasks.ask("path", lambda tell, stop: n_done.append(1) or 7)
    assert first.result(SECONDS) == 7
    assert tasks.ask("path", lambda tell, stop: n_done.append(1) or 8) is first
    assert n_done == [1]


def test_a_task_tells_how_far_it_is_while_it_runs():
    tasks, may_go_on, has_told = BackgroundTasks(), threading.Event(), threading.Event()

    def work(tell, stop):
        tell(Progress(what="step 3 of 4", fraction=0.75, until=0.75))
        has_told.set()
        may_go_on.wait(SECONDS)

    task = tasks.ask("path", work)
    assert has_told.wait(SECONDS)
    assert (task.progress.what, task.progress.fraction) == ("step 3 of 4", 0.75)
    assert not task.is_over
    may_go_on.set()
    task.result(SECONDS)
    assert task.is_over


def test_one_that_is_cancelled_stops_when_it_next_looks_and_one_that_waits_never_begins():
    tasks, has_begun, looks = BackgroundTasks(), threading.Event(), []

    def until_stopped(tell, stop):
        has_begun.set()
        while not stop():
            looks.append(1)
        return "stopped"

    running = tasks.ask("running", until_stopped)
    waiting = tasks.ask("waiting", answering("never"))
    assert has_begun.wait(SECONDS)
    waiting.cancel()
    with pytest.raises(CancelledError):
        waiting.result(SECONDS)
    running.cancel()
    assert running.result(SECONDS) == "stopped"
    assert running.is_cancelled


def test_one_that_was_cancelled_stays_so_until_it_is_forgotten():
    tasks = BackgroundTasks()
    first = tasks.ask("path", answering(1))
    first.result(SECONDS)
    tasks.forget("path")
    again = tasks.ask("path", answering(2))
    assert again is not first
    assert again.result(SECONDS) == 2


def test_an_error_goes_to_who_asks_and_the_next_task_is_done_all_the_same():
    tasks = BackgroundTasks()

    def fails(tell, stop):
        raise ValueError("the code is not finite")

    failed, after = tasks.ask("bad", fails), tasks.ask("good", answering(3))
    with pytest.raises(ValueError, match="not finite"):
        failed.result(SECONDS)
    assert after.result(SECONDS) == 3


def test_the_longest_unasked_is_cancelled_when_there_are_too_many():
    tasks = BackgroundTasks()
    eldest = tasks.ask(-1, answering(0))
    eldest.result(SECONDS)
    kept = [tasks.ask(k, answering(k)) for k in range(MAX_KEPT)]
    assert eldest.is_cancelled
    assert [task.result(SECONDS) for task in kept] == list(range(MAX_KEPT))
    assert tasks.ask(-1, answering(5)).result(SECONDS) == 5
