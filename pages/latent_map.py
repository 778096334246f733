"""Latent map: point anywhere and see what the decoder makes there; click to keep it."""

from functools import partial

import streamlit as st

from explorer.ui import resources
from explorer.ui.checking import fitting_map_view
from explorer.ui.components.colour_control import colour_control, fitting_colour
from explorer.ui.components.draw import draw
from explorer.ui.components.inspector import inspector
from explorer.ui.components.latent_map import latent_map, preload_plotting
from explorer.ui.components.map_computations import map_computations
from explorer.ui.components.map_controls import (
    class_control,
    dims_control,
    projection_control,
    stop_without_encoder,
    support_note,
)
from explorer.ui.components.overlay_controls import overlay_control
from explorer.ui.components.own_columns import bring_columns
from explorer.ui.components.pin_actions import keep_code
from explorer.ui.components.run_picker import describe_run, run_picker
from explorer.ui.components.selection import selection_panel
from explorer.ui.guard import errors_in_words
from explorer.ui.pinning import resolve_pin, resolve_pins
from explorer.ui.state import current_view, show_problems

preload_plotting()
view = current_view()
show_problems()
controls = st.container(horizontal=True, vertical_alignment="bottom")
with errors_in_words(), controls, st.container(width=300):
    loaded = run_picker(view)
stop_without_encoder(loaded)
with errors_in_words():
    view = fitting_map_view(loaded, current_view())
with errors_in_words(), controls, st.container(width="content"):
    projection = projection_control(loaded, view)
with errors_in_words():
    view = fitting_colour(loaded, projection, view)
    class_names = resources.class_names(loaded)
with errors_in_words(), controls:
    colour_control(loaded, view)
    bring_columns(loaded)
    dims_control(loaded, view)
    class_control(loaded, view, class_names)
with errors_in_words():
    map_computations(loaded)

about = (
    f"{describe_run(loaded.config, loaded.encoded.elbo())}. "
    f"Each of the {len(projection.points):,} points is a test image, where the encoder puts it.{support_note(loaded)}"
)
st.markdown(f"**Point anywhere** to see what the decoder makes there. **Click** to keep it.  \n:small[:gray[{about}]]")


@st.fragment
def map_and_inspector() -> None:
    """Show the map beside the pinned place; a click reruns this part alone."""
    with errors_in_words():
        map_column, inspector_column = st.columns([5, 3], gap="large")
        place, pins = resolve_pin(loaded, current_view()), resolve_pins(loaded, current_view())
        with map_column:
            overlay_control(loaded, projection, current_view())
            latent_map(loaded, projection, place, pins, current_view(), class_names)
            draw(loaded, projection, current_view(), on_keep=partial(keep_code, loaded))
        with inspector_column:
            inspector(loaded, place, class_names, on_keep=partial(keep_code, loaded))
        selection_panel(loaded, projection, class_names)


map_and_inspector()
