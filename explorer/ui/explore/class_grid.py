"""The pinned code decoded in every class of a conditional model."""

import numpy as np
import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.places import PinnedPlace
from explorer.ui.widgets.images import captioned_pictures

SIDE = 84


def same_code_in_every_class(loaded: LoadedRun, place: PinnedPlace, class_names: tuple[str, ...]) -> None:
    """Show an image for each class, all from the pinned z; the class of the pinned image is named as its own."""
    n = loaded.config.model.n_classes or 0
    images = session.service().decode(loaded.run.name, np.repeat(place.z[None], n, axis=0), np.arange(n))
    st.markdown("**The same z in every class**")
    captioned_pictures(images, class_captions(class_names[:n], place), side=SIDE)
    if loaded.config.model.prior == "conditional":
        st.caption("This model has a prior for each class, so the same z is not equally likely in all of them.")


def class_captions(class_names: tuple[str, ...], place: PinnedPlace) -> list[str]:
    """Return a caption for each class; that of the pinned place says so in words."""
    mark = "shown above" if place.row is None else "its own"
    return [f"{name} ({mark})" if label == place.label else name for label, name in enumerate(class_names)]
