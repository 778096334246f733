"""A view against the run that it names: what the run cannot show is said in words, and its default shown instead."""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from explorer.errors import ProjectionError, ServingError
from explorer.serving.decoder import reference_code
from explorer.serving.run_cache import LoadedRun
from explorer.ui.map.projection_state import is_missing, offer
from explorer.ui.places import pinned_code
from explorer.ui.view import View, change_view

DEFAULT = View()
_LEFT_OUT = "pins-left-out"


def validated_map_view(loaded: LoadedRun, view: View) -> View:
    """Return ``view`` with what this run's map cannot show replaced by its default, and say what was.

    Raises:
        ProjectionError: if the run has no map, whatever the view.
    """
    loaded.projection(DEFAULT.space, *DEFAULT.dims)
    if is_missing(loaded, view.space):
        offer(loaded, view.space)
        # A pin by the coordinates of a map that is not there means nothing on another one.
        pins = tuple(pin for pin in view.pins if pin.point is None)
        view = change_view(space=DEFAULT.space, dims=DEFAULT.dims, pins=pins)
    view = _tried(view, lambda it: loaded.projection(it.space, *it.dims), space=DEFAULT.space, dims=DEFAULT.dims)
    if view.reference >= 0:
        view = _tried(view, lambda it: reference_code(loaded, it.reference), reference=DEFAULT.reference)
    view = _with_known_pins(loaded, view)
    return with_known_class(loaded, view, "decode_as")


def _with_known_pins(loaded: LoadedRun, view: View) -> View:
    """Return ``view`` without the pins that mean nothing in this run; which these are is said until pins change."""
    kept, problems = [], []
    for pin in view.pins:
        try:
            pinned_code(loaded, view, pin)
            kept.append(pin)
        except (ProjectionError, ServingError) as error:
            problems.append(f"Pin {pin.name} is left out. {error}")
    if problems:
        view = change_view(pins=tuple(kept), at=-1)
        # A map or a walk that is ready soon runs the page again: the words must outlast that.
        st.session_state[_LEFT_OUT] = view.pins, problems
    pins, said = st.session_state.get(_LEFT_OUT, ((), []))
    for problem in said if pins == view.pins else []:
        st.warning(problem, icon=":material/link_off:")
    return view


def _tried(view: View, show: Callable[[View], object], **defaults: object) -> View:
    try:
        show(view)
    except (ProjectionError, ServingError) as error:
        fitting = replace(view, **defaults)  # type: ignore[arg-type]  # each default has its field's type
        if fitting == view:
            raise
        st.warning(f"{error} The default is shown instead.", icon=":material/link_off:")
        return change_view(**defaults)
    return view


def with_known_class(loaded: LoadedRun, view: View, name: str) -> View:
    """Return ``view`` with a class in its field ``name`` that this run does not have replaced by the default."""
    n_classes, label = loaded.config.model.n_classes, getattr(view, name)
    if n_classes is None or label < n_classes:
        return view
    st.warning(
        f"Class {label} does not exist in {loaded.run.name}: use 0 to {n_classes - 1}. The default is shown instead.",
        icon=":material/link_off:",
    )
    return change_view(**{name: getattr(DEFAULT, name)})
