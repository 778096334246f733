"""Maps under way: what is being done, how far it is and how long it will take; a map that arrives is swapped in."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from explorer import locations
from explorer.analysis.projections.methods import METHODS, SLOW, expected_seconds
from explorer.jobs.status import JobState, JobStatus
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.map.controls import move_map
from explorer.ui.map.projection_state import OFFERED, PLACE, arrived, choose, computation, dismiss, is_missing
from explorer.ui.tasks import asked, others_ahead, show_command, while_under_way
from explorer.ui.text import as_text
from explorer.ui.view import View, held_view, rerun_page

_Button = tuple[str, Callable[..., None], tuple[object, ...]]
_DISMISS: _Button = ("Dismiss", dismiss, ())


def map_computations(loaded: LoadedRun) -> None:
    """Show the run's maps under way, and what became of those that this session asked for; else nothing."""
    while_under_way([computation(loaded, method) for method in SLOW], partial(_show_all, loaded))


def _show_all(loaded: LoadedRun) -> None:
    _swap_in(loaded)
    mine = asked()
    if PLACE in mine.refusals:
        _line("map-refused", f"**Not started.** {as_text(mine.refusals[PLACE])}", "error", _DISMISS)
    for method in SLOW:
        command, name = computation(loaded, method), METHODS[method].title
        status = command.status()
        if status is not None and status.is_active:
            about = f"Stop computing {name}. Nothing is stored."
            show_command(command, partial(_words, name), f"cancel-{command.key}", about)
        elif status is not None and command.key in mine.told:
            _show_ended(loaded, method, status)
        elif command.key == mine.waits.get(OFFERED) and is_missing(loaded, method):
            _show_offer(loaded, method)


def _swap_in(loaded: LoadedRun) -> None:
    method = arrived(loaded)
    if method:
        # Read anew: what was loaded before the map was stored does not know it.
        move_map(session.loaded_run(loaded.run.name), method, held_view(View).dims)
        rerun_page()


def _words(name: str, status: JobStatus) -> str:
    if status.state is JobState.WAITING:
        return f"**{name}** waits for {others_ahead(status)}. The map stays as it is until then."
    return f"**{name}** is being computed: {as_text(status.what)}. {_duration(status.seconds)} so far{_left(status)}"


def _show_ended(loaded: LoadedRun, method: str, status: JobStatus) -> None:
    name, key = METHODS[method].title, computation(loaded, method).key
    again: _Button = ("Try again", choose, (method, loaded))
    away: _Button = ("Dismiss", dismiss, (key,))
    if status.state is JobState.FAILED:
        _line(key, f"**{name} could not be computed.** {as_text(status.problem)}", "error", again, away)
    elif status.state is JobState.CANCELLED:
        said = f"{name} was cancelled after {_duration(status.seconds)}; nothing was stored."
        _line(key, said, "info", again, away)
    elif held_view(View).space != method:
        _line(key, f"{name} is ready.", "check_circle", ("Show it", _show, (loaded, method)), away)


def _show_offer(loaded: LoadedRun, method: str) -> None:
    name, seconds = METHODS[method].title, expected_seconds(method, len(loaded.encoded))
    if locations.READONLY:
        _line(
            "map-offered",
            f"The link asks for {name}, which was not computed for {as_text(loaded.run.name)}, and this app only shows "
            "what is there (EXPLORER_READONLY is set). Another map is shown.",
            "info",
            _DISMISS,
        )
        return
    _line(
        "map-offered",
        f"The link asks for {name}, which was not computed for {as_text(loaded.run.name)} yet. It takes about "
        f"{_duration(seconds)} on two cores, an estimate, in a process of its own. Meanwhile another map is shown.",
        "info",
        (f"Compute {name}", choose, (method, loaded)),
        _DISMISS,
    )


def _show(loaded: LoadedRun, method: str) -> None:
    dismiss(computation(loaded, method).key)
    move_map(session.loaded_run(loaded.run.name), method, held_view(View).dims)


def _line(key: str, text: str, icon: str, *buttons: _Button) -> None:
    """Show a message with buttons beside it, each a label, what it calls and with which arguments."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if icon == "error":
            st.error(text, icon=":material/error:")
        else:
            st.info(text, icon=f":material/{icon}:")
        for label, call, arguments in buttons:
            st.button(as_text(label), key=f"{key}-{label}", on_click=call, args=arguments, width="content")


def _left(status: JobStatus) -> str:
    if status.seconds_left is None:
        return "."
    if status.seconds_left <= 0:
        return ", longer than was estimated."
    return f", about {_duration(max(status.seconds_left, 1.0))} left (an estimate)."


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
