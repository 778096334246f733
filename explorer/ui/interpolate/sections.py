"""The sections of the page Interpolate, each over the pins: a path, four corners, arithmetic, and an attribute."""

import streamlit as st

from explorer.analysis.projections.base import Projection
from explorer.serving.run_cache import LoadedRun
from explorer.ui.interpolate.arithmetic import arithmetic
from explorer.ui.interpolate.attribute import attribute
from explorer.ui.interpolate.corner_grid import corner_grid
from explorer.ui.interpolate.endpoint_controls import endpoint_choices
from explorer.ui.interpolate.endpoints import with_enough_pins
from explorer.ui.interpolate.path_panel import (
    export_of_path,
    filmstrips,
    lines_on_map,
    path_figures,
    path_table,
    sampling_controls,
)
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.component import latent_map
from explorer.ui.places import pinned_places, resolve_pin
from explorer.ui.sections import Section
from explorer.ui.text import as_text
from explorer.ui.view import current_view

PURPOSE = (
    "**Walk from one pinned place to another** and see what the decoder makes on the way, and where it leaves the data."
)


def path_part(loaded: LoadedRun, projection: Projection | None, names: tuple[str, ...]) -> None:
    """Show the paths from one pin to another: their strips, their lines on the map, and a table of their properties."""
    before = current_view(InterpolateView).pins
    view = with_enough_pins(loaded, current_view(InterpolateView), 2)
    if before and view.pins != before:
        st.toast(
            f"A walk goes between two places: {as_text(view.pins[-1].name)} was pinned for it.", icon=":material/info:"
        )
    pins = pinned_places(loaded, view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first, last = endpoint_choices(view, ("From", "To"))
        sampling_controls(view)
        taking = st.container(width="content")
    endpoints = (pins[first], pins[last])
    by_name = (endpoints[0].name, endpoints[1].name)
    if projection is None:
        found = filmstrips(loaded, view, None, endpoints, names)
    else:
        filmstrip_column, map_column = st.columns([7, 5], gap="large")
        with filmstrip_column:
            found = filmstrips(loaded, view, projection, endpoints, names)
        with map_column:
            shown = resolve_pin(loaded, view)
            lines = lines_on_map(view, found, projection)
            latent_map(loaded, projection, shown, pins, view, names, paths=lines)
    with taking:
        export_of_path(loaded, view, found, by_name)
    path_table(found)
    path_figures(loaded, view, found, names, by_name)


SECTIONS: dict[str, Section] = {
    "path": Section(title="Path", show=path_part),
    "corners": Section(title="Four corners", show=corner_grid),
    "arithmetic": Section(title="Arithmetic", show=arithmetic),
    "attribute": Section(title="Attribute", show=attribute),
}
"""By the values of the view's field, in their order."""
