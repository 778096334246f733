"""Draws from q(z|x) of the pinned image, decoded: what the encoder leaves open, with the seed of the noise."""

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats
from explorer.analysis.latent.dimensions import has_normal_posterior
from explorer.analysis.latent.posterior_samples import normal_samples, posterior_samples
from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.errors import errors_in_words
from explorer.ui.notation import given
from explorer.ui.places import PinnedPlace
from explorer.ui.text import as_text
from explorer.ui.widgets.images import captioned_pictures

N_DRAWS = 10
SIDE = 84
_SEED = "resampling-seed"


@st.fragment
def resampling(loaded: LoadedRun, place: PinnedPlace) -> None:
    """Show ``N_DRAWS`` decoded draws from the pinned image's posterior, or why there are none.

    Another seed reruns this part alone.
    """
    originals = session.originals(loaded)
    reason = why_no_draws(loaded, place.row, originals)
    if reason is not None:
        st.caption(as_text(reason))
        return
    seed = _seed_controls()
    with errors_in_words():
        codes = posterior_draws(loaded, place.row or 0, originals, N_DRAWS, seed=seed)
        labels = None if place.label is None else np.full(N_DRAWS, place.label, np.int64)
        images = session.service().decode(loaded.run.name, codes, labels)
    distances = np.linalg.norm(codes - place.z, axis=1)
    model = loaded.config.model
    st.markdown(given(f"**{N_DRAWS} draws from q(z|x)** (distance in z from its mean)", model))
    captioned_pictures(images, [f"{distance:.2f}" for distance in distances], side=SIDE)
    st.caption(
        f"Means of {given('p(x|z)', model)} for z = {as_text(_recipe(loaded))}, seed {seed}. "
        "Where they look alike, what the encoder leaves open does not show."
    )


def why_no_draws(loaded: LoadedRun, row: int | None, originals: ImageSplit | DataError) -> str | None:
    """Return why nothing can be drawn from a posterior at the pin, and what to do; None where it can."""
    if not loaded.config.model.has_bound:
        return "An autoencoder gives each image one code and no q(z|x), so there is nothing to draw. Choose a VAE."
    if row is None:
        return "A place between the points has no image, so no q(z|x). Click on a point to draw from its posterior."
    if isinstance(originals, DataError) and not has_normal_posterior(loaded.config.model):
        return (
            f"The encoded set holds only mean and variance of the {loaded.config.model.posterior} posterior; to draw "
            f"from it the original is encoded again, and it is not here. {originals}"
        )
    return None


def posterior_draws(loaded: LoadedRun, row: int, originals: ImageSplit | DataError, n: int, *, seed: int) -> Floats:
    """Return ``n`` codes from q(z|x) of image ``row``, shape ``(n, L)``.

    Raises:
        DataError: if the posterior is no diagonal normal, and the original is not there to be encoded.
    """
    encoded = loaded.encoded
    if has_normal_posterior(loaded.config.model) and encoded.log_var is not None:
        return normal_samples(encoded.mu[row], encoded.log_var[row], n, seed=seed)
    if isinstance(originals, DataError):
        raise originals
    return posterior_samples(loaded.model, originals, row, n, seed=seed, is_binary=loaded.config.is_binary)


def _recipe(loaded: LoadedRun) -> str:
    if has_normal_posterior(loaded.config.model):
        return "mu + sigma · epsilon"
    return f"a draw from the {loaded.config.model.posterior} posterior of the image, encoded again"


def _seed_controls() -> int:
    seed_column, again_column = st.columns([2, 3], vertical_alignment="bottom")
    st.session_state.setdefault(_SEED, 0)
    seed = seed_column.number_input("Seed", 0, 2**31 - 1, step=1, key=_SEED)
    again_column.button("Draw again", icon=":material/casino:", key="resample", on_click=_draw_again)
    return int(seed)


def _draw_again() -> None:
    st.session_state[_SEED] = (int(st.session_state[_SEED]) + 1) % 2**31
