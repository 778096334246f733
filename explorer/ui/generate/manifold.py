"""The manifold of a model of two latent dimensions: codes that are equally likely under its prior, decoded."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.analysis.latent.grids import manifold_codes
from explorer.analysis.latent.priors import normal_prior
from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.controls import class_control
from explorer.ui.generate.sampling import same_class
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import decoded
from explorer.ui.text import as_text
from explorer.ui.widgets.image_export import grid_export
from explorer.ui.widgets.images import grid_picture
from explorer.workflows.image_grids import DecodedGrid

N_SIDE = 15
SIDE = 56


def manifold(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show the grid, or say why the model's prior gives none."""
    model = loaded.config.model
    class_control(loaded, view, names)
    label = same_class(loaded, view, 1)
    moments = normal_prior(loaded.model, label)
    if moments is None:
        st.info(as_text(_why_none(loaded)), icon=":material/info:")
        return
    mean, scale = (np.reshape(part, -1) for part in moments)
    codes = manifold_codes(N_SIDE, mean, scale).reshape(N_SIDE**2, 2)
    labels = same_class(loaded, view, len(codes))
    images = decoded(loaded, codes, labels)
    title = "" if label is None else f" of class {names[view.label]}"
    st.markdown(f"##### {as_text(f'The manifold{title}')}")
    grid_picture(images.reshape(N_SIDE, N_SIDE, *images.shape[1:]), f"The manifold{title}", side=SIDE)
    prior = "the class's own normal prior" if model.prior == "conditional" else "N(0, I)"
    st.caption(
        f"{N_SIDE} x {N_SIDE} codes, the middles of cells that are equally likely under {prior}: probabilities "
        f"{0.5 / N_SIDE:.1%} to {1 - 0.5 / N_SIDE:.1%} through the inverse of its distribution function (Kingma & "
        "Welling 2014, figure 4). z0 grows to the right, z1 upwards."
    )
    of_class = "" if label is None else f"-class-{view.label}"
    grid = DecodedGrid(images=images, codes=codes, labels=labels, n_columns=N_SIDE)
    grid_export(f"{loaded.run.name}-manifold{of_class}", grid)


def _why_none(loaded: LoadedRun) -> str:
    model = loaded.config.model
    if not model.has_prior:
        return (
            f"{loaded.run.name} is an autoencoder: it has no prior, so no code is more likely than another, and there "
            "is nothing to space a grid by. The overlay “Images” of the latent map shows its plane."
        )
    return (
        f"The prior of {loaded.run.name} is a standard {model.posterior} distribution, not a normal one, through whose "
        "inverse distribution function this grid is made. The overlay “Images” of the latent map shows its "
        "plane."
    )
