"""Codes drawn from a mixture that is fitted to those of a run, and the images that codes decode to."""

import threading
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats, Images, Labels
from explorer.serving.batches import ClassWeights
from explorer.serving.decoder import MAX_CODES
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session

if TYPE_CHECKING:
    from explorer.analysis.latent.density_models import CodeDensity


N_COMPONENTS = 10
"""Normal distributions in the mixture that is fitted to codes."""


_SAMPLING = threading.Lock()


def has_temperature(loaded: LoadedRun) -> bool:
    """Whether the prior is a normal distribution, whose noise can be scaled."""
    model = loaded.config.model
    return model.has_prior and (model.posterior in {"normal", "normal-full"} or model.prior != "matching")


def density_codes(loaded: LoadedRun, n: int, *, seed: int) -> Floats:
    """Return ``n`` draws, ``(n, L)``, from a mixture of normals, fitted once to the codes of the test images."""
    with _SAMPLING:  # a draw sets the seed of the density, which all sessions share
        return _mixture(loaded.run.name, loaded.encoded.fingerprint, len(loaded.encoded), loaded).sample(n, seed=seed)


@st.cache_resource(max_entries=8, show_spinner="Fitting a mixture to the codes …")
def _mixture(name: str, fingerprint: str, n: int, _loaded: LoadedRun) -> "CodeDensity":
    from explorer.analysis.latent.density_models import CodeDensity

    return CodeDensity(_loaded.encoded.mu, "mixture", n_components=N_COMPONENTS)


def decoded(loaded: LoadedRun, codes: Floats, labels: Labels | ClassWeights | None = None) -> Images:
    """Return the images of codes ``(M, L)``, uint8 ``(M, C, H, W)``, in as few requests as they fit into."""
    starts = range(0, len(codes), MAX_CODES)
    parts = [slice(start, start + MAX_CODES) for start in starts]
    # All are asked for before the first is waited for.
    asked = [session.service().submit(loaded, codes[part], None if labels is None else labels[part]) for part in parts]
    return np.concatenate([one.result() for one in asked])
