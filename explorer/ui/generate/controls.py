"""What is chosen on the page Generate: its part, the class, seed and temperature."""

from collections.abc import Sequence

import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.sampling import SECTIONS, sections_of
from explorer.ui.sampling import has_temperature
from explorer.ui.view import View, change_view


def section_control(loaded: LoadedRun, view: View) -> None:
    """Show the parts of the page that the run has."""
    st.session_state["generate"] = view.generate
    st.segmented_control(
        "What to generate",
        sections_of(loaded.config.model),
        format_func=SECTIONS.__getitem__,
        key="generate",
        required=True,
        label_visibility="collapsed",
        on_change=_keep,
        args=("generate",),
    )


def class_control(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show a button for each class of the run; none for a model that knows no classes."""
    n_classes = loaded.config.model.n_classes
    if n_classes is None:
        return
    st.session_state["label"] = view.label
    st.pills(
        "Class to generate",
        range(n_classes),
        format_func=lambda label: names[label],
        key="label",
        required=True,
        on_change=_keep,
        args=("label",),
    )


def seed_control(loaded: LoadedRun, view: View) -> None:
    """Show the seed and, where the prior has one, the temperature."""
    st.session_state["seed"] = view.seed
    st.session_state["temperature"] = view.temperature
    seed_column, again_column, temperature_column = st.columns([2, 2, 4, 5], vertical_alignment="bottom")[:3]
    seed_column.number_input("Seed", 0, 2**31 - 1, key="seed", on_change=_keep, args=("seed",))
    again_column.button("Draw again", icon=":material/casino:", on_click=_draw_again, args=(view,))
    if not has_temperature(loaded):
        return
    temperature_column.slider(
        "Temperature",
        0.0,
        2.0,
        step=0.05,
        key="temperature",
        on_change=_keep,
        args=("temperature",),
        help="Scales the prior's deviation. 1 is the model's own prior; anything else is not what it was trained for.",
    )


def _draw_again(view: View) -> None:
    change_view(seed=(view.seed + 1) % 2**31)


def _keep(name: str) -> None:
    change_view(**{name: st.session_state[name]})
