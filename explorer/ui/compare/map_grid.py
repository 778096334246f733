"""Maps side by side: what is pointed at, pinned or selected on one of them is shown on all."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from explorer.ui import session
from explorer.ui.compare.maps import (
    ComparedMap,
    among_all_pins,
    images_only,
    left_out_words,
    link_data,
    places_on,
    shared_selection,
)
from explorer.ui.compare.view import CompareView
from explorer.ui.map.component import map_data, mount_map
from explorer.ui.map.pin_actions import act
from explorer.ui.map.selection import keep_selection
from explorer.ui.text import as_text
from explorer.ui.widgets.run_picker import describe_loaded

N_COLUMNS = 2


def compared_maps(maps: Sequence[ComparedMap], view: CompareView) -> None:
    """Show the maps, two in a row, each with its pins below it."""
    found = shared_selection(maps)
    outline = None if found is None else {**found[0].to_browser(), "of": found[1].name}
    for start in range(0, len(maps), N_COLUMNS):
        shown = maps[start : start + N_COLUMNS]
        for column, compared in zip(st.columns(N_COLUMNS, gap="medium"), shown, strict=False):
            with column:
                is_linked = found is not None and found[1].images == compared.images
                _map(compared, maps, view, outline if is_linked else None)
    if left_out := left_out_words(view, maps):
        st.caption(f":material/info: {as_text(left_out)}")


def linked_words(maps: Sequence[ComparedMap]) -> str:
    """Return what can be done with the maps: those of the same images are linked."""
    kinds = {compared.images for compared in maps}
    if len(kinds) == len(maps) > 1:
        return (
            "Models side by side. They are of different images, so no image of one map is on another; choose models of "
            "one data set to have their maps linked."
        )
    which = "all of them" if len(kinds) == 1 else "those that show the same images"
    return (
        f"Models of {'the same' if len(kinds) == 1 else 'some of the same'} images, side by side. Point at one map and "
        f"the same image is marked and decoded on {which}; click to pin the nearest image; draw a lasso to select the "
        "same everywhere."
    )


def _map(
    compared: ComparedMap, maps: Sequence[ComparedMap], view: CompareView, outline: Mapping[str, Any] | None
) -> None:
    loaded = compared.loaded
    shown, _ = images_only(view, len(loaded.encoded))
    place, pins = places_on(compared, shown)
    data = map_data(loaded, compared.projection, place, pins, shown, session.class_names(loaded))
    data |= {"link": link_data(compared, maps), "selection": outline}
    st.markdown(f"**{as_text(compared.name)}**  \n:small[:gray[{describe_loaded(loaded)}]]")
    key = f"compared-{compared.name}"
    mount_map(key, data, on_act=partial(_act, compared, key), on_selected=partial(_select, compared, key))
    if about := _about(compared, maps[0]):
        st.caption(as_text(about))


def _about(compared: ComparedMap, first: ComparedMap) -> str:
    """Say how the map was turned, and what it is not."""
    parts = [compared.note]
    if compared.disparity is not None:
        parts.append(
            f"Turned, reflected and scaled onto the map of {first.name}; {compared.disparity:.0%} of the spread does "
            "not fit (Procrustes: 0 % is one shape)."
        )
    if not compared.projection.exact:
        parts.append("Pointing between the points is approximate.")
    return " ".join(filter(None, parts))


def _act(compared: ComparedMap, key: str) -> None:
    act(compared.loaded, among_all_pins(st.session_state[key].act, len(compared.loaded.encoded)))


def _select(compared: ComparedMap, key: str) -> None:
    keep_selection(compared.loaded, compared.projection, st.session_state[key].selected)
