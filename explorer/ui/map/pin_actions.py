"""What a person does to pins in the browser, done to the view: one small dictionary an action."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats
from explorer.errors import ConfigError, ExplorerError
from explorer.serving.decoder import reference_code
from explorer.serving.run_cache import LoadedRun
from explorer.ui.pins import Pin, added, moved, removed, renamed, reordered
from explorer.ui.view import change_pins, change_view, held_view, redo_pins, undo_pins


def act(loaded: LoadedRun, action: Mapping[str, Any]) -> None:
    """Do ``action``, and say in words why it cannot be done where it cannot.

    ``action["do"]`` is one of add, move, choose, rename, remove, order, undo, redo and class; a place is ``row``, or
    ``x`` and ``y`` on the map, or ``z``.
    """
    try:
        _ACTIONS[action["do"]](loaded, action)
    except ExplorerError as error:
        st.toast(str(error), icon=":material/error:", duration="long")


def keep_code(loaded: LoadedRun, z: Sequence[float] | Floats) -> None:
    """Pin the code ``z``, ``L`` numbers."""
    act(loaded, {"do": "add", "z": z})


def _add(loaded: LoadedRun, action: Mapping[str, Any]) -> None:
    place = _place(loaded, action)
    change_pins(added(held_view().pins, place), **_reference(place))


def _move(loaded: LoadedRun, action: Mapping[str, Any]) -> None:
    place, index = _place(loaded, action), _index(action)
    change_pins(moved(held_view().pins, index, place), at=index, **_reference(place))


def _choose(_: LoadedRun, action: Mapping[str, Any]) -> None:
    index = _index(action)
    change_view(at=index, **_reference(held_view().pins[index]))


def _rename(_: LoadedRun, action: Mapping[str, Any]) -> None:
    view = held_view()
    change_pins(renamed(view.pins, _index(action), str(action["name"])), at=view.at)


def _remove(_: LoadedRun, action: Mapping[str, Any]) -> None:
    view, index = held_view(), _index(action)
    # The pin that is looked at stays so; where it is the removed one, its neighbour is.
    at = view.index - (view.index > index or view.index == len(view.pins) - 1)
    change_pins(removed(view.pins, index), at=at)


def _order(_: LoadedRun, action: Mapping[str, Any]) -> None:
    view, index = held_view(), _index(action)
    looked_at = view.pin
    pins = reordered(view.pins, index, max(0, min(int(action["to"]), len(view.pins) - 1)))
    change_pins(pins, at=-1 if looked_at is None else pins.index(looked_at))


def _undo(_: LoadedRun, __: Mapping[str, Any]) -> None:
    undo_pins()


def _redo(_: LoadedRun, __: Mapping[str, Any]) -> None:
    redo_pins()


def _class(_: LoadedRun, action: Mapping[str, Any]) -> None:
    change_view(decode_as=int(action["label"]))


def _place(loaded: LoadedRun, action: Mapping[str, Any]) -> Pin:
    """Return what was pointed at: an image, a code, which means the same on every map, or a place of this map alone."""
    if "row" in action:
        return Pin(row=int(action["row"]))
    if "z" in action:
        return Pin(code=tuple(float(number) for number in action["z"]))
    view = held_view()
    projection = loaded.projection(view.space, *view.dims)
    if not projection.exact:  # the code found there lies elsewhere on this map: the pin stays where it was put
        return Pin(point=(float(action["x"]), float(action["y"])))
    reference = reference_code(loaded, view.reference if view.reference >= 0 else None)
    code = projection.inverse(np.array([[action["x"], action["y"]]], np.float32), reference)[0]
    return Pin(code=tuple(float(f"{number:.6g}") for number in code))


def _reference(pin: Pin) -> dict[str, int]:
    """An image that is looked at gives the rest of z where the map leaves it open."""
    return {} if pin.row is None else {"reference": pin.row}


def _index(action: Mapping[str, Any]) -> int:
    index, n = int(action["index"]), len(held_view().pins)
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
