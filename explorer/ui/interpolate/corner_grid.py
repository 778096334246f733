"""A grid of images between four pinned places."""

from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.analysis.latent.grids import bilinear_grid
from explorer.analysis.projections.base import Projection
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.interpolate.endpoint_controls import endpoint_choices
from explorer.ui.interpolate.endpoints import with_enough_pins
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.notation import given
from explorer.ui.places import one_class, pinned_places
from explorer.ui.text import as_text
from explorer.ui.view import control, current_view
from explorer.ui.widgets.image_export import grid_export
from explorer.ui.widgets.images import grid_picture
from explorer.workflows.image_grids import DecodedGrid

TITLES = ("Top left", "Top right", "Bottom left", "Bottom right")
MAX_SIDE = 20
SIDE = 56


def corner_grid(loaded: LoadedRun, _: Projection | None, names: tuple[str, ...]) -> None:
    """Show the images on a grid between four pins."""
    view = with_enough_pins(loaded, current_view(InterpolateView), 4)
    places = pinned_places(loaded, view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        corners = [places[index] for index in endpoint_choices(view, TITLES)]
        n = min(view.frames, MAX_SIDE)
        shown = replace(view, frames=n)
        control(st.slider, shown, "frames", "Images a side", key="grid-frames", max_value=MAX_SIDE, width=190)
    codes = bilinear_grid(np.stack([place.z for place in corners]), n, n)
    label = one_class(loaded, view, corners[0])
    labels = None if label is None else np.full(n * n, label, np.int64)
    codes = codes.reshape(n * n, -1)
    images = session.service().decode(loaded, codes, labels)
    where = ", ".join(f"{title.lower()} {place.name}" for title, place in zip(TITLES, corners, strict=True))
    grid_picture(
        images.reshape(n, n, *images.shape[1:]), f"Grid of decoded images between four places: {where}", side=SIDE
    )
    in_class = "" if label is None else f" All are decoded in class {as_text(names[label])}."
    means = given("Means of p(x|z)", loaded.config.model)
    st.caption(f"{means} for z between the four places: straight lines in z along rows and columns.{in_class}")
    grid_export(f"{loaded.run.name}-corners", DecodedGrid(images=images, codes=codes, labels=labels, n_columns=n))
