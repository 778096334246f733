"""The view of a page with a map; what the run cannot show of it is said in words, and its default shown instead."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal, TypeVar, get_args

import streamlit as st
from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from explorer.analysis.projections.lasso import MAX_COORDINATE, MAX_VERTICES
from explorer.errors import CheckpointError, ProjectionError, ServingError
from explorer.runs.columns import MAX_NAME
from explorer.serving.decoder import reference_code
from explorer.serving.point_values import COLUMNS, CUSTOM
from explorer.serving.run_cache import LoadedRun
from explorer.ui.map.projection_state import is_missing, offer
from explorer.ui.places import pinned_code
from explorer.ui.text import as_text
from explorer.ui.view import KeptByBrowser, Natural, View, change_view, fields_of, from_text, separated

CLASS = "class"
MAX_HIDDEN = 1000
"""Classes that a legend can hide."""

OverlayName = Literal["images", "prior", "density", "untrained", "posterior", "thumbnails"]

_LEFT_OUT = "pins-left-out"


def _colour(text: str) -> str:
    is_column = text.startswith(CUSTOM) and len(text) <= len(CUSTOM) + MAX_NAME
    if text not in (CLASS, *COLUMNS) and not is_column:
        raise ValueError(text)
    return text


def _in_order(names: tuple[OverlayName, ...]) -> tuple[OverlayName, ...]:
    order: tuple[OverlayName, ...] = get_args(OverlayName)
    return tuple(name for name in order if name in names)


Coordinate = Annotated[float, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]


def _zoom(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if numbers and not (len(numbers) == 3 and numbers[0] < numbers[1]):
        raise ValueError(numbers)
    return numbers


def _vertices(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if len(numbers) % 2:
        raise ValueError(numbers)
    return numbers


@dataclass(frozen=True, kw_only=True)
class MapView(View):
    """How a map looks.

    Attributes:
        colour: what the points are coloured by: "class" or a column.
        overlays: what is drawn over and under the points.
        outline: of the selection: x and y of its vertices in turn, in map coordinates; empty where nothing is selected.
        outline_without: classes that the legend hid, which do not count.
        outline_on: map on which it was drawn, as ``selection.map_name`` calls it; empty for the one that is shown.
    """

    colour: Annotated[str, AfterValidator(_colour)] = CLASS
    overlays: Annotated[tuple[OverlayName, ...], from_text(separated), AfterValidator(_in_order)] = ()
    outline: Annotated[
        tuple[Coordinate, ...],
        from_text(separated),
        Field(max_length=2 * MAX_VERTICES),
        AfterValidator(_vertices),
    ] = ()
    outline_without: Annotated[tuple[Natural, ...], from_text(separated), Field(max_length=MAX_HIDDEN)] = ()
    outline_on: str = ""


@dataclass(frozen=True, kw_only=True)
class OneMapView(MapView):
    """Where one map stands, which can be zoomed.

    Attributes:
        zoom: part of the map in view: least and greatest of its horizontal axis, and the middle of its vertical one,
            whose length follows from the screen; empty for all of the map.
    """

    zoom: Annotated[
        tuple[Coordinate, ...], from_text(separated), Field(max_length=3), AfterValidator(_zoom), KeptByBrowser()
    ] = ()


DEFAULT = View()
M = TypeVar("M", bound=MapView)
V = TypeVar("V", bound=View)


def validated_map_view(loaded: LoadedRun, view: M) -> M:
    """Return ``view`` with what this run's map cannot show replaced by its default, and say what was.

    Raises:
        ProjectionError: if the run has no map, whatever the view.
    """
    loaded.projection(DEFAULT.space, *DEFAULT.dims)
    if is_missing(loaded, view.space):
        offer(loaded, view.space)
        # A pin by the coordinates of a map that is not there means nothing on another one.
        pins = tuple(pin for pin in view.pins if pin.point is None)
        view = change_view(replace(view, space=DEFAULT.space, dims=DEFAULT.dims, pins=pins))
    on_the_plane = replace(view, space=DEFAULT.space, dims=DEFAULT.dims)
    view = _tried(view, lambda it: loaded.projection(it.space, *it.dims), on_the_plane)
    if view.reference >= 0:
        without = replace(view, reference=DEFAULT.reference)
        view = _tried(view, lambda it: reference_code(loaded, it.reference), without)
    view = _with_known_pins(loaded, view)
    return with_known_class(loaded, view, "decode_as")


def _with_known_pins(loaded: LoadedRun, view: V) -> V:
    """Return ``view`` without the pins that mean nothing in this run; which these are is said until pins change."""
    kept, problems = [], []
    for pin in view.pins:
        try:
            pinned_code(loaded, view, pin)
            kept.append(pin)
        except (ProjectionError, ServingError) as error:
            problems.append(f"Pin {pin.name} is left out. {error}")
    if problems:
        view = change_view(replace(view, pins=tuple(kept), active_pin=-1))
        # A map or a path that is ready soon runs the page again: the words must outlast that.
        st.session_state[_LEFT_OUT] = view.pins, problems
    pins, said = st.session_state.get(_LEFT_OUT, ((), []))
    for problem in said if pins == view.pins else []:
        st.warning(as_text(problem), icon=":material/link_off:")
    return view


def _tried(view: V, show: Callable[[V], object], default: V) -> V:
    try:
        show(view)
    except (CheckpointError, ProjectionError, ServingError) as error:
        if default == view:
            raise
        st.warning(f"{as_text(error)} The default is shown instead.", icon=":material/link_off:")
        return change_view(default)
    return view


def with_known_class(loaded: LoadedRun, view: V, name: str) -> V:
    """Return ``view`` with a class in its field ``name`` that this run does not have replaced by the default."""
    n_classes, label = loaded.config.model.n_classes, getattr(view, name)
    if n_classes is None or label < n_classes:
        return view
    st.warning(
        f"Class {label:d} does not exist in {as_text(loaded.run.name)}: use 0 to {n_classes - 1:d}. "
        "The default is shown instead.",
        icon=":material/link_off:",
    )
    return change_view(replace(view, **{name: fields_of(type(view))[name].default}))
