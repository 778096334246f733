"""Interpolate: walk between places of the latent space, and see where the way leaves the data."""

import streamlit as st

from explorer.ui import resources
from explorer.ui.checking import fitting_map_view
from explorer.ui.components.end_controls import add_place
from explorer.ui.components.interpolator import PARTS, PURPOSE, part_control
from explorer.ui.components.latent_map import preload_plotting
from explorer.ui.components.map_computations import map_computations
from explorer.ui.components.map_controls import class_control, dims_control, projection_control
from explorer.ui.components.run_picker import describe_run, run_picker
from explorer.ui.guard import errors_in_words
from explorer.ui.state import current_view, show_problems

preload_plotting()
view = current_view()
show_problems()
controls = st.container(horizontal=True, vertical_alignment="bottom")
with errors_in_words(), controls, st.container(width=300):
    loaded = run_picker(view)
with errors_in_words():
    class_names = resources.class_names(loaded)
    projection = None
    if loaded.config.model.can_encode:
        view = fitting_map_view(loaded, current_view())
        projection = loaded.projection(view.space, *view.dims)
        if view.interpolate == "path":
            with controls, st.container(width="content"):
                projection_control(loaded, view)
            with controls:
                dims_control(loaded, view)
        with controls:
            class_control(loaded, view, class_names)
        map_computations(loaded)
elbo = loaded.encoded.elbo() if loaded.config.model.can_encode else loaded.run.test_elbo()
st.markdown(f"{PURPOSE}  \n:small[:gray[{describe_run(loaded.config, elbo)}]]")
part_control(view)


@st.fragment
def walk() -> None:
    """Show the chosen part; what is done to pins and choices reruns this alone."""
    with errors_in_words():
        add_place(loaded, class_names)
        PARTS[current_view().interpolate](loaded, projection, class_names)


walk()
