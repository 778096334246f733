"""The selection: an outline on one map of one run, and the rows in it.

The outline is in the view, and so in links, with the map on which it was drawn. On another map it is around other
images: there nothing is selected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.projections.base import AlignedProjection, Projection
from explorer.analysis.projections.lasso import rows_inside, without_classes
from explorer.serving.run_cache import LoadedRun, map_version
from explorer.ui.map.view import MapView
from explorer.ui.view import change_view, held_view

_KEY = "selection"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Selection:
    """What is selected.

    Attributes:
        version: of the points of the map on which it was drawn, or first shown.
        outline: x and y of its vertices in turn, in map coordinates.
        hidden: classes that the legend hid, which do not count.
        rows: of the encoded set that are in the outline and not hidden, ascending, shape ``(M,)``.
    """

    version: str
    outline: tuple[float, ...]
    hidden: tuple[int, ...]
    rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """A short name that another selection hardly has, for the keys of widgets."""
        return f"{crc32(self.rows.tobytes()):08x}"

    def to_browser(self) -> dict[str, list[float] | list[int]]:
        """Return what the browser needs to show it: its outline, never its rows."""
        return {"x": list(self.outline[::2]), "y": list(self.outline[1::2]), "hidden": list(self.hidden)}


def keep_selection(loaded: LoadedRun, projection: Projection, drawn: Mapping[str, Sequence[Any]]) -> None:
    """Keep what the browser drew: coordinates ``x`` and ``y`` of an outline, and ``hidden`` classes; none clears.

    Raises:
        ServingError: if the outline is not one.
    """
    if not drawn["x"]:
        clear_selection()
        return
    outline = np.stack([np.asarray(drawn["x"], np.float64), np.asarray(drawn["y"], np.float64)], axis=1)
    rows_inside(projection.points[:0], outline)  # refuses what is no outline, before anything changes
    view = replace(
        held_view(MapView),
        outline=tuple(outline.ravel().tolist()),
        outline_without=tuple(int(label) for label in drawn["hidden"]),
        outline_on=map_name(loaded, projection),
    )
    _selected(loaded, projection, view)
    change_view(view)


def held_selection(loaded: LoadedRun, projection: Projection) -> Selection | None:
    """Return what is selected on this map; None where nothing is, or something on another one.

    A map that was computed anew since the outline was drawn, or first shown, is another one.
    """
    view = held_view(MapView)
    if not view.outline or view.outline_on not in {"", map_name(loaded, projection)}:
        return None
    held: Selection | None = st.session_state.get(_KEY)
    if held is None or held.outline != view.outline:  # a link's
        return _selected(loaded, projection, view)
    if held.version != map_version(projection):
        return None
    return held if held.hidden == view.outline_without else _selected(loaded, projection, view)


def _selected(loaded: LoadedRun, projection: Projection, view: MapView) -> Selection:
    inside = rows_inside(projection.points, np.reshape(view.outline, (-1, 2)))
    selection = Selection(
        version=map_version(projection),
        outline=view.outline,
        hidden=view.outline_without,
        rows=without_classes(inside, loaded.encoded.labels, view.outline_without),
    )
    st.session_state[_KEY] = selection
    return selection


def outline_data(loaded: LoadedRun, projection: Projection) -> dict[str, list[float] | list[int]] | None:
    """Return what the browser needs to show the selection on this map."""
    selection = held_selection(loaded, projection)
    return None if selection is None else selection.to_browser()


def clear_selection() -> None:
    """Select nothing."""
    change_view(replace(held_view(MapView), outline=(), outline_without=(), outline_on=""))


def map_name(loaded: LoadedRun, projection: Projection) -> str:
    """Return what links call a map: its run and method, the axes of a latent plane, and whether it was turned."""
    axes = projection.axis_names if projection.method == "plane" else ()
    turned = ("turned",) if isinstance(projection, AlignedProjection) else ()
    return "/".join((loaded.run.name, projection.method, *axes, *turned))
