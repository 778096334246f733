"""A canvas whose drawing is encoded while it is made: its place on the map, its reconstruction, its nearest class."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats
from explorer.analysis.projections.base import Projection
from explorer.errors import ServingError
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.browser.component import browser_component
from explorer.ui.view import View

CENTRED_BY_MASS = ("mnist",)
"""Data sets whose images were moved so that their centre of mass is in the middle."""

_KEY = "drawing"
_SCRIPT = Path(__file__).with_name("drawing.js")
_HTML = """
<div class="ui drawing">
  <div class="drawing__field">
    <canvas class="ui-ring drawing__canvas" tabindex="0" role="img"></canvas>
    <i class="drawing__pen" hidden></i>
  </div>
  <div class="drawing__results">
    <figure>
      <canvas class="ui-image drawing__seen" role="img" aria-label="What the encoder sees of the drawing"></canvas>
      <figcaption>what the encoder sees</figcaption></figure>
    <figure>
      <canvas class="ui-image drawing__back" role="img" aria-label="Reconstruction of the drawing"></canvas>
      <figcaption>reconstruction</figcaption></figure>
    <p class="drawing__words" role="status"></p>
  </div>
  <div class="ui-bar drawing__controls">
    <button type="button" class="ui-button" data-action="clear">Clear</button>
    <button type="button" class="ui-button" data-action="keep">Keep as pin</button>
    <label class="ui-label drawing__class">encode as class <select class="ui-field"></select></label>
    <label class="ui-label drawing__centre"><input type="checkbox" checked> centre as MNIST does</label>
  </div>
</div>
"""


def draw(loaded: LoadedRun, projection: Projection, view: View, on_keep: Callable[[Floats], None]) -> None:
    """Show the canvas, folded in. What is drawn is encoded by the run's model and marked on the map.

    Args:
        loaded: a run whose model has an encoder.
        projection: the map.
        view: holds the dimensions of a plane, and the class in which a conditional model decodes.
        on_keep: is given the drawing's code, shape ``(L,)``, before the page runs again.
    """
    config = loaded.config
    path, space = f"api/runs/{quote(loaded.run.name)}", {"space": projection.method}
    is_plane = projection.method == "plane"
    data: dict[str, Any] = {
        "run": loaded.run.name,
        "encode": f"{path}/encode?{urlencode(space | ({'i': view.dims[0], 'j': view.dims[1]} if is_plane else {}))}",
        "decode": f"{path}/decode?trust=1",
        "shape": list(config.model.image_shape),
        "classes": list(session.class_names(loaded)),
        "conditional": config.model.n_classes is not None,
        "decode_as": view.decode_as if view.decode_as >= 0 else None,
        "centres": config.training.data in CENTRED_BY_MASS,
    }
    with st.expander("Draw", icon=":material/draw:"):
        st.caption(_explanation(loaded, projection))
        browser_component(_SCRIPT, _HTML)(
            key=_KEY, data=data, on_kept_change=lambda: on_keep(_kept_code(config.model.latent_dim))
        )


def _kept_code(n_dims: int) -> Floats:
    z = np.asarray(st.session_state[_KEY].kept["z"], np.float32)
    if z.shape != (n_dims,) or not np.isfinite(z).all():
        raise ServingError(f"The drawing's code has shape {z.shape}; this model's codes have {n_dims} finite numbers.")
    return z


def _explanation(loaded: LoadedRun, projection: Projection) -> str:
    """Say how a drawing is encoded, and why it is centred."""
    text = "Draw with mouse or finger, or with the arrow keys (Space puts the pen down, Delete clears). "
    text += "The drawing is encoded as it grows, and the map marks its place."
    if not projection.exact:
        text += " That place is interpolated from those of the nearest encoded images."
    if loaded.config.is_binary:
        text += " Its greys are encoded as they are; the test images were first made black and white, once."
    if loaded.config.training.data in CENTRED_BY_MASS:
        text += " MNIST's digits have their centre of mass in the middle, and a drawing is moved there too."
    return text
