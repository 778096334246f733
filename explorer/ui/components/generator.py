"""Grids of images that a model makes: of a class, of every class from the same z, from the prior, from known codes."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.generation import prior_codes, spread_rows
from explorer.analysis.results import Floats
from explorer.serving.atlas import LoadedRun
from explorer.ui import resources
from explorer.ui.components.pictures import grid_picture
from explorer.ui.state import View, change_view

N_COLUMNS = 10
N_ROWS = 5
N_STYLES = 6
SIDE = 64


def _sample_controls(loaded: LoadedRun, view: View) -> None:
    """Show the seed and, where the prior has one, the temperature."""
    st.session_state["seed"] = view.seed
    st.session_state["temperature"] = view.temperature
    seed_column, again_column, temperature_column = st.columns([2, 2, 4, 5], vertical_alignment="bottom")[:3]
    seed_column.number_input("Seed", 0, 2**31 - 1, key="seed", on_change=_set_seed)
    again_column.button("Draw again", icon=":material/casino:", on_click=_draw_again, args=(view,))
    if not _has_temperature(loaded):
        return
    temperature_column.slider(
        "Temperature",
        0.0,
        2.0,
        step=0.05,
        key="temperature",
        on_change=_set_temperature,
        help="Scales the prior's deviation. 1 is the model's own prior; anything else is not what it was trained for.",
    )


def class_samples(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show buttons for the classes, samples of the chosen one, and the same z in every class."""
    st.session_state["label"] = view.label
    st.pills(
        "Class to generate",
        range(len(names)),
        format_func=lambda label: names[label],
        key="label",
        required=True,
        on_change=_set_label,
    )
    _sample_controls(loaded, view)
    samples_column, styles_column = st.columns(2, gap="large")
    with samples_column:
        _samples_of_class(loaded, view, names)
    with styles_column:
        _same_style(loaded, view, names)


def _samples_of_class(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    n = N_COLUMNS * N_ROWS
    labels = np.full(n, view.label, np.int64)
    images = resources.service().decode(loaded.run.name, _codes(loaded, view, n, labels), labels)
    st.markdown(f"##### {n} samples of class {names[view.label]}")
    grid_picture(
        images.reshape(N_ROWS, N_COLUMNS, *images.shape[1:]), f"Samples of class {names[view.label]}", side=SIDE
    )
    st.caption(f"Means of p(x|z, y) for z from {_prior(loaded, view)}, seed {view.seed}.")


def _same_style(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show a row per z and a column per class."""
    classes = np.arange(len(names))
    codes = np.stack([_codes(loaded, view, N_STYLES, np.full(N_STYLES, label)) for label in classes], axis=1)
    labels = np.tile(classes, N_STYLES)
    images = resources.service().decode(loaded.run.name, codes.reshape(len(labels), -1), labels)
    shared = "noise" if loaded.config.model.prior == "conditional" else "z"
    st.markdown(f"##### The same {shared} in every class")
    grid_picture(images.reshape(N_STYLES, len(names), *images.shape[1:]), "A row per z, a column per class", side=SIDE)
    st.caption(
        f"A row has the same {shared}, that of one of the first {N_STYLES} samples; a column is a class, {names[0]} to "
        f"{names[-1]}."
    )


def prior_samples(loaded: LoadedRun, view: View) -> None:
    """Show samples of a model without classes."""
    _sample_controls(loaded, view)
    n = N_COLUMNS * N_ROWS
    images = resources.service().decode(loaded.run.name, _codes(loaded, view, n))
    st.markdown(f"##### {n} samples")
    grid_picture(images.reshape(N_ROWS, N_COLUMNS, *images.shape[1:]), "Samples from the prior", side=SIDE)
    what = "Means of p(x|z)" if loaded.config.model.can_encode else "What the decoder makes"
    st.caption(f"{what} for z from {_prior(loaded, view)}, seed {view.seed}.")
    about = "was trained without classes."
    if not loaded.config.model.can_encode:
        about = "is a GAN: it makes images, and has no encoder that would place one on a map. It " + about
    st.info(f"{loaded.run.name} {about} To pick a class, choose a CVAE above.", icon=":material/info:")


def reconstructions(loaded: LoadedRun, names: Sequence[str]) -> None:
    """Say that an autoencoder has nothing to sample from, and show what it makes of codes that it knows."""
    st.info(
        "An autoencoder has no prior: nothing says which codes are likely, so there is nothing to sample from. "
        "Below are decoded codes of test images. To sample, choose a VAE or a CVAE above.",
        icon=":material/info:",
    )
    rows = spread_rows(loaded.encoded.labels, N_COLUMNS * N_ROWS)
    rows = rows[: len(rows) // N_COLUMNS * N_COLUMNS]
    images = resources.service().decode(loaded.run.name, loaded.encoded.mu[rows])
    st.markdown(f"##### {len(rows)} decoded test codes")
    grid_picture(
        images.reshape(-1, N_COLUMNS, *images.shape[1:]), f"Decoded codes of classes {', '.join(names)}", side=SIDE
    )


def _codes(loaded: LoadedRun, view: View, n: int, labels: NDArray[np.int64] | None = None) -> Floats:
    temperature = view.temperature if _has_temperature(loaded) else 1.0
    return prior_codes(loaded.model, n, seed=view.seed, temperature=temperature, labels=labels)


def _has_temperature(loaded: LoadedRun) -> bool:
    """Whether the prior is a normal distribution, whose noise can be scaled."""
    model = loaded.config.model
    return model.posterior in {"normal", "normal-full"} or model.prior != "matching"


def _prior(loaded: LoadedRun, view: View) -> str:
    model = loaded.config.model
    if not _has_temperature(loaded):
        return f"the prior, a standard {model.posterior} distribution"
    name = "the class's own normal prior" if model.prior == "conditional" else "N(0, I)"
    if view.temperature == 1:
        return name
    return f"{name} with its deviation times {view.temperature:g}, which is not the model's prior"


def _draw_again(view: View) -> None:
    change_view(seed=(view.seed + 1) % 2**31)


def _set_seed() -> None:
    change_view(seed=int(st.session_state["seed"]))


def _set_temperature() -> None:
    change_view(temperature=float(st.session_state["temperature"]))


def _set_label() -> None:
    change_view(label=int(st.session_state["label"]))
