"""Traversals: one latent dimension moved at a time, the rest of z held, a row each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.latent.grids import traversal_codes
from explorer.analysis.latent.priors import normal_prior
from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.controls import class_control
from explorer.ui.generate.sampling import same_class
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import decoded
from explorer.ui.text import as_text
from explorer.ui.widgets.image_export import grid_export
from explorer.ui.widgets.images import grid_picture
from explorer.ui.widgets.sliders import dead_reason, dead_title, order_in_words, short_number, use_of_dimensions
from explorer.workflows.image_grids import DecodedGrid

REACH = 3
N_STEPS = 2 * REACH + 1
N_SHOWN = 16
N_MORE = 24
N_DEAD = 4
SIDE = 56
LABEL_WIDTH = 120


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Traversal:
    """What is moved, and how far.

    Attributes:
        start: the code that the rest of z is held at, ``(L,)``.
        values: that each dimension takes, ``(L, N_STEPS)``.
        live: dimensions that carry something, the one that carries most first.
        dead: the others.
        measures: what each is sorted by, ``(L,)``, and how that is called.
        order: a sentence on the order.
        columns: a sentence on the values.
    """

    start: Floats
    values: Floats
    live: NDArray[np.int64]
    dead: NDArray[np.int64]
    measures: Floats
    measure: str
    order: str
    columns: str


def traversals(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show a row for each dimension that carries something; those that carry nothing are folded and explained."""
    class_control(loaded, view, names)
    it = traversal_of(loaded, view)
    shown, more, dead = it.live[:N_SHOWN], it.live[N_SHOWN : N_SHOWN + N_MORE], it.dead[:N_DEAD]
    dims = np.concatenate([shown, more, dead])
    codes = traversal_codes(it.start, dims, it.values[dims]).reshape(len(dims) * N_STEPS, -1)
    labels = same_class(loaded, view, len(codes))
    images = decoded(loaded, codes, labels)
    rows = dict(zip(dims.tolist(), images.reshape(len(dims), N_STEPS, *images.shape[1:]), strict=True))
    n_dims = len(it.start)
    st.markdown(f"##### {len(shown)} of {n_dims:d} latent dimension{'s' * (n_dims > 1)}, one moved at a time")
    st.caption(as_text(f"{it.columns} {it.order}"))
    _rows(it, shown, rows)
    if len(more):
        with st.expander(f"{len(it.live) - len(shown)} more that carry less"):
            if len(more) < len(it.live) - len(shown):
                st.caption(f"The first {len(more)} of them.")
            _rows(it, more, rows)
    if len(it.dead):
        use = use_of_dimensions(loaded)
        with st.expander(dead_title(len(it.dead), n_dims, use)):
            st.caption(dead_reason(loaded, use))
            _rows(it, dead, rows)
    grid = DecodedGrid(images=images, codes=codes, labels=labels, n_columns=N_STEPS)
    grid_export(f"{loaded.run.name}-traversals", grid)


def traversal_of(loaded: LoadedRun, view: GenerateView) -> Traversal:
    """Return what is moved in a run, in the view's class."""
    return _traversal(loaded, view) if loaded.config.model.can_encode else _traversal_of_gan(loaded)


def _rows(it: Traversal, dims: NDArray[np.int64], rows: dict[int, Images]) -> None:
    n_left = -(-len(dims) // 2)
    for column, part in zip(st.columns(2, gap="large"), (dims[:n_left], dims[n_left:]), strict=True):
        for i in part.tolist():
            # Not columns, which would stand one above the other on a narrow screen.
            with column.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(
                    f"**z{i:d}** :small[{as_text(it.measure)} {short_number(float(it.measures[i]))}]", width=LABEL_WIDTH
                )
                grid_picture(rows[i][None], f"Dimension {i} moved. {it.columns}", side=SIDE)


def _traversal(loaded: LoadedRun, view: GenerateView) -> Traversal:
    """Return the traversal of a model with an encoder, whose encoded set says what its dimensions carry."""
    model, use = loaded.config.model, use_of_dimensions(loaded)
    moments = normal_prior(loaded.model, same_class(loaded, view, 1))
    held = "The rest of z is the mean of the encoded codes"
    if moments is not None:
        start, scale = (np.reshape(part, -1).astype(np.float64) for part in moments)
        values = start[:, None] + scale[:, None] * np.arange(-REACH, REACH + 1)
        columns = f"From left to right -{REACH} to {REACH} deviations of {_prior(loaded)}, whose mean the rest of z is."
    elif not model.has_prior:
        start = use.mean
        values = start[:, None] + np.sqrt(use.variance)[:, None] * np.arange(-REACH, REACH + 1)
        columns = f"From left to right -{REACH} to {REACH} deviations of the encoded codes: there is no prior. {held}."
    else:
        start = use.mean
        values = np.linspace(use.low, use.high, N_STEPS, axis=1)
        columns = f"From left to right in equal steps over where the encoded codes lie. {held}."
    is_dead = use.is_dead[use.order]
    return Traversal(
        start=start.astype(np.float32),
        values=values.astype(np.float32),
        live=use.order[~is_dead],
        dead=use.order[is_dead],
        measures=(use.variance if use.kl is None else use.kl).astype(np.float32),
        measure="variance" if use.kl is None else "KL",
        order=order_in_words(loaded, use),
        columns=columns,
    )


def _prior(loaded: LoadedRun) -> str:
    return "the class's own prior" if loaded.config.model.prior == "conditional" else "the prior N(0, 1)"


def _traversal_of_gan(loaded: LoadedRun) -> Traversal:
    """Return the traversal of a model without an encoder: no KL says what a dimension carries, its image does."""
    n_dims = loaded.config.model.latent_dim
    start, dims = np.zeros(n_dims, np.float32), np.arange(n_dims)
    values = np.tile(np.arange(-REACH, REACH + 1, dtype=np.float32), (n_dims, 1))
    ends = decoded(loaded, traversal_codes(start, dims, values[:, [0, -1]]).reshape(2 * n_dims, n_dims))
    far = ends.reshape(n_dims, 2, -1).astype(np.float32)
    change = np.abs(far[:, 1] - far[:, 0]).mean(axis=1) / 255
    return Traversal(
        start=start,
        values=values,
        live=np.argsort(-change, kind="stable"),
        dead=np.empty(0, np.int64),
        measures=change,
        measure="change",
        order="Sorted by how much a pixel changes on average between the ends, in [0, 1]: without an encoder no KL "
        "says what a dimension carries.",
        columns=f"From left to right -{REACH} to {REACH} deviations of the prior N(0, 1), whose mean the rest of z is.",
    )
