"""The view of the page Generate against the run that it names."""

import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.sampling import sections_of, why_not
from explorer.ui.map.view import DEFAULT, with_known_class
from explorer.ui.view import View, change_view


def validated_class_view(loaded: LoadedRun, view: View) -> View:
    """Return ``view`` with a class that this run does not have replaced by the first, and say so."""
    return with_known_class(loaded, view, "label")


def validated_generate_view(loaded: LoadedRun, view: View) -> View:
    """Return ``view`` with what this run cannot generate replaced by what it can, and say so."""
    view = validated_class_view(loaded, view)
    if view.generate not in sections_of(loaded.config.model):
        st.info(f"{why_not(view.generate, loaded)} Its samples are shown instead.", icon=":material/info:")
        view = change_view(generate=DEFAULT.generate)
    n_classes = loaded.config.model.n_classes
    if n_classes is not None and max(view.blend) >= n_classes:
        st.warning(
            f"Class {max(view.blend)} does not exist in {loaded.run.name}: use 0 to {n_classes - 1}. "
            "A blend of the first two is shown instead.",
            icon=":material/link_off:",
        )
        view = change_view(blend=DEFAULT.blend)
    if loaded.config.model.can_encode and view.image >= len(loaded.encoded):
        st.warning(
            f"Test image {view.image:,} is not in the encoded set: choose one of 0 to {len(loaded.encoded) - 1:,}. "
            "The first is shown instead.",
            icon=":material/link_off:",
        )
        view = change_view(image=DEFAULT.image)
    return view
