"""One field of a configuration on the screen: its widget, what it is without a choice, and what is wrong with it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from explorer.runs.choices import FIELDS
from explorer.ui.text import as_text
from explorer.ui.train.draft import Checked
from explorer.ui.train.fields import FieldFacts, facts_of, shown
from explorer.ui.view import keyed_control

MAX_SEGMENT_CHARACTERS = 30
"""Length of all names together up to which choices are laid out beside each other: a phone is 390 pixels wide."""

MAX_TEXT = 60
"""Characters of a list of widths: six of four digits, with commas and spaces."""


def field_key(name: str) -> str:
    """Return the key of the widget of a field."""
    return f"new-run-{name}"


def field_widget(name: str, state: Checked, on_change: Callable[[str], None]) -> None:
    """Show the field ``name``, switched off where it changes nothing, with what is wrong with it beneath.

    Args:
        name: of a field of the configuration.
        state: what follows from the choices so far.
        on_change: is called with ``name`` when another value is chosen; the value is in the session, at its key.
    """
    facts = facts_of(name, FIELDS[name])
    key, value = field_key(name), _as_widget_has_it(facts, state.values[name])
    label = f"{as_text(facts.label)}{_remark(name, state)}"
    common: dict[str, Any] = {
        "help": as_text(facts.help),
        "disabled": name in state.idle,
        "on_change": on_change,
        "args": (name,),
    }
    match facts.kind:
        case "choice" if len("".join(facts.choices)) <= MAX_SEGMENT_CHARACTERS:
            keyed_control(
                st.segmented_control,
                key,
                value,
                label,
                options=facts.choices,
                format_func=lambda value: as_text(shown(value)),
                required=True,
                width="stretch",
                **common,
            )
        case "choice":
            keyed_control(st.selectbox, key, value, label, options=facts.choices, format_func=shown, **common)
        case "whole" | "number":
            keyed_control(st.number_input, key, value, label, **common, **_number_settings(facts, name, state))
        case "widths":
            keyed_control(st.text_input, key, value, label, max_chars=MAX_TEXT, **common)
        case "run":
            options = _with_chosen(state.origins, state.values[name])
            keyed_control(st.selectbox, key, value, label, options=options, placeholder="none", **common)
    show_problems(state.at(name))


def show_problems(messages: Sequence[str]) -> None:
    """Show what is wrong, a line each, as it was said."""
    for message in messages:
        st.markdown(f":small[:red[:material/error: {as_text(message)}]]")


def _remark(name: str, state: Checked) -> str:
    """Say what a field that is switched off is for, or what one that was chosen is by default."""
    if name in state.idle:
        return f" :small[:gray[for {as_text(_as_labelled(state.idle[name]))}]]"
    value, default = state.values[name], state.defaults[name]
    return "" if value == default else f" :small[:gray[default {as_text(shown(default))}]]"


def _as_labelled(reason: str) -> str:
    """Return ``reason`` with fields called as they are on the screen: "em 'alternating'" as "EM alternating"."""

    def label(word: re.Match[str]) -> str:
        if word[0] not in FIELDS:
            return word[0]
        said = facts_of(word[0], FIELDS[word[0]]).label
        return said[0].lower() + said[1:] if said[1:2].islower() else said

    outside = re.split(r"('[^']*')", reason)
    return "".join(part.strip("'") if k % 2 else re.sub(r"[a-z_]+", label, part) for k, part in enumerate(outside))


def _number_settings(facts: FieldFacts, name: str, state: Checked) -> dict[str, Any]:
    default = _as_widget_has_it(facts, state.defaults[name])
    # Without limits: a number beyond its widget's limits stays on the screen and never reaches the script, which would
    # start with the one before. The configuration's own limits are told beneath.
    return {
        "step": facts.step,
        "format": "%d" if facts.kind == "whole" else "%.6g",
        "placeholder": "none" if facts.may_be_empty else None,
        # Where it is None a cross empties the field, which puts it back to its default.
        "value": None if facts.may_be_empty or state.values[name] != state.defaults[name] else default,
    }


def _as_widget_has_it(facts: FieldFacts, value: Any) -> Any:
    if facts.kind == "widths":
        return value if isinstance(value, str) else shown(value)
    return float(value) if facts.kind == "number" and value is not None else value


def _with_chosen(options: Sequence[str], chosen: str | None) -> list[str | None]:
    """Return the options with none before them, and what is chosen though it is not among them."""
    return [None, *options, *([chosen] if chosen is not None and chosen not in options else [])]
