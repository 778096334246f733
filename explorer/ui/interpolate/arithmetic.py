"""Arithmetic on codes: what tells A from B, put upon C."""

import numpy as np
import streamlit as st

from explorer.analysis.latent.attributes import latent_arithmetic
from explorer.analysis.projections.base import Projection
from explorer.errors import ExplorerError
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.interpolate.endpoint_controls import endpoint_choices
from explorer.ui.interpolate.endpoints import pin_code, with_enough_pins
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.reliability import reliability_note
from explorer.ui.places import PinnedPlace, one_class, pinned_places
from explorer.ui.text import as_text
from explorer.ui.view import current_view
from explorer.ui.widgets.classifier import classifier_of
from explorer.ui.widgets.classifier_facts import accuracy_words
from explorer.ui.widgets.classifier_readings import classified_images
from explorer.ui.widgets.image_export import grid_export
from explorer.ui.widgets.images import captioned_pictures
from explorer.workflows.image_grids import DecodedGrid

SIDE = 140
TITLES = ("Start from", "take away", "add")


def arithmetic(loaded: LoadedRun, projection: Projection | None, names: tuple[str, ...]) -> None:
    """Show three pins and what the first less the second plus the third decodes to, with how far it can be believed."""
    view = with_enough_pins(loaded, current_view(InterpolateView), 3)
    places = pinned_places(loaded, view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        a, b, c = (places[index] for index in endpoint_choices(view, TITLES))
        z = latent_arithmetic(a.z, b.z, c.z)
        st.button("Pin the result", icon=":material/add_location:", on_click=_keep, args=(z, (a, b, c)))
    label = one_class(loaded, view, c)
    labels = None if label is None else np.full(4, label, np.int64)
    codes = np.stack([a.z, b.z, c.z, z])
    images = session.service().decode(loaded, codes, labels)
    captions = [f"pin {a.name}", f"take away pin {b.name}", f"add pin {c.name}", "result"]
    classifier = classifier_of(loaded)
    if classifier is not None:
        read = classified_images(classifier, images, names)
        captions = [f"{said}, judged {name} ({share:.0%})" for said, (name, share) in zip(captions, read, strict=True)]
    captioned_pictures(images, captions, side=SIDE)
    if classifier is not None:
        st.caption(f"{accuracy_words(classifier).capitalize()}.")
    if projection is not None:
        place = PinnedPlace(row=None, point=projection.forward(z[None])[0], z=z, label=label, name="result")
        reliability_note(loaded, place)
    st.caption(
        f"The code of {as_text(a.name)}, less that of {as_text(b.name)}, plus that of {as_text(c.name)} (Radford, Metz "
        "and Chintala 2016). Single "
        "images carry much besides what tells them apart: means of classes (Add a place) make a cleaner difference."
    )
    grid_export(f"{loaded.run.name}-arithmetic", DecodedGrid(images=images, codes=codes, labels=labels, n_columns=4))


def _keep(z: np.ndarray, parts: tuple[PinnedPlace, ...]) -> None:
    a, b, c = (place.name.partition(" ")[0] for place in parts)
    try:
        pin_code(z, f"{a}-{b}+{c}")
    except ExplorerError as error:
        st.toast(as_text(error), icon=":material/error:", duration="long")
