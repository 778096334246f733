"""Samples: of a class, of every class from the same z, from a prior, and of what an autoencoder has in place of one."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.judging import agreement, class_fidelity, class_shares, judged
from explorer.analysis.results import Floats
from explorer.figures.generation import judged_classes_figure, judged_classes_text
from explorer.runs.judges import Judge
from explorer.serving.atlas import LoadedRun
from explorer.serving.work import Images
from explorer.ui.components.generation_controls import class_control, seed_control
from explorer.ui.components.judge import judge_of
from explorer.ui.components.pictures import grid_picture
from explorer.ui.generating import decoded, drawn_codes, prior_words
from explorer.ui.judging import fidelity_words, shares_words
from explorer.ui.state import View

if TYPE_CHECKING:
    from explorer.analysis.density import CodeDensity

N_COLUMNS = 10
N_ROWS = 5
N_STYLES = 6
SIDE = 64
SMALL_SIDE = 36
MANY_CLASSES = 12
"""From more classes on, a column for each is of small images."""

N_DRAWS = 50
N_COMPONENTS = 10

_SAMPLING = threading.Lock()


def samples(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show samples of the run, by what it can be sampled from."""
    class_control(loaded, view, names)
    seed_control(loaded, view)
    if not loaded.config.model.has_prior:
        _fitted_and_standard(loaded, view, names)
    elif loaded.config.model.n_classes is None:
        _prior_samples(loaded, view, names)
    else:
        left, right = st.columns(2, gap="large")
        with left:
            _samples_of_class(loaded, view, names)
        with right:
            _same_style(loaded, view, names)


def _samples_of_class(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    n = N_COLUMNS * N_ROWS
    labels = np.full(n, view.label, np.int64)
    images = decoded(loaded, drawn_codes(loaded, view, n, labels), labels)
    name, judge = names[view.label], judge_of(loaded)
    probabilities = None if judge is None else judged(judge.classifier, images)
    is_wrong = np.zeros(n, bool) if probabilities is None else ~agreement(probabilities, labels)
    st.markdown(f"##### {n} samples of class {name}")
    _grid(images, f"Samples of class {name}", is_wrong)
    if judge is not None and probabilities is not None:
        st.markdown(fidelity_words(class_fidelity(probabilities, labels), judge, f"class {name}"))
        _tell_wrong(probabilities[is_wrong], names)
    st.caption(f"Means of p(x|z, y) for z from {prior_words(loaded, view)}, seed {view.seed}.")


def _tell_wrong(probabilities: Floats, names: Sequence[str]) -> None:
    """Say what the images that have a frame, of probabilities ``(n, K)``, are read as."""
    if len(probabilities):
        labels, counts = np.unique(probabilities.argmax(axis=1), return_counts=True)
        order = np.argsort(-counts, kind="stable").tolist()
        read = ", ".join(f"{names[int(labels[k])]} ({counts[k]})" for k in order)
        st.caption(f":material/crop_square: With a frame: what the judge reads as another class, {read}.")


def _same_style(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show a row per z and a column per class."""
    n_classes = loaded.config.model.n_classes or 0
    classes = np.arange(n_classes)
    codes = np.stack([drawn_codes(loaded, view, N_STYLES, np.full(N_STYLES, label)) for label in classes], axis=1)
    labels = np.tile(classes, N_STYLES)
    images = decoded(loaded, codes.reshape(len(labels), -1), labels)
    shared = "noise" if loaded.config.model.prior == "conditional" else "z"
    judge = judge_of(loaded)
    is_right = None if judge is None else agreement(judged(judge.classifier, images), labels)
    st.markdown(f"##### The same {shared} in every class")
    grid_picture(
        images.reshape(N_STYLES, n_classes, *images.shape[1:]),
        "A row per z, a column per class",
        side=SIDE if n_classes <= MANY_CLASSES else SMALL_SIDE,
        is_marked=None if is_right is None else ~is_right.reshape(N_STYLES, n_classes),
    )
    if is_right is not None:
        st.markdown(_columns_in_words(is_right.reshape(N_STYLES, n_classes), names))
    st.caption(
        f"A row has the same {shared}, that of one of the first {N_STYLES} samples; a column is a class, {names[0]} to "
        f"{names[n_classes - 1]}."
    )


def _columns_in_words(is_right: NDArray[np.bool_], names: Sequence[str]) -> str:
    """Return how many of each column, of ``(R, K)``, are read as its class."""
    n_rows, n_classes = is_right.shape
    counts = is_right.sum(axis=0)
    missed = [f"{names[label]}: {counts[label]} of {n_rows}" for label in range(n_classes) if counts[label] < n_rows]
    others = "every column in full" if not missed else f"{', '.join(missed)}, every other column in full"
    return f"**Judged to be the class of the column: {counts.sum()} of {is_right.size}** ({others})."


def _prior_samples(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show samples of a model without classes, and which classes they are read as."""
    model = loaded.config.model
    images = decoded(loaded, drawn_codes(loaded, view, N_DRAWS))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"##### {N_DRAWS} samples")
        _grid(images, "Samples from the prior")
        what = "Means of p(x|z)" if model.can_encode else "What the decoder makes"
        st.caption(f"{what} for z from {prior_words(loaded, view)}, seed {view.seed}.")
    with right:
        if judge_of(loaded) is not None:
            st.markdown("##### What the judge reads in them")
        _classes_seen(loaded, images, names, "samples")
        about = "was trained without classes."
        if not model.can_encode:
            about = "is a GAN: it makes images, and has no encoder that would place one on a map. It " + about
        st.info(f"{loaded.run.name} {about} To pick a class, choose a CVAE above.", icon=":material/info:")


def _fitted_and_standard(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show an autoencoder's draws from a density fitted to its codes, beside as many from N(0, I)."""
    n_dims = loaded.config.model.latent_dim
    with _SAMPLING:  # a draw sets the seed of the density, which all sessions share
        fitted = _mixture(loaded.run.name, loaded.encoded.fingerprint, len(loaded.encoded), loaded).sample(
            N_DRAWS, seed=view.seed
        )
    standard = np.random.default_rng(view.seed).standard_normal((N_DRAWS, n_dims)).astype(np.float32)
    images = decoded(loaded, np.concatenate([fitted, standard]))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"##### {N_DRAWS} draws from a mixture fitted to its codes")
        _grid(images[:N_DRAWS], "Draws from the fitted mixture")
        st.caption(
            f"A mixture of {N_COMPONENTS} normal distributions, fitted afterwards to the codes of the "
            f"{len(loaded.encoded):,} test images. It is a density of codes: the model has no p(x) by it. "
            f"Seed {view.seed}."
        )
        _classes_seen(loaded, images[:N_DRAWS], names, "fitted")
    with right:
        st.markdown(f"##### {N_DRAWS} draws from N(0, I), which is not its prior")
        _grid(images[N_DRAWS:], "Draws from N(0, I), which is not its prior")
        st.caption(
            "An autoencoder has no prior: nothing in its training put codes here, so the decoder was never told what "
            f"these places mean. A VAE is sampled so because its training did. Seed {view.seed}."
        )
        _classes_seen(loaded, images[N_DRAWS:], names, "standard")


@st.cache_resource(max_entries=8, show_spinner="Fitting a mixture to the codes …")
def _mixture(name: str, fingerprint: str, n: int, _loaded: LoadedRun) -> "CodeDensity":
    from explorer.analysis.density import CodeDensity

    return CodeDensity(_loaded.encoded.mu, "mixture", n_components=N_COMPONENTS)


def _classes_seen(loaded: LoadedRun, images: Images, names: Sequence[str], key: str) -> None:
    """Show which classes the judge reads ``images`` as; nothing without a judge."""
    judge: Judge | None = judge_of(loaded)
    if judge is None:
        return
    shares = class_shares(judged(judge.classifier, images))
    st.plotly_chart(
        judged_classes_figure(shares.counts, names),
        alt=judged_classes_text(shares.counts, names),
        config={"displayModeBar": False},
        key=f"judged-{key}",
    )
    st.markdown(shares_words(shares, judge, names))


def _grid(images: Images, alt: str, is_marked: NDArray[np.bool_] | None = None) -> None:
    rows = images.reshape(-1, N_COLUMNS, *images.shape[1:])
    marks = None if is_marked is None else is_marked.reshape(-1, N_COLUMNS)
    grid_picture(rows, alt, side=SIDE, is_marked=marks)
