"""Samples of a model that knows no classes: from its prior, or what an autoencoder has in place of one."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Images
from explorer.analysis.evaluation.classifier import class_probabilities, class_shares
from explorer.figures.generation import predicted_classes_figure, predicted_classes_text
from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.sampling import drawn_codes, prior_words
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import N_COMPONENTS, decoded, density_codes
from explorer.ui.text import as_text
from explorer.ui.widgets.classifier import classifier_of
from explorer.ui.widgets.classifier_facts import shares_words
from explorer.ui.widgets.images import grid_picture

N_COLUMNS = 10
N_DRAWS = 50
SIDE = 64


def prior_samples(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show samples of a model without classes, and which classes they are read as."""
    model = loaded.config.model
    images = decoded(loaded, drawn_codes(loaded, view, N_DRAWS))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"##### {N_DRAWS} samples")
        _grid(images, "Samples from the prior")
        what = "Means of p(x|z)" if model.can_encode else "What the decoder makes"
        st.caption(f"{what} for z from {prior_words(loaded, view)}, seed {view.seed:d}.")
    with right:
        if classifier_of(loaded) is not None:
            st.markdown("##### What the judge reads in them")
        _classes_seen(loaded, images, names, "samples")
        about = "was trained without classes."
        if not model.can_encode:
            about = "is a GAN: it makes images, and has no encoder that would place one on a map. It " + about
        st.info(f"{as_text(loaded.run.name)} {about} To pick a class, choose a CVAE above.", icon=":material/info:")


def fitted_and_standard(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show an autoencoder's draws from a density fitted to its codes, beside as many from N(0, I)."""
    n_dims = loaded.config.model.latent_dim
    fitted = density_codes(loaded, N_DRAWS, seed=view.seed)
    standard = np.random.default_rng(view.seed).standard_normal((N_DRAWS, n_dims)).astype(np.float32)
    images = decoded(loaded, np.concatenate([fitted, standard]))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"##### {N_DRAWS} draws from a mixture fitted to its codes")
        _grid(images[:N_DRAWS], "Draws from the fitted mixture")
        st.caption(
            f"A mixture of {N_COMPONENTS} normal distributions, fitted afterwards to the codes of the "
            f"{len(loaded.encoded):,} test images. It is a density of codes: the model has no p(x) by it. "
            f"Seed {view.seed:d}."
        )
        _classes_seen(loaded, images[:N_DRAWS], names, "fitted")
    with right:
        st.markdown(f"##### {N_DRAWS} draws from N(0, I), which is not its prior")
        _grid(images[N_DRAWS:], "Draws from N(0, I), which is not its prior")
        st.caption(
            "An autoencoder has no prior: nothing in its training put codes here, so the decoder was never told what "
            f"these places mean. A VAE is sampled so because its training did. Seed {view.seed:d}."
        )
        _classes_seen(loaded, images[N_DRAWS:], names, "standard")


def _classes_seen(loaded: LoadedRun, images: Images, names: Sequence[str], key: str) -> None:
    """Show which classes the classifier reads ``images`` as; nothing without a classifier."""
    classifier = classifier_of(loaded)
    if classifier is None:
        return
    shares = class_shares(class_probabilities(classifier.network, images))
    st.plotly_chart(
        predicted_classes_figure(shares.counts, names),
        alt=predicted_classes_text(shares.counts, names),
        config={"displayModeBar": False},
        key=f"judged-{key}",
    )
    st.markdown(shares_words(shares, classifier, names))


def _grid(images: Images, alt: str) -> None:
    grid_picture(images.reshape(-1, N_COLUMNS, *images.shape[1:]), alt, side=SIDE)
