"""What the points of the map are coloured by: their class, or a number with a colour bar."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote
from zlib import crc32

import streamlit as st

from explorer.analysis.projections.base import Projection
from explorer.errors import ExplorerError
from explorer.figures.palette import value_scale
from explorer.figures.text import figure_text
from explorer.serving.point_values import CUSTOM, PERCENTILES, column, has_kl
from explorer.serving.run_cache import LoadedRun
from explorer.ui.map.view import CLASS, M, MapView
from explorer.ui.notation import given
from explorer.ui.text import as_text
from explorer.ui.view import change_view, control


@dataclass(frozen=True, kw_only=True, slots=True)
class _Colouring:
    title: str
    axis: str
    explanation: str


_COLOURINGS = {
    CLASS: _Colouring(title="Class", axis="class", explanation="the class that the data set gives."),
    "reconstruction": _Colouring(
        title="Reconstruction error",
        axis="-log p(x|z), nats",
        explanation="-log p(x|z) in nats, at one seeded posterior sample; low is good.",
    ),
    "kl": _Colouring(
        title="KL",
        axis="KL(q(z|x) ‖ p(z)), nats",
        explanation="how far an image's posterior lies from the prior, KL(q(z|x) ‖ p(z)) in nats.",
    ),
    "density": _Colouring(
        title="Density",
        axis="log density on the map, nats",
        explanation=(
            "log density of the points on this map, per unit of its area: a normal kernel of Scott's bandwidth on a "
            "histogram."
        ),
    ),
}


def _colouring(name: str) -> _Colouring:
    """Description of a colouring, one of ours or a custom column."""
    if not name.startswith(CUSTOM):
        return _COLOURINGS[name]
    title = name.removeprefix(CUSTOM)
    return _Colouring(title=title, axis=title, explanation="a column that was brought along.")


def validated_colour(loaded: LoadedRun, projection: Projection, view: M) -> M:
    """Return ``view`` with a colouring that this run and map do not have replaced by class, and say why."""
    if view.colour == CLASS:
        return view
    try:
        column(loaded, view.colour, projection)
    except ExplorerError as error:
        st.warning(f"{as_text(error)} The classes are shown.", icon=":material/palette:")
        return change_view(replace(view, colour=CLASS))
    return view


def colour_control(loaded: LoadedRun, view: MapView) -> None:
    """Show the choice of colouring; the view must fit the run and its map."""
    offered = [name for name in _COLOURINGS if name != "kl" or has_kl(loaded)]
    offered += [CUSTOM + title for title in loaded.custom_columns]
    control(
        st.selectbox,
        view,
        "colour",
        "Colour by",
        offered,
        format_func=lambda name: _colouring(name).title,
        width=180,
        help=given(_help(offered), loaded.config.model),
    )


def colour_data(loaded: LoadedRun, space_query: str, version: str, view: MapView) -> dict[str, Any] | None:
    """Return what the browser needs to colour by the view's column: its address, title, scale; None for classes.

    Args:
        loaded: the run.
        space_query: query parameters of the map.
        version: changes with the map.
        view: says which column.
    """
    if view.colour == CLASS:
        return None
    low, high = PERCENTILES
    axis = figure_text(given(_colouring(view.colour).axis, loaded.config.model))
    return {
        "url": f"api/runs/{quote(loaded.run.name)}/column?name={quote(view.colour)}&{space_query}"
        f"&v={version}{_version_of_column(loaded, view.colour)}",
        "title": f"{axis} (percentiles {low} to {high})",
        "scale": value_scale(),
    }


def _version_of_column(loaded: LoadedRun, colour: str) -> str:
    """Return what changes with the values of a custom column; empty for the others."""
    values = loaded.custom_columns.get(colour.removeprefix(CUSTOM)) if colour.startswith(CUSTOM) else None
    return "" if values is None else f"-{crc32(values.tobytes()):08x}"


def _help(offered: list[str]) -> str:
    lines = [f"- **{as_text(_colouring(name).title)}**: {as_text(_colouring(name).explanation)}" for name in offered]
    if "kl" not in offered:
        lines.append("- KL is not offered: a plain autoencoder has no posterior and no prior that it could compare.")
    low, high = PERCENTILES
    lines.append(
        f"\nThe colours of numbers span percentiles {low} to {high}; what lies beyond has the colour at the end."
    )
    return "\n".join(lines)
