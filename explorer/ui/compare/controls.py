"""What decides a comparison: the runs, the projection of their maps, whether these are turned, and what is asked."""

from collections.abc import Sequence

import streamlit as st

from explorer.analysis.projections.methods import METHODS
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.compare.maps import FEWEST, shared_spaces
from explorer.ui.view import MOST_COMPARED, QUESTIONS, View, change_view

TITLES = {
    "generate": "Can it generate?",
    "likelihood": "Does it give p(x)?",
    "spaces": "How do the spaces differ?",
    "numbers": "All numbers",
}


def runs_control(runs: Sequence[LoadedRun]) -> None:
    """Show the choice of two to four runs."""
    known = [entry.name for entry in session.run_summaries() if entry.error is None]
    st.session_state["compare"] = [loaded.run.name for loaded in runs]
    st.multiselect(
        "Models",
        known,
        key="compare",
        max_selections=MOST_COMPARED,
        on_change=_set_runs,
        help="Two to four; the others are compared with the first.",
    )


def maps_control(runs: Sequence[LoadedRun], view: View) -> None:
    """Show the choice of the maps' projection, and whether they are turned onto the first."""
    spaces = shared_spaces(runs)
    st.session_state["maps"], st.session_state["align"] = view.maps, bool(view.align)
    st.segmented_control(
        "Maps",
        spaces,
        format_func=lambda name: METHODS[name].title,
        key="maps",
        required=True,
        on_change=_set_maps,
        help="Projections by which every chosen model has a map. Others are computed on the page Latent map.",
    )
    st.toggle(
        "Align",
        key="align",
        on_change=_set_align,
        help="Rotate, reflect, scale and shift each map onto the first (Procrustes, on the images they share). "
        "Which way a latent space lies, and its unit, are accidents of training.",
    )


def question_control(view: View) -> None:
    """Show the questions to choose from."""
    st.session_state["question"] = view.question
    st.segmented_control(
        "Question",
        QUESTIONS,
        format_func=TITLES.__getitem__,
        key="question",
        required=True,
        on_change=_set_question,
        label_visibility="collapsed",
    )


def _set_runs() -> None:
    chosen = tuple(st.session_state["compare"])
    if len(chosen) >= FEWEST:
        change_view(compare=chosen)
    else:
        st.toast("A comparison takes two models or more: add another one first.", icon=":material/info:")


def _set_maps() -> None:
    change_view(maps=st.session_state["maps"])


def _set_align() -> None:
    change_view(align=int(st.session_state["align"]))


def _set_question() -> None:
    change_view(question=st.session_state["question"])
