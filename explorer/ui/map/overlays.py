"""What is drawn over and under the points of the map: the choice, and why some of it is not to be had on some maps."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import streamlit as st

from explorer.analysis.projections.base import LinearProjection, Projection
from explorer.serving.overlays import has_normal_ellipses, prior_centre
from explorer.serving.run_cache import LoadedRun, map_version
from explorer.ui.map.view import MapView, OverlayName
from explorer.ui.text import as_text
from explorer.ui.view import change_view, held_view, keyed_control


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """Something to draw over or under the points.

    Attributes:
        title: what it is called.
        explanation: what it shows, after its title and a colon.
        why_missing: says why a map cannot have it, in half a sentence; empty where it can.
    """

    title: str
    explanation: str
    why_missing: Callable[[LoadedRun, Projection], str] = lambda *_: ""


def _why_no_circles(loaded: LoadedRun, projection: Projection) -> str:
    if prior_centre(loaded, projection) is not None:
        return ""
    model = loaded.config.model
    if not model.has_prior:
        return "an autoencoder has no prior."
    if not isinstance(projection, LinearProjection):
        return "on a map that bends space the prior is no circle; choose the latent plane or PCA."
    if model.prior == "conditional":
        return "this model has a prior for each class."
    return f"the prior is the {model.posterior} one, whose levels are no circles."


def _why_no_ellipses(loaded: LoadedRun, projection: Projection) -> str:
    model = loaded.config.model
    if has_normal_ellipses(model) and isinstance(projection, LinearProjection):
        return ""
    if not model.has_bound:
        return "an autoencoder encodes an image as a point, without a posterior."
    if not isinstance(projection, LinearProjection):
        return "on a map that bends space it is no ellipse; choose the latent plane or PCA."
    return f"q(z|x) is {model.posterior} and no diagonal normal, so its levels are not the ellipses of its variances."


OVERLAYS: dict[OverlayName, Overlay] = {
    "images": Overlay(title="Images", explanation="what the decoder makes of each place."),
    "prior": Overlay(
        title="Prior", explanation="N(0, I) at 1, 2 and 3 standard deviations.", why_missing=_why_no_circles
    ),
    "density": Overlay(title="Density", explanation="of the aggregated posterior, the mean of q(z|x) over all images."),
    "untrained": Overlay(title="Untrained", explanation="hatched where no encoded image is near."),
    "posterior": Overlay(
        title="Posterior", explanation="q(z|x) of the image under the pointer.", why_missing=_why_no_ellipses
    ),
    "thumbnails": Overlay(title="Thumbnails", explanation="the images themselves, once you zoom in."),
}
"""What can be chosen, by its name in links and in the browser, in the order of the choice."""


def overlay_control(loaded: LoadedRun, projection: Projection, view: MapView) -> None:
    """Show the choice of overlays, and the reasons for those that this map cannot have."""
    missing = missing_overlays(loaded, projection)
    names = [name for name in OVERLAYS if name not in missing]
    reasons = " ".join(f"**{OVERLAYS[name].title}** is not here: {as_text(reason)}" for name, reason in missing.items())
    keyed_control(
        st.pills,
        "overlays",
        [name for name in names if name in view.overlays],
        "Show on the map",
        names,
        selection_mode="multi",
        format_func=lambda name: OVERLAYS[name].title,
        on_change=_set_overlays,
        args=(tuple(missing),),
        help="\n".join(f"- **{overlay.title}**: {overlay.explanation}" for overlay in OVERLAYS.values()),
        wrap=True,
    )
    if reasons:
        st.caption(reasons)


def overlay_data(loaded: LoadedRun, projection: Projection, view: MapView, space: str) -> dict[str, Any]:
    """Return what the browser needs to draw the overlays; ``space`` is the query that names the map."""
    path = f"api/runs/{quote(loaded.run.name)}"
    missing, version = missing_overlays(loaded, projection), map_version(projection)
    return {
        "shown": [name for name in OVERLAYS if name in view.overlays and name not in missing],
        "names": {name: overlay.title for name, overlay in OVERLAYS.items()},
        "n_dims": loaded.config.model.latent_dim,
        "density": f"{path}/density?{space}&v={version}",
        "ellipses": f"{path}/ellipses?{space}&v={version}",
        "images": f"{path}/images",
        "prior": prior_centre(loaded, projection),
    }


def missing_overlays(loaded: LoadedRun, projection: Projection) -> dict[OverlayName, str]:
    """Return the overlays that this map cannot have, each with a sentence that says why."""
    reasons = {name: overlay.why_missing(loaded, projection) for name, overlay in OVERLAYS.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _set_overlays(missing: tuple[OverlayName, ...]) -> None:
    # What this map cannot have stays chosen for the maps that can.
    view = held_view(MapView)
    chosen = (*st.session_state["overlays"], *(name for name in view.overlays if name in missing))
    change_view(replace(view, overlays=chosen))
