"""Interpolate: walk between places of the latent space, and see where the way leaves the data."""

import streamlit as st

from explorer.ui import session
from explorer.ui.errors import errors_in_words
from explorer.ui.interpolate.endpoint_controls import add_place
from explorer.ui.interpolate.sections import PURPOSE, SECTIONS
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.component import preload_plotting
from explorer.ui.map.controls import class_control, dims_control, projection_control
from explorer.ui.map.projection_jobs import map_computations
from explorer.ui.map.view import validated_map_view
from explorer.ui.sections import section_control
from explorer.ui.view import current_view, show_problems
from explorer.ui.widgets.run_picker import describe_loaded, run_picker

preload_plotting()
view = current_view(InterpolateView)
show_problems()
controls = st.container(horizontal=True, vertical_alignment="bottom")
with errors_in_words(), controls, st.container(width=300):
    loaded = run_picker(view)
with errors_in_words():
    class_names = session.class_names(loaded)
    projection = None
    if loaded.config.model.can_encode:
        view = validated_map_view(loaded, current_view(InterpolateView))
        projection = loaded.projection(view.space, *view.dims)
        if view.interpolate == "path":
            with controls, st.container(width="content"):
                projection_control(loaded, view)
            with controls:
                dims_control(loaded, view)
        with controls:
            class_control(loaded, view, class_names)
        map_computations(loaded)
st.markdown(f"{PURPOSE}  \n:small[:gray[{describe_loaded(loaded)}]]")
section_control(SECTIONS, view, "interpolate", "Interpolate")


@st.fragment
def path() -> None:
    """Show the chosen part; what is done to pins and choices reruns this alone."""
    with errors_in_words():
        add_place(loaded, class_names)
        SECTIONS[current_view(InterpolateView).interpolate].show(loaded, projection, class_names)


path()
