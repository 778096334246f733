"""What is drawn over and under the points of the map: the choice, and why some of it is not to be had on some maps."""

from typing import Any
from urllib.parse import quote

import streamlit as st

from explorer.analysis.projections.base import LinearProjection, Projection
from explorer.models.config import ModelConfig
from explorer.serving.overlays import has_normal_ellipses, prior_centre
from explorer.serving.run_cache import LoadedRun, map_version
from explorer.ui.view import View, change_view, held_view

OVERLAYS = {
    "images": "Images",
    "prior": "Prior",
    "density": "Density",
    "untrained": "Untrained",
    "posterior": "Posterior",
    "thumbnails": "Thumbnails",
}
_HELP = """
- **Images**: what the decoder makes of each place.
- **Prior**: N(0, I) at 1, 2 and 3 standard deviations.
- **Density**: of the aggregated posterior, the mean of q(z|x) over all images.
- **Untrained**: hatched where no encoded image is near.
- **Posterior**: q(z|x) of the image under the pointer.
- **Thumbnails**: the images themselves, once you zoom in.
"""


def overlay_control(loaded: LoadedRun, projection: Projection, view: View) -> None:
    """Show the choice of overlays, and the reasons for those that this map cannot have."""
    missing = missing_overlays(loaded, projection)
    names = [name for name in OVERLAYS if name not in missing]
    st.session_state["overlays"] = [name for name in names if name in view.overlays]
    reasons = " ".join(f"**{OVERLAYS[name]}** is not here: {reason}" for name, reason in missing.items())
    st.pills(
        "Show on the map",
        names,
        selection_mode="multi",
        format_func=OVERLAYS.__getitem__,
        key="overlays",
        on_change=_set_overlays,
        args=(tuple(missing),),
        help=_HELP,
        wrap=True,
    )
    if reasons:
        st.caption(reasons)


def overlay_data(loaded: LoadedRun, projection: Projection, view: View, space: str) -> dict[str, Any]:
    """Return what the browser needs to draw the overlays; ``space`` is the query that names the map."""
    path = f"api/runs/{quote(loaded.run.name)}"
    missing, version = missing_overlays(loaded, projection), map_version(projection)
    return {
        "shown": [name for name in OVERLAYS if name in view.overlays and name not in missing],
        "names": OVERLAYS,
        "n_dims": loaded.config.model.latent_dim,
        "density": f"{path}/density?{space}&v={version}",
        "ellipses": f"{path}/ellipses?{space}&v={version}",
        "images": f"{path}/images",
        "prior": prior_centre(loaded, projection),
    }


def missing_overlays(loaded: LoadedRun, projection: Projection) -> dict[str, str]:
    """Return the overlays that this map cannot have, each with a sentence that says why."""
    model = loaded.config.model
    missing = {}
    if prior_centre(loaded, projection) is None:
        missing["prior"] = _why_no_circles(model, projection)
    if not (has_normal_ellipses(model) and isinstance(projection, LinearProjection)):
        missing["posterior"] = _why_no_ellipses(model, projection)
    return missing


def _why_no_circles(model: ModelConfig, projection: Projection) -> str:
    if not model.has_prior:
        return "an autoencoder has no prior."
    if not isinstance(projection, LinearProjection):
        return "on a map that bends space the prior is no circle; choose the latent plane or PCA."
    if model.prior == "conditional":
        return "this model has a prior for each class."
    return f"the prior is the {model.posterior} one, whose levels are no circles."


def _why_no_ellipses(model: ModelConfig, projection: Projection) -> str:
    if not model.has_bound:
        return "an autoencoder encodes an image as a point, without a posterior."
    if not isinstance(projection, LinearProjection):
        return "on a map that bends space it is no ellipse; choose the latent plane or PCA."
    return f"q(z|x) is {model.posterior} and no diagonal normal, so its levels are not the ellipses of its variances."


def _set_overlays(missing: tuple[str, ...]) -> None:
    # What this map cannot have stays chosen for the maps that can.
    chosen = {*st.session_state["overlays"], *(name for name in held_view().overlays if name in missing)}
    change_view(overlays=tuple(name for name in OVERLAYS if name in chosen))
