"""Which training to look at: the runs under way first; and what was deleted, to be brought back."""

import time
from dataclasses import replace
from typing import Literal

import streamlit as st

from explorer.training.status import TrainingState, TrainingStatus
from explorer.ui.text import as_text
from explorer.ui.train.actions import deleted_runs, jobs, restore_run, said
from explorer.ui.train.view import TrainView
from explorer.ui.view import change_view, held_view

NEW = ""
COLOURS = {
    TrainingState.QUEUED: "gray",
    TrainingState.STARTING: "blue",
    TrainingState.RUNNING: "blue",
    TrainingState.STOPPING: "orange",
    TrainingState.FINISHED: "green",
    TrainingState.DIVERGED: "red",
    TrainingState.FAILED: "red",
}
DAY = 86_400


def training_list(view: TrainView) -> None:
    """Show the choice of what to look at, a new run or the training of one, and what was deleted."""
    statuses = jobs().all()
    if view.training_run and view.training_run not in {status.name for status in statuses}:
        message = f"There is no run called {as_text(view.training_run)}. Choose another, or train a new one."
        st.warning(message, icon=":material/link_off:")
        view = change_view(replace(view, training_run=NEW))
    n_active = sum(status.state.is_active for status in statuses)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = view.training_run or "New run"
        with st.popover(f"**{as_text(label)}**", icon=":material/model_training:", width=320, key=f"trainings-{label}"):
            _button("New run", NEW, is_chosen=not view.training_run)
            for status in sorted(statuses, key=lambda status: (not status.state.is_active, status.name)):
                _button(status.name, status.name, is_chosen=status.name == view.training_run)
                st.caption(_in_words(status))
        if view.training_run:
            st.button("New run", icon=":material/add:", on_click=look_at, args=(NEW,), key="new-run-button")
        _trash()
        if n_active:
            st.caption(f"{n_active} active", width="content")
    _messages()


def in_words(state: TrainingState) -> str:
    """Return how a state is called beside the button that leads to it."""
    return {TrainingState.STOPPING: "pausing", TrainingState.STOPPED: "paused"}.get(state, str(state))


def look_at(name: str) -> None:
    """Change the view to the training of a run, or to the form of a new one if ``name`` is empty."""
    change_view(replace(held_view(TrainView), training_run=name))


def _button(label: str, name: str, *, is_chosen: bool) -> None:
    kind: Literal["primary", "secondary"] = "primary" if is_chosen else "secondary"
    st.button(as_text(label), key=f"look-{name}", type=kind, on_click=look_at, args=(name,), width="stretch")


def _in_words(status: TrainingStatus) -> str:
    colour = COLOURS.get(status.state, "gray")
    return f":{colour}[{as_text(in_words(status.state))}] · {status.epoch:,} of {status.epochs:,} epochs"


def _messages() -> None:
    mine = said()
    if mine.refusal:
        st.error(as_text(mine.refusal), icon=":material/error:")
        mine.refusal = ""
    if mine.deleted is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(f"{as_text(mine.deleted.name)} was deleted. It is kept for seven days.", icon=":material/delete:")
            st.button("Undo", key="undo-delete", icon=":material/undo:", on_click=restore_run, args=(mine.deleted,))


def _trash() -> None:
    """Show what was deleted in the last week, if anything was."""
    deleted = deleted_runs()
    if not deleted:
        return
    with st.popover(f"Deleted ({len(deleted)})", icon=":material/delete:", width="content"):
        st.caption("Deleted runs are kept for seven days.")
        for each in deleted:
            with st.container(horizontal=True, vertical_alignment="center", key=f"deleted-{each.path.name}"):
                st.markdown(f"**{as_text(each.name)}** :small[:gray[{_ago(each.time)}]]")
                st.button("Bring back", key=f"back-{each.path.name}", on_click=restore_run, args=(each,))


def _ago(when: float) -> str:
    if not when:
        return "at an unknown time"
    days = int((time.time() - when) // DAY)
    return "today" if days < 1 else f"{days} day{'s' if days > 1 else ''} ago"
