"""What decides the map: its projection, the dimensions of a plane, and the class in which a CVAE decodes."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from explorer import locations
from explorer.analysis.projections.base import Projection
from explorer.analysis.projections.methods import METHODS
from explorer.locations import PAGES
from explorer.models.config import POSTERIORS
from explorer.serving.run_cache import LoadedRun
from explorer.ui.map.projection_state import choose, choose_another, is_missing
from explorer.ui.pins import Pin
from explorer.ui.places import pinned_code
from explorer.ui.text import as_text
from explorer.ui.view import View, change_view, control, held_view, keyed_control

NEAREST = -1


def stop_without_encoder(loaded: LoadedRun) -> None:
    """End the page with what there is instead, for a model that places no image on a map."""
    if loaded.config.model.can_encode:
        return
    st.info(
        f"{as_text(loaded.run.name)} is a GAN: it makes images from codes, and has no encoder that would place images "
        "on a map. See what it makes, or choose another model above.",
        icon=":material/info:",
    )
    st.page_link(PAGES / "generate.py", label="See what it makes", icon=":material/auto_awesome:")
    st.stop()


def support_note(loaded: LoadedRun) -> str:
    """Return a sentence on the codes that the model knows, where these are not all."""
    facts = POSTERIORS[loaded.config.model.posterior]
    if facts.is_real or not loaded.config.model.has_prior:
        return ""
    return f" Its codes are {facts.support}: what is decoded elsewhere was never trained."


def projection_control(loaded: LoadedRun, view: View) -> Projection:
    """Show the choice of projections and return the chosen one; the view must fit the run."""
    missing = {space for space in METHODS if is_missing(loaded, space)}
    keyed_control(
        st.segmented_control,
        "space",
        view.space,
        "Map",
        [space for space in METHODS if space not in missing] if locations.READONLY else list(METHODS),
        format_func=lambda space: METHODS[space].title + (" :material/schedule:" if space in missing else ""),
        help=_help_on(missing),
        required=True,
        on_change=_set_space,
        args=(loaded,),
    )
    return loaded.projection(view.space, *view.dims)


def _help_on(missing: set[str]) -> str | None:
    """Return what to know of the maps that are not there; None where none is missing."""
    if not missing:
        return None
    if locations.READONLY:
        names = ", ".join(METHODS[space].title for space in METHODS if space in missing)
        return f"Not computed for this model: {names}. This app only shows what is there (EXPLORER_READONLY is set)."
    return (
        "A clock marks a map that takes a while: it is computed when it is first chosen, and then stored. "
        "Until it is there, the map stays as it is."
    )


def dims_control(loaded: LoadedRun, view: View) -> None:
    """Show the choice of the two dimensions of a latent plane; nothing on other maps, or where there are just two."""
    n_dims = loaded.config.model.latent_dim
    if view.space != "plane" or n_dims <= 2:
        return
    pair = st.container(horizontal=True, width="content")
    for axis, label, dim in zip(("i", "j"), ("Across", "Up"), view.dims, strict=True):
        keyed_control(
            pair.selectbox,
            f"dim-{axis}",
            min(dim, n_dims - 1),
            label,
            range(n_dims),
            format_func=lambda k: f"z{k}",
            on_change=_set_dims,
            args=(loaded,),
            width=96,
        )


def class_control(loaded: LoadedRun, view: View, class_names: Sequence[str]) -> None:
    """Show the choice of the class in which a conditional model decodes the map; nothing for other models."""
    if loaded.config.model.n_classes is None:
        return
    control(
        st.selectbox,
        view if view.decode_as < len(class_names) else replace(view, decode_as=NEAREST),
        "decode_as",
        "Decode as class",
        [NEAREST, *range(len(class_names))],
        format_func=lambda label: "nearest point's class" if label == NEAREST else class_names[label],
        key="decode-as",
        width=200,
    )


def _set_space(loaded: LoadedRun) -> None:
    space = st.session_state["space"]
    if is_missing(loaded, space):
        choose(space, loaded)
    else:
        choose_another()
        move_map(loaded, space, held_view(View).dims)


def _set_dims(loaded: LoadedRun) -> None:
    view = held_view(View)
    dims = st.session_state["dim-i"], st.session_state["dim-j"]
    # The same dimension twice: the two change places.
    move_map(loaded, view.space, view.dims[::-1] if dims[0] == dims[1] else dims)


def move_map(loaded: LoadedRun, space: str, dims: tuple[int, int]) -> None:
    """Change the map; what was pinned by coordinates of the old one keeps its code."""
    # The view as it is now: a click since the last full run has changed it.
    view = held_view(View)
    pins = tuple(
        pin if pin.point is None else Pin(name=pin.name, code=tuple(pinned_code(loaded, view, pin).tolist()))
        for pin in view.pins
    )
    change_view(replace(view, space=space, dims=dims, pins=pins))
