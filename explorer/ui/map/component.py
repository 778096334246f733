"""The latent map on the page: a plotly map that decodes under the pointer, without rerunning the script."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st

from explorer.analysis.projections.base import AlignedProjection, LinearProjection, Projection, StripProjection
from explorer.figures.latent_map import latent_map_figure
from explorer.serving.run_cache import LoadedRun, map_version
from explorer.ui.browser.component import browser_component
from explorer.ui.map.colouring import colour_data
from explorer.ui.map.overlays import overlay_data
from explorer.ui.map.pin_actions import act
from explorer.ui.map.selection import keep_selection, outline_data
from explorer.ui.map.view import MapView, OneMapView
from explorer.ui.places import PinnedPlace
from explorer.ui.view import View, undoable

_KEY = "latent-map"
_SCRIPT = Path(__file__).with_name("latent_map.js")
_HTML = """
<div class="ui ui-ring latent-map" role="application" tabindex="0">
  <div class="latent-map__plot"></div>
  <figure class="latent-map__lens" aria-live="off"><canvas class="ui-image"></canvas><figcaption></figcaption></figure>
  <p class="latent-map__status" role="status">Drawing the map …</p>
</div>
<div class="ui ui-rings pin-tray" aria-label="Pins"></div>
<dialog class="map-keys" aria-label="Keys of the map"></dialog>
"""


def preload_plotting() -> None:
    """Have the browser load plotly.js while the script prepares the map: running it takes most of a second."""
    st.html(
        f"""<i class="preload"></i><script>
        if (!document.getElementById("plotly-js")) {{
          const script = document.createElement("script");
          script.id = "plotly-js";
          script.src = new URL("{_plotly_path()}", document.baseURI);
          script.onload = () => (script.Plotly ??= window.Plotly);
          script.onerror = () => script.remove();
          document.head.append(script);
        }}
        </script>""",
        unsafe_allow_javascript=True,
    )


def latent_map(  # noqa: PLR0913  # what a map shows is many things
    loaded: LoadedRun,
    projection: Projection,
    place: PinnedPlace,
    pins: Sequence[PinnedPlace],
    view: OneMapView,
    class_names: tuple[str, ...],
    *,
    paths: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Show the map, and the pins below it. What is done to pins changes the view before the part around it runs again.

    Args:
        loaded: the run.
        projection: its map.
        place: what the map shows while nobody points.
        pins: all that is pinned.
        view: decides the class in which a conditional model decodes.
        class_names: a name for each class, for the legend.
        paths: lines to draw over the points, each with its ``points``, its ``dash`` and whether it ``is_shown``.
    """
    data = map_data(loaded, projection, place, pins, view, class_names)
    data["overlays"] |= {"paths": list(paths)}
    data |= {"selection": outline_data(loaded, projection), "zoom": list(view.zoom)}
    mount_map(
        _KEY,
        data,
        on_act=lambda: act(loaded, st.session_state[_KEY].act),
        on_selected=lambda: keep_selection(loaded, projection, st.session_state[_KEY].selected),
    )
    n_others = loaded.encoded.latent_dim - 2
    if isinstance(projection, StripProjection):
        st.caption(
            "This latent space has one dimension: a point lies at its z0, and at a random height so that the points do "
            "not hide one another. Pointing reads z0 alone."
        )
    elif not projection.exact:
        st.caption(_approximation(projection))
    elif n_others > 0:
        origin = "those of the mean code" if view.reference < 0 else f"those of image {view.reference:,}"
        st.caption(f"Pointing changes the two coordinates of this map; the other {n_others:d} of z are {origin}.")


def map_data(
    loaded: LoadedRun,
    projection: Projection,
    place: PinnedPlace,
    pins: Sequence[PinnedPlace],
    view: MapView,
    class_names: tuple[str, ...],
) -> dict[str, Any]:
    """Return what the browser needs for a map with its pins alone; the arguments are ``latent_map``'s.

    The server is asked for places on the map as it was before it was turned onto another one.
    """
    path = f"api/runs/{quote(loaded.run.name)}"
    served = projection.of if isinstance(projection, AlignedProjection) else projection
    space = _space_query(served, view)
    return {
        "run": loaded.run.name,
        "plotly": _plotly_path(),
        "points": f"{path}/points?{space}&v={map_version(served)}",
        "decode": f"{path}/decode?{space}{f'&reference={view.reference}' if view.reference >= 0 else ''}",
        "colour": colour_data(loaded, space, map_version(served), view),
        "figure": _figure_json(projection, class_names),
        "classes": list(class_names),
        "conditional": place.label is not None,
        "decode_as": view.decode_as if view.decode_as >= 0 else None,
        "home": _place_data(path, place),
        "pins": [_place_data(path, pin) for pin in pins],
        "at": view.index,
        "can": dict(zip(("undo", "redo"), undoable(), strict=True)),
        "linear": _linear(projection),
        "exact": projection.exact,
        "overlays": overlay_data(loaded, projection, view, space) | {"paths": []},
        "selection": None,
        "zoom": None,
        "link": None,
        "alt": _alt(loaded, projection, class_names),
    }


def mount_map(
    key: str, data: Mapping[str, Any], *, on_act: Callable[[], None], on_selected: Callable[[], None]
) -> None:
    """Show a map; ``on_act`` is called when its pins were acted on, ``on_selected`` when an outline was drawn."""
    browser_component(_SCRIPT, _HTML)(key=key, data=data, on_act_change=on_act, on_selected_change=on_selected)


def _place_data(path: str, place: PinnedPlace) -> dict[str, Any]:
    return {
        "x": float(place.point[0]),
        "y": float(place.point[1]),
        "z": [float(number) for number in place.z],
        "row": place.row,
        "name": place.name,
        "decode": f"{path}/decode{'' if place.label is None else f'?label={place.label}'}",
    }


def _linear(projection: Projection) -> dict[str, Any] | None:
    """Return what takes z to a linear map: the browser marks codes that no route was asked for."""
    if not isinstance(projection, LinearProjection):
        return None
    return {"axes": projection.axes.tolist(), "origin": projection.origin.tolist()}


def _approximation(projection: Projection) -> str:
    """Say that places on this map have no codes of their own, and how good the codes are that they are given."""
    text = "**Approximate.** Between the points, z is interpolated from the nearest ones on the map"
    quality = projection.quality
    if quality is None:
        return f"{text}."
    return (
        f"{text}: halfway between neighbouring images the way there and back misses by {quality.round_trip:.1%} of the "
        "map's radius (median), and by more in the gaps between clusters. Trustworthiness "
        f"{quality.trustworthiness:.2f}, continuity {quality.continuity:.2f}, on {quality.n_compared:,} images."
    )


def _plotly_path() -> str:
    # The version in the name lets browsers keep the file for good.
    return f"api/plotly-{version('plotly')}.js"


def _space_query(projection: Projection, view: View) -> str:
    query: dict[str, Any] = {"space": projection.method}
    if projection.method == "plane":
        query |= {"i": view.dims[0], "j": view.dims[1]}
    return urlencode(query)


def _figure_json(projection: Projection, class_names: tuple[str, ...]) -> Any:
    return json.loads(latent_map_figure(projection, class_names).to_json())


def _alt(loaded: LoadedRun, projection: Projection, class_names: tuple[str, ...]) -> str:
    return (
        f"Map of {len(projection.points):,} encoded test images of {loaded.config.training.data} in {len(class_names)} "
        f"classes; horizontal {projection.axis_names[0]}, vertical {projection.axis_names[1]}. "
        "Arrow keys move the point that is decoded, Enter keeps it, Escape returns to the kept one."
    )
