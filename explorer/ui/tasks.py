"""What takes a while beside a page: a query or a command, asked for, watched, cancelled and told of.

A query (``explorer/jobs/threads.py``) begins when it is first looked at. A command is begun by a person: it is a
process of the app's, which every session sees, and the session that asked for it is told how it ended.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import streamlit as st

from explorer.errors import ExplorerError
from explorer.jobs.process_queue import jobs_of_app
from explorer.jobs.status import JobState, JobStatus
from explorer.jobs.threads import Query, background_tasks
from explorer.ui.text import as_text
from explorer.ui.view import rerun_page

_KEY = "tasks"
SECONDS_BETWEEN_LOOKS = 0.4
PATIENCE = 0.4
"""Seconds for which a page waits before it shows how far something is: what is there by then does not flicker."""

T = TypeVar("T")


class Task(Protocol):
    """What takes a while, whoever does it."""

    def start(self) -> None:
        """Begin it, unless it is under way."""

    def status(self) -> JobStatus | None:
        """Return where it stands; None where nobody began it."""

    def cancel(self) -> None:
        """End it, with no result."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Command:
    """A command of ours in a process beside the app.

    Attributes:
        key: that it has in the queue of the app.
        title: what it is called, within a sentence.
        arguments: of ``python -m explorer``.
        expected_seconds: that it takes, about; raises what a person should know who cannot have it.
        place: where the session waits for it, and keeps the last refusal; the key where that is empty.
        cancelled: what is said of one that was cancelled.
        failed: what is said of one that failed, before the reason.
    """

    key: str
    title: str
    arguments: tuple[str, ...]
    expected_seconds: Callable[[], float]
    place: str = ""
    cancelled: str = ""
    failed: str = ""

    def start(self) -> None:
        """Start it, or let it wait its turn, unless it is under way.

        Raises:
            ExplorerError: if it cannot be started.
        """
        jobs_of_app().start(self.key, self.title, self.arguments, expected_seconds=self.expected_seconds())

    def status(self) -> JobStatus | None:
        """Return where it stands; None where nobody began it."""
        return jobs_of_app().status(self.key)

    def cancel(self) -> None:
        """End it at once, with every process that it started."""
        jobs_of_app().cancel(self.key)


@dataclass(slots=True)
class Asked:
    """What a session asked for.

    Attributes:
        told: keys of commands whose outcome it is told.
        refusals: by place, why what was asked for there last could not be started.
        waits: by place, the key of what it waits for there.
    """

    told: set[Hashable] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)
    waits: dict[str, Hashable] = field(default_factory=dict)


def asked() -> Asked:
    """Return what this session asked for."""
    held: Asked = st.session_state.setdefault(_KEY, Asked())
    return held


def start(command: Command) -> None:
    """Start a command, or wait with those who did; a refusal is kept, and told in its place."""
    mine, place = asked(), command.place or command.key
    mine.refusals.pop(place, None)
    try:
        command.start()
    except ExplorerError as error:
        mine.refusals[place] = str(error)
        return
    mine.waits[place] = command.key
    mine.told.add(command.key)


def problem(command: Command) -> str:
    """Return why this session lacks what it asked a command for, in words; empty where nothing went wrong."""
    mine, status = asked(), command.status()
    refusal = mine.refusals.get(command.place or command.key, "")
    if refusal or command.key not in mine.told or status is None:
        return refusal
    if status.state is JobState.CANCELLED:
        return command.cancelled
    return f"{command.failed} {status.problem}" if status.state is JobState.FAILED else ""


def subscribe(place: str, query: Query[Any]) -> None:
    """Note that this session waits at ``place`` for ``query``; the one that it waited for there is cancelled.

    It is not if it is over: results are kept. Another session that waits for it asks for it anew when it next looks.
    """
    waits = asked().waits
    before = waits.get(place)
    task = None if before is None or before == query.key else background_tasks().held(before)
    if task is not None and not task.is_over:
        background_tasks().forget(before)
    waits[place] = query.key


def is_under_way(task: Task) -> bool:
    """Whether a task waits or runs."""
    status = task.status()
    return status is not None and status.is_active


def while_under_way(tasks: Sequence[Task], show: Callable[[], None]) -> None:
    """Call ``show``; again and again, that part of the page alone, while one of ``tasks`` is under way.

    When none is any more, the whole page runs again.
    """
    if any(is_under_way(task) for task in tasks):
        st.fragment(_watch, run_every=SECONDS_BETWEEN_LOOKS)(tasks, show)
    else:
        show()


def _watch(tasks: Sequence[Task], show: Callable[[], None]) -> None:
    if not any(is_under_way(task) for task in tasks):
        rerun_page()
    show()


def show_progress(task: Task, words: Callable[[JobStatus], str], key: str, **button: Any) -> None:
    """Show how far a task is in ``words``, and what cancels it; the task was under way a moment ago."""
    status = task.status()
    if status is None or not status.is_active:
        rerun_page()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(status.fraction, text=words(status), width="stretch")
        st.button("Cancel", key=key, on_click=task.cancel, **button)


def show_command(command: Command, words: Callable[[JobStatus], str], key: str, about: str) -> None:
    """Show how far a command is; ``about`` says what cancelling does."""
    show_progress(command, words, key, help=about, icon=":material/close:")


def progress_words(name: str, doing: str, status: JobStatus) -> str:
    """Return in a sentence how far ``name`` is, of which ``doing`` says what is done to it."""
    if status.state is JobState.WAITING:
        return f"{name} waits for {others_ahead(status)}."
    left = "" if status.seconds_left is None else f", about {max(round(status.seconds_left), 1)} s left"
    return f"{name}{doing}: {as_text(status.what)}. {status.seconds:.0f} s so far{left}."


def others_ahead(status: JobStatus) -> str:
    """Return how many computations a waiting one waits for, in words."""
    return "1 other computation" if status.n_ahead == 1 else f"{status.n_ahead:d} other computations"


def offer(command: Command, about: str, label: str, key: str, *, icon: str, **button: Any) -> None:
    """Offer to start a command, which ``about`` explains, and say why it gave no result if it was asked for before."""
    trouble = problem(command)
    if trouble:
        st.error(as_text(trouble), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(as_text(about), icon=icon)
        st.button(label, key=key, on_click=start, args=(command,), width="content", **button)


def show_query(query: Query[Any], key: str, *, missing: str = "is not here", again: str = "Compute it") -> None:
    """Show how far a query is, or why it has no result, each with a button whose key begins with ``key``."""
    status = query.status()
    if status.state is JobState.DONE:
        rerun_page()  # it came since the page looked
    if status.is_active:
        show_progress(query, lambda now: f"{as_text(query.title)}: {as_text(now.what)}", f"{key}-cancel")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/info: **{as_text(query.title)}** {missing}. {as_text(status.problem)}")
        st.button(again, key=f"{key}-again", on_click=query.start)


def awaited(query: Query[T]) -> T | None:
    """Return what a query found; None while it is under way, which is shown, or where it ended without a result."""
    subscribe("evaluate", query)
    found = query.task().outcome(PATIENCE)
    if not isinstance(found, JobStatus):
        return found
    while_under_way([query], partial(show_query, query, "inquiry"))
    return None
