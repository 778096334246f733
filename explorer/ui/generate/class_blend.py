"""A blend of two classes: the same z decoded between them, and what the classifier makes of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.analysis.evaluation.classifier import class_probabilities
from explorer.analysis.latent.grids import blend_weights
from explorer.figures.generation import blend_figure, blend_text
from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.controls import seed_control
from explorer.ui.generate.sampling import drawn_codes
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import decoded
from explorer.ui.text import as_text
from explorer.ui.view import change_view, control, held_view, keyed_control
from explorer.ui.widgets.classifier import classifier_of
from explorer.ui.widgets.classifier_facts import accuracy_words
from explorer.ui.widgets.image_export import grid_export
from explorer.ui.widgets.images import GAP, grid_picture
from explorer.workflows.image_grids import DecodedGrid

N_ROWS = 4
SIDE = 84
LEAST_WIDTH = 480


def class_blend(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show a row for each of a few z and a column for each step from one class to another."""
    n_classes = loaded.config.model.n_classes or 0
    _controls(view, names, n_classes)
    seed_control(loaded, view)
    weights = blend_weights(n_classes, view.blend, view.steps)
    labels = np.tile(weights, (N_ROWS, 1))
    # Draw k has its noise whatever the class: a row is one z, or one noise under the priors of the classes.
    codes = np.stack([drawn_codes(loaded, view, N_ROWS, np.tile(row, (N_ROWS, 1))) for row in weights], axis=1)
    codes = codes.reshape(len(labels), -1)
    images = decoded(loaded, codes, labels)
    ends = names[view.blend[0]], names[view.blend[1]]
    st.markdown(f"##### From class {as_text(ends[0])} to class {as_text(ends[1])} in {view.steps:d} steps")
    grid_picture(
        images.reshape(N_ROWS, view.steps, *images.shape[1:]), f"A blend of {ends[0]} and {ends[1]}", side=SIDE
    )
    shared = "noise" if loaded.config.model.prior == "conditional" else "z"
    st.caption(
        f"A row has one {shared}; from left to right y goes from all {as_text(ends[0])} to all {as_text(ends[1])}. The "
        "model was trained "
        f"with whole classes alone, so what lies between them is what its first layer makes of a mixture. "
        f"Seed {view.seed:d}."
    )
    classifier = classifier_of(loaded)
    if classifier is not None:
        read = class_probabilities(classifier.network, images).reshape(N_ROWS, view.steps, -1)[..., list(view.blend)]
        shares = np.linspace(0, 1, view.steps)
        with st.container(width=max(LEAST_WIDTH, view.steps * (SIDE + 2 * GAP))):
            st.plotly_chart(
                blend_figure(shares, read, view.blend, ends),
                alt=blend_text(shares, read, ends),
                config={"displayModeBar": False},
                key="blend-judged",
            )
        st.caption(
            f"A thin line for each z, a thick one for their mean; {accuracy_words(classifier)}, which are whole "
            "classes."
        )
    stem = f"{loaded.run.name}-blend-{view.blend[0]}-{view.blend[1]}-seed-{view.seed}"
    grid_export(stem, DecodedGrid(images=images, codes=codes, labels=labels, n_columns=view.steps))


def _controls(view: GenerateView, names: Sequence[str], n_classes: int) -> None:
    first, last, steps = st.columns([2, 2, 4, 5], vertical_alignment="bottom")[:3]
    columns, titles, keys = (first, last), ("From class", "To class"), ("blend-from", "blend-to")
    for column, title, key, chosen in zip(columns, titles, keys, view.blend, strict=True):
        keyed_control(
            column.selectbox,
            key,
            chosen,
            title,
            range(n_classes),
            format_func=names.__getitem__,
            on_change=_keep_ends,
        )
    control(steps.slider, view, "steps", "Steps")


def _keep_ends() -> None:
    blend = st.session_state["blend-from"], st.session_state["blend-to"]
    change_view(replace(held_view(GenerateView), blend=blend))
