"""The sections of the page Generate, and its view against the run that it names."""

from dataclasses import replace

import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.class_blend import class_blend
from explorer.ui.generate.manifold import manifold
from explorer.ui.generate.samples import samples
from explorer.ui.generate.style import style_transfer
from explorer.ui.generate.traversals import traversals
from explorer.ui.generate.view import GenerateView
from explorer.ui.map.view import with_known_class
from explorer.ui.sections import Section
from explorer.ui.text import as_text
from explorer.ui.view import change_view

DEFAULT = GenerateView()


def _why_without_classes(loaded: LoadedRun, title: str) -> str:
    if loaded.config.model.n_classes is not None:
        return ""
    return f"{loaded.run.name} knows no classes, which “{title}” needs: choose a CVAE for it."


def _why_no_manifold(loaded: LoadedRun) -> str:
    n_dims = loaded.config.model.latent_dim
    if n_dims == 2:
        return ""
    return (
        f"{loaded.run.name} has {n_dims} latent dimensions, and a manifold is a grid of 2: choose a 2-D model for it."
    )


SECTIONS: dict[str, Section] = {
    "samples": Section(title="Samples", show=samples),
    "style": Section(
        title="Style of an image",
        show=style_transfer,
        why_missing=lambda loaded: _why_without_classes(loaded, "Style of an image"),
    ),
    "blend": Section(
        title="Blend of two classes",
        show=class_blend,
        why_missing=lambda loaded: _why_without_classes(loaded, "Blend of two classes"),
    ),
    "traverse": Section(title="Traversals", show=traversals),
    "manifold": Section(title="Manifold", show=manifold, why_missing=_why_no_manifold),
}
"""By the values of the view's field, in their order."""


def sections_of(loaded: LoadedRun) -> list[str]:
    """Return the sections that a run has."""
    return [name for name, section in SECTIONS.items() if not section.why_missing(loaded)]


def validated_generate_view(loaded: LoadedRun, view: GenerateView) -> GenerateView:
    """Return ``view`` with what this run cannot generate replaced by what it can, and say so."""
    view = with_known_class(loaded, view, "label")
    why_missing = SECTIONS[view.generate].why_missing(loaded)
    if why_missing:
        st.info(f"{as_text(why_missing)} Its samples are shown instead.", icon=":material/info:")
        view = change_view(replace(view, generate=DEFAULT.generate))
    n_classes = loaded.config.model.n_classes
    if n_classes is not None and max(view.blend) >= n_classes:
        st.warning(
            f"Class {max(view.blend):d} does not exist in {as_text(loaded.run.name)}: use 0 to {n_classes - 1:d}. "
            "A blend of the first two is shown instead.",
            icon=":material/link_off:",
        )
        view = change_view(replace(view, blend=DEFAULT.blend))
    if loaded.config.model.can_encode and view.image >= len(loaded.encoded):
        st.warning(
            f"Test image {view.image:,} is not in the encoded set: choose one of 0 to {len(loaded.encoded) - 1:,}. "
            "The first is shown instead.",
            icon=":material/link_off:",
        )
        view = change_view(replace(view, image=DEFAULT.image))
    return view
