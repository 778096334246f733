"""Latent map: point anywhere and see what the decoder makes there; click to keep it."""

from functools import partial

import streamlit as st

from explorer.ui import session
from explorer.ui.errors import errors_in_words
from explorer.ui.explore.drawing import draw
from explorer.ui.explore.inspector import inspector
from explorer.ui.explore.selection_panel import selection_panel
from explorer.ui.explore.view import ExploreView
from explorer.ui.map.colouring import colour_control, validated_colour
from explorer.ui.map.columns import upload_columns
from explorer.ui.map.component import latent_map, preload_plotting
from explorer.ui.map.controls import (
    class_control,
    dims_control,
    projection_control,
    stop_without_encoder,
    support_note,
)
from explorer.ui.map.overlays import overlay_control
from explorer.ui.map.pin_actions import keep_code
from explorer.ui.map.projection_jobs import map_computations
from explorer.ui.map.view import validated_map_view
from explorer.ui.places import resolve_pin, resolve_pins
from explorer.ui.view import current_view, show_problems
from explorer.ui.widgets.run_picker import describe_loaded, run_picker

preload_plotting()
view = current_view(ExploreView)
show_problems()
controls = st.container(horizontal=True, vertical_alignment="bottom")
with errors_in_words(), controls, st.container(width=300):
    loaded = run_picker(view)
stop_without_encoder(loaded)
with errors_in_words():
    view = validated_map_view(loaded, current_view(ExploreView))
with errors_in_words(), controls, st.container(width="content"):
    projection = projection_control(loaded, view)
with errors_in_words():
    view = validated_colour(loaded, projection, view)
    class_names = session.class_names(loaded)
with errors_in_words(), controls:
    colour_control(loaded, view)
    upload_columns(loaded)
    dims_control(loaded, view)
    class_control(loaded, view, class_names)
with errors_in_words():
    map_computations(loaded)

about = (
    f"{describe_loaded(loaded)}. "
    f"Each of the {len(projection.points):,} points is a test image, where the encoder puts it.{support_note(loaded)}"
)
st.markdown(f"**Point anywhere** to see what the decoder makes there. **Click** to keep it.  \n:small[:gray[{about}]]")


@st.fragment
def map_and_inspector() -> None:
    """Show the map beside the pinned place; a click reruns this part alone."""
    with errors_in_words():
        map_column, inspector_column = st.columns([5, 3], gap="large")
        place, pins = resolve_pin(loaded, current_view(ExploreView)), resolve_pins(loaded, current_view(ExploreView))
        with map_column:
            overlay_control(loaded, projection, current_view(ExploreView))
            latent_map(loaded, projection, place, pins, current_view(ExploreView), class_names)
            draw(loaded, projection, current_view(ExploreView), on_keep=partial(keep_code, loaded))
        with inspector_column:
            inspector(loaded, current_view(ExploreView), place, class_names, on_keep=partial(keep_code, loaded))
        selection_panel(loaded, projection, class_names)


map_and_inspector()
