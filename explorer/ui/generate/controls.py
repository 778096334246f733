"""What is chosen on the page Generate: the class, seed and temperature."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import has_temperature
from explorer.ui.text import as_text
from explorer.ui.view import change_view, control


def class_control(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show a button for each class of the run; none for a model that knows no classes."""
    n_classes = loaded.config.model.n_classes
    if n_classes is None:
        return
    control(
        st.pills,
        view,
        "label",
        "Class to generate",
        range(n_classes),
        format_func=lambda label: as_text(names[label]),
        required=True,
    )


def seed_control(loaded: LoadedRun, view: GenerateView) -> None:
    """Show the seed and, where the prior has one, the temperature."""
    seed_column, again_column, temperature_column = st.columns([2, 2, 4, 5], vertical_alignment="bottom")[:3]
    control(seed_column.number_input, view, "seed", "Seed")
    again_column.button("Draw again", icon=":material/casino:", on_click=_draw_again, args=(view,))
    if has_temperature(loaded):
        control(
            temperature_column.slider,
            view,
            "temperature",
            "Temperature",
            step=0.05,
            help="Scales the prior's deviation. 1 is the model's own prior; anything else is not what it was trained "
            "for.",
        )


def _draw_again(view: GenerateView) -> None:
    change_view(replace(view, seed=(view.seed + 1) % 2**31))
