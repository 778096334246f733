"""What a person does to pins in the browser, done to the view: one small dictionary an action."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats
from explorer.errors import ConfigError, ExplorerError
from explorer.serving.decoder import reference_code
from explorer.serving.run_cache import LoadedRun
from explorer.ui.pins import Pin, added, moved, removed, renamed, reordered
from explorer.ui.text import as_text
from explorer.ui.view import View, change_pins, change_view, held_view, redo_pins, undo_pins


def act(loaded: LoadedRun, action: Mapping[str, Any]) -> None:
    """Do ``action``, and say in words why it cannot be done where it cannot.

    ``action["do"]`` is one of add, move, choose, rename, remove, order, undo, redo and class; a place is ``row``, or
    ``x`` and ``y`` on the map, or ``z``.
    """
    try:
        _ACTIONS[action["do"]](loaded, action)
    except ExplorerError as error:
        st.toast(as_text(error), icon=":material/error:", duration="long")


def keep_code(loaded: LoadedRun, z: Sequence[float] | Floats) -> None:
    """Pin the code ``z``, ``L`` numbers."""
    act(loaded, {"do": "add", "z": z})


def _add(loaded: LoadedRun, action: Mapping[str, Any]) -> None:
    view, place = held_view(View), _place(loaded, action)
    change_pins(replace(_seen_from(view, place), pins=added(view.pins, place), active_pin=-1))


def _move(loaded: LoadedRun, action: Mapping[str, Any]) -> None:
    view, place, index = held_view(View), _place(loaded, action), _index(action)
    change_pins(replace(_seen_from(view, place), pins=moved(view.pins, index, place), active_pin=index))


def _choose(_: LoadedRun, action: Mapping[str, Any]) -> None:
    view, index = held_view(View), _index(action)
    change_view(replace(_seen_from(view, view.pins[index]), active_pin=index))


def _rename(_: LoadedRun, action: Mapping[str, Any]) -> None:
    view = held_view(View)
    change_pins(replace(view, pins=renamed(view.pins, _index(action), str(action["name"]))))


def _remove(_: LoadedRun, action: Mapping[str, Any]) -> None:
    view, index = held_view(View), _index(action)
    # The pin that is looked at stays so; where it is the removed one, its neighbour is.
    active_pin = view.index - (view.index > index or view.index == len(view.pins) - 1)
    change_pins(replace(view, pins=removed(view.pins, index), active_pin=active_pin))


def _order(_: LoadedRun, action: Mapping[str, Any]) -> None:
    view, index = held_view(View), _index(action)
    looked_at = view.pin
    pins = reordered(view.pins, index, max(0, min(int(action["to"]), len(view.pins) - 1)))
    change_pins(replace(view, pins=pins, active_pin=-1 if looked_at is None else pins.index(looked_at)))


def _undo(_: LoadedRun, __: Mapping[str, Any]) -> None:
    undo_pins()


def _redo(_: LoadedRun, __: Mapping[str, Any]) -> None:
    redo_pins()


def _class(_: LoadedRun, action: Mapping[str, Any]) -> None:
    change_view(replace(held_view(View), decode_as=int(action["label"])))


def _place(loaded: LoadedRun, action: Mapping[str, Any]) -> Pin:
    """Return what was pointed at: an image, a code, which means the same on every map, or a place of this map alone."""
    if "row" in action:
        return Pin(row=int(action["row"]))
    if "z" in action:
        return Pin(code=tuple(float(number) for number in action["z"]))
    view = held_view(View)
    projection = loaded.projection(view.space, *view.dims)
    if not projection.exact:  # the code found there lies elsewhere on this map: the pin stays where it was put
        return Pin(point=(float(action["x"]), float(action["y"])))
    reference = reference_code(loaded, view.reference if view.reference >= 0 else None)
    code = projection.inverse(np.array([[action["x"], action["y"]]], np.float32), reference)[0]
    return Pin(code=tuple(float(f"{number:.6g}") for number in code))


def _seen_from(view: View, pin: Pin) -> View:
    """An image that is looked at gives the rest of z where the map leaves it open."""
    return view if pin.row is None else replace(view, reference=pin.row)


def _index(action: Mapping[str, Any]) -> int:
    index, n = int(action["index"]), len(held_view(View).pins)
    if not 0 <= index < n:
        raise ConfigError(f"There is no pin {index + 1} any more: {n} are left.")
    return index


_ACTIONS = {
    "add": _add,
    "move": _move,
    "choose": _choose,
    "rename": _rename,
    "remove": _remove,
    "order": _order,
    "undo": _undo,
    "redo": _redo,
    "class": _class,
}
