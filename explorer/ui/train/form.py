"""The form of a new run, which is its configuration: every field once, what matters first in plain sight."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import streamlit as st

from explorer.data.catalogue import DATA_SETS, data_set, is_on_disk
from explorer.locations import CHECKPOINTS
from explorer.runs.choices import GROUPS
from explorer.runs.presets import PRESETS
from explorer.runs.run import MAX_NAME
from explorer.ui.text import as_text
from explorer.ui.train.draft import (
    Checked,
    Draft,
    NewRun,
    checked,
    choose,
    held_draft,
    prefill_from_preset,
    preset_of,
)
from explorer.ui.train.field_widget import field_key, field_widget, show_problems
from explorer.ui.train.fields import facts_of
from explorer.ui.view import keyed_control

FIRST_ROWS = (("family", "network"), ("latent_dim", "hidden", "epochs", "beta"))
IN_PLAIN_SIGHT = frozenset(name for row in FIRST_ROWS for name in row)
N_COLUMNS = 3
N_NAMED = 4
"""Fields that a fold names while it is closed."""

_DATA, _NAME = field_key("data"), field_key("name")


def config_form(checkpoints: Path = CHECKPOINTS) -> NewRun | None:
    """Show the form, and return the run that it describes, for a new folder in ``checkpoints``.

    None while something is wrong, which is shown at its field. What is chosen is kept while other pages are looked
    at; ``explorer.ui.train.draft`` fills the form from elsewhere.
    """
    draft = held_draft()
    state = checked(draft, checkpoints)
    _presets(draft)
    show_problems(state.nowhere(""))
    data_column, name_column = st.columns(2)
    with data_column:
        _data_set(draft)
    with name_column:
        _name(draft, state)
    for row in FIRST_ROWS:
        for name, column in zip(row, st.columns(len(row)), strict=True):
            with column:
                field_widget(name, state, _taker(checkpoints))
    for group in GROUPS:
        _fold(group, draft, state, checkpoints)
    if state.new_run is not None:
        for caution in state.new_run.config.cautions():
            st.caption(f":material/info: {as_text(caution)}")
    return state.new_run


def _presets(draft: Draft) -> None:
    """Show a button for each preset.

    Not a choice that the form keeps: a browser that has not heard yet that the draft departed from its preset would
    seem to choose it again, and the draft would be gone.
    """
    chosen = preset_of(draft)
    st.caption("Start from")
    with st.container(horizontal=True, gap="small", key="presets"):
        for name, preset in PRESETS.items():
            kind: Literal["primary", "secondary"] = "primary" if name == chosen else "secondary"
            st.button(
                preset.title,
                key=f"preset-{name}",
                type=kind,
                on_click=prefill_from_preset,
                args=(name,),
                width="content",
            )
    about = PRESETS[chosen].about if chosen else draft.about or "Your own choices. Pick one above to begin anew."
    st.caption(as_text(about))


def _data_set(draft: Draft) -> None:
    keyed_control(
        st.selectbox,
        _DATA,
        draft.data,
        "Data set",
        list(DATA_SETS),
        format_func=_title_of_data,
        on_change=_take_data,
    )
    entry = data_set(draft.data)
    channels, height, width = entry.image_shape
    kind = "grey" if channels == 1 else "colour"
    about = f"{entry.n_train:,} {kind} images of {height:d} by {width:d} pixels in {len(entry.class_names)} classes"
    if not is_on_disk(entry.name):
        about += f". Not on this machine: {entry.download_megabytes:.1f} MB are downloaded first"
    st.caption(f"{about}.")


def _title_of_data(name: str) -> str:
    entry = data_set(name)
    return entry.title if is_on_disk(name) else f"{entry.title} ({entry.download_megabytes:.0f} MB download)"


def _take_data() -> None:
    # The draft that is held now: what is chosen right after a preset finds widgets of the one before.
    held_draft().data = st.session_state[_DATA]


def _name(draft: Draft, state: Checked) -> None:
    keyed_control(
        st.text_input,
        _NAME,
        draft.name,
        "Name of the run",
        max_chars=MAX_NAME,
        placeholder=state.offered_name,
        on_change=_take_name,
        help="Letters, digits, dots, dashes and underscores. Left empty, it is the one that is shown.",
    )
    show_problems(state.at("name"))


def _take_name() -> None:
    held_draft().name = st.session_state[_NAME].strip()


def _taker(checkpoints: Path) -> Callable[[str], None]:
    def take(name: str) -> None:
        choose(held_draft(), name, st.session_state[field_key(name)], checkpoints)

    return take


def _fold(group: str, draft: Draft, state: Checked, checkpoints: Path) -> None:
    """Show the fields of a group that are not in plain sight, folded until something in it is wrong."""
    names = [name for name in GROUPS[group] if name not in IN_PLAIN_SIGHT]
    wrong = [*state.nowhere(group), *(message for name in names for message in state.at(name))]
    n_changed = sum(state.values[name] != state.defaults[name] and name not in state.idle for name in names)
    inside = ", ".join(facts_of(name, GROUPS[group][name]).label for name in names[:N_NAMED])
    changed = f"**{n_changed} changed** · " if n_changed else ""
    label = f"**{as_text(group)}** :small[:gray[{changed}{as_text(inside)} …]]"
    with st.expander(label, expanded=bool(wrong), key=f"fold-{group}", icon=":material/error:" if wrong else None):
        show_problems(state.nowhere(group))
        for start in range(0, len(names), N_COLUMNS):
            for name, column in zip(names[start : start + N_COLUMNS], st.columns(N_COLUMNS), strict=False):
                with column:
                    field_widget(name, state, _taker(checkpoints))
