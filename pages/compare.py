"""Compare: two to four models side by side, in linked maps, in pictures and in numbers."""

import streamlit as st

from explorer.ui.compare.controls import maps_control, runs_control
from explorer.ui.compare.map_grid import compared_maps, linked_words
from explorer.ui.compare.maps import compared_maps as maps_of
from explorer.ui.compare.maps import compared_runs, validated_maps
from explorer.ui.compare.sections import SECTIONS
from explorer.ui.compare.selection import compared_selection
from explorer.ui.compare.view import CompareView
from explorer.ui.errors import errors_in_words
from explorer.ui.map.component import preload_plotting
from explorer.ui.sections import section_control
from explorer.ui.view import current_view, show_problems

preload_plotting()
view = current_view(CompareView)
show_problems()
with errors_in_words():
    runs = compared_runs(view)
    view = validated_maps(runs, current_view(CompareView))
    maps = maps_of(runs, view)
with st.container(horizontal=True, vertical_alignment="bottom"):
    with st.container(width=520):
        runs_control(runs)
    maps_control(runs, view)
st.markdown(f"**What does the KL term buy?** {linked_words(maps)}")


@st.fragment
def side_by_side() -> None:
    """Show the maps and what is selected on them; what is done to them reruns this part alone."""
    with errors_in_words():
        compared_maps(maps, current_view(CompareView))
        compared_selection(maps)


@st.fragment
def answers() -> None:
    """Show the answers to one of the questions."""
    with errors_in_words():
        view = current_view(CompareView)
        section_control(SECTIONS, view, "question", "Question")
        SECTIONS[view.question].show(runs, view)


side_by_side()
answers()
