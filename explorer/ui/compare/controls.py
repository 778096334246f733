"""What decides a comparison: the runs, the projection of their maps, and whether these are turned."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from explorer.analysis.projections.methods import METHODS
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.compare.maps import FEWEST, shared_spaces
from explorer.ui.compare.view import MOST_COMPARED, CompareView
from explorer.ui.view import change_view, control, held_view, keyed_control


def runs_control(runs: Sequence[LoadedRun]) -> None:
    """Show the choice of two to four runs."""
    known = [entry.name for entry in session.run_summaries() if entry.error is None]
    keyed_control(
        st.multiselect,
        "compare",
        [loaded.run.name for loaded in runs],
        "Models",
        known,
        max_selections=MOST_COMPARED,
        on_change=_set_runs,
        help="Two to four; the others are compared with the first.",
    )


def maps_control(runs: Sequence[LoadedRun], view: CompareView) -> None:
    """Show the choice of the maps' projection, and whether they are turned onto the first."""
    spaces = shared_spaces(runs)
    control(
        st.segmented_control,
        view,
        "maps",
        "Maps",
        spaces,
        format_func=lambda name: METHODS[name].title,
        required=True,
        help="Projections by which every chosen model has a map. Others are computed on the page Latent map.",
    )
    control(
        st.toggle,
        view,
        "align",
        "Align",
        help="Rotate, reflect, scale and shift each map onto the first (Procrustes, on the images they share). "
        "Which way a latent space lies, and its unit, are accidents of training.",
    )


def _set_runs() -> None:
    chosen = tuple(st.session_state["compare"])
    if len(chosen) >= FEWEST:
        change_view(replace(held_view(CompareView), compare=chosen))
    else:
        st.toast("A comparison takes two models or more: add another one first.", icon=":material/info:")
