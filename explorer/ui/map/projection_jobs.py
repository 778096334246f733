"""Maps under way: what is being done, how far it is and how long it will take; a map that arrives is swapped in."""

from collections.abc import Callable

import streamlit as st

from explorer import locations
from explorer.analysis.projections.methods import METHODS, SLOW
from explorer.jobs.process_queue import JobState, JobStatus
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.map import projection_state
from explorer.ui.map.controls import move_map
from explorer.ui.view import View, held_view

SECONDS_BETWEEN_LOOKS = 0.5


def map_computations(loaded: LoadedRun) -> None:
    """Show the run's maps under way, and what became of those that this session asked for; else nothing.

    While one is under way this part of the page alone runs again and again, and the whole page once it ended.
    """
    _swap_in(loaded)
    if _is_any_active(loaded):
        st.fragment(_watch, run_every=SECONDS_BETWEEN_LOOKS)(loaded)
    else:
        _show_all(loaded)


def _watch(loaded: LoadedRun) -> None:
    _swap_in(loaded)
    if not _is_any_active(loaded):
        st.rerun()
    _show_all(loaded)


def _swap_in(loaded: LoadedRun) -> None:
    method = projection_state.arrived(loaded)
    if method:
        # Read anew: what was loaded before the map was stored does not know it.
        move_map(session.loaded_run(loaded.run.name), method, held_view(View).dims)
        st.rerun()


def _is_any_active(loaded: LoadedRun) -> bool:
    statuses = [projection_state.status_of(loaded, method) for method in SLOW]
    return any(status is not None and status.is_active for status in statuses)


def _show_all(loaded: LoadedRun) -> None:
    mine = projection_state.asked()
    if mine.refusal:
        _line("map-refused", f"**Not started.** {mine.refusal}", "error", ("Dismiss", projection_state.dismiss, ("",)))
    for method in SLOW:
        status, key = projection_state.status_of(loaded, method), projection_state.key_of(loaded, method)
        if status is not None and status.is_active:
            _show_active(status, METHODS[method].title)
        elif status is not None and key in mine.told:
            _show_ended(loaded, method, status)
        elif key == mine.offered and projection_state.is_missing(loaded, method):
            _show_offer(loaded, method)


def _show_active(status: JobStatus, name: str) -> None:
    column, button_column = st.columns([6, 1], vertical_alignment="center")
    if status.state is JobState.WAITING:
        others = "1 other computation" if status.n_ahead == 1 else f"{status.n_ahead} other computations"
        column.progress(0.0, text=f"**{name}** waits for {others}. The map stays as it is until then.")
    else:
        column.progress(
            status.fraction,
            text=f"**{name}** is being computed: {status.what}. {_duration(status.seconds)} so far{_left(status)}",
        )
    button_column.button(
        "Cancel",
        key=f"cancel-{status.key}",
        help=f"Stop computing {name}. Nothing is stored.",
        icon=":material/close:",
        on_click=projection_state.cancel,
        args=(status.key,),
        width="stretch",
    )


def _show_ended(loaded: LoadedRun, method: str, status: JobStatus) -> None:
    name = METHODS[method].title
    again = ("Try again", projection_state.choose, (method, loaded))
    dismiss = ("Dismiss", projection_state.dismiss, (status.key,))
    if status.state is JobState.FAILED:
        _line(status.key, f"**{name} could not be computed.** {status.problem}", "error", again, dismiss)
    elif status.state is JobState.CANCELLED:
        _line(
            status.key,
            f"{name} was cancelled after {_duration(status.seconds)}; nothing was stored.",
            "info",
            again,
            dismiss,
        )
    elif held_view(View).space != method:
        _line(status.key, f"{name} is ready.", "check_circle", ("Show it", _show, (loaded, method)), dismiss)


def _show_offer(loaded: LoadedRun, method: str) -> None:
    name, seconds = METHODS[method].title, projection_state.expected(loaded, method)
    if locations.READONLY:
        _line(
            "map-offered",
            f"The link asks for {name}, which was not computed for {loaded.run.name}, and this app only shows what is "
            "there (EXPLORER_READONLY is set). Another map is shown.",
            "info",
            ("Dismiss", projection_state.dismiss, ("",)),
        )
        return
    _line(
        "map-offered",
        f"The link asks for {name}, which was not computed for {loaded.run.name} yet. It takes about "
        f"{_duration(seconds)} on two cores, an estimate, in a process of its own. Meanwhile another map is shown.",
        "info",
        (f"Compute {name}", projection_state.choose, (method, loaded)),
        ("Dismiss", projection_state.dismiss, ("",)),
    )


def _show(loaded: LoadedRun, method: str) -> None:
    projection_state.dismiss(projection_state.key_of(loaded, method))
    move_map(session.loaded_run(loaded.run.name), method, held_view(View).dims)


def _line(key: str, text: str, icon: str, *buttons: tuple[str, Callable[..., None], tuple[object, ...]]) -> None:
    """Show a message with buttons beside it, each a label, what it calls and with which arguments."""
    message = st.error if icon == "error" else st.info
    with st.container(horizontal=True, vertical_alignment="center"):
        message(text, icon=f":material/{icon}:")
        for label, call, arguments in buttons:
            st.button(label, key=f"{key}-{label}", on_click=call, args=arguments, width="content")


def _left(status: JobStatus) -> str:
    if status.seconds_left is None:
        return "."
    if status.seconds_left <= 0:
        return ", longer than was estimated."
    return f", about {_duration(max(status.seconds_left, 1.0))} left (an estimate)."


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
