"""The selection of this session: an outline on one map of one run, and the rows in it.

It stays out of the URL: an outline has more numbers than a link should.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles
from explorer.analysis.projections.base import Projection
from explorer.analysis.projections.lasso import rows_inside, without_classes
from explorer.serving.run_cache import LoadedRun, map_version

_KEY = "selection"

Map = tuple[str, str, str, tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Selection:
    """What is selected.

    Attributes:
        where: the map on which it was drawn: run, version of its points, method and names of the axes.
        outline: vertices in map coordinates, shape ``(K, 2)``.
        hidden: classes that the legend hid, which do not count.
        rows: of the encoded set that are in the outline and not hidden, ascending, shape ``(M,)``.
    """

    where: Map
    outline: Doubles
    hidden: tuple[int, ...]
    rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """A short name that another selection hardly has, for the keys of widgets."""
        return f"{crc32(self.rows.tobytes()):08x}"

    def to_browser(self) -> dict[str, list[float] | list[int]]:
        """Return what the browser needs to show it: its outline, never its rows."""
        x, y = self.outline.T.tolist()
        return {"x": x, "y": y, "hidden": list(self.hidden)}


def keep_selection(loaded: LoadedRun, projection: Projection, drawn: Mapping[str, Sequence[Any]]) -> None:
    """Keep what the browser drew: coordinates ``x`` and ``y`` of an outline, and ``hidden`` classes; none clears.

    Raises:
        ServingError: if the outline is not one.
    """
    if not drawn["x"]:
        clear_selection()
        return
    outline = np.stack([np.asarray(drawn["x"], np.float64), np.asarray(drawn["y"], np.float64)], axis=1)
    hidden = tuple(int(label) for label in drawn["hidden"])
    st.session_state[_KEY] = Selection(
        where=_where(loaded, projection),
        outline=outline,
        hidden=hidden,
        rows=without_classes(rows_inside(projection.points, outline), loaded.encoded.labels, hidden),
    )


def held_selection(loaded: LoadedRun, projection: Projection) -> Selection | None:
    """Return what is selected on this map; a selection on another one is forgotten."""
    selection = selection_on(loaded, projection)
    if selection is None:
        clear_selection()
    return selection


def selection_on(loaded: LoadedRun, projection: Projection) -> Selection | None:
    """Return what is selected on this map; None where nothing is, or something on another one."""
    selection: Selection | None = st.session_state.get(_KEY)
    return selection if selection is not None and selection.where == _where(loaded, projection) else None


def outline_data(loaded: LoadedRun, projection: Projection) -> dict[str, list[float] | list[int]] | None:
    """Return what the browser needs to show the selection on this map."""
    selection = held_selection(loaded, projection)
    return None if selection is None else selection.to_browser()


def clear_selection() -> None:
    """Select nothing."""
    st.session_state.pop(_KEY, None)


def _where(loaded: LoadedRun, projection: Projection) -> Map:
    return loaded.run.name, map_version(projection), projection.method, projection.axis_names
