"""What the page Generate offers for a model, and its codes and images: without the screen."""

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.generation import prior_codes
from explorer.analysis.results import Floats
from explorer.models.config import ModelConfig
from explorer.serving.atlas import LoadedRun
from explorer.serving.service import MAX_CODES
from explorer.serving.work import ClassWeights, Images, Labels
from explorer.ui import resources
from explorer.ui.state import View

if TYPE_CHECKING:
    from explorer.analysis.density import CodeDensity

N_COMPONENTS = 10
"""Normal distributions in the mixture that is fitted to codes."""

_SAMPLING = threading.Lock()

SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "samples": "Samples",
        "style": "Style of an image",
        "blend": "Blend of two classes",
        "traverse": "Traversals",
        "manifold": "Manifold",
    }
)
"""Parts of the page, in their order, and what they are called."""


def sections_of(model: ModelConfig) -> tuple[str, ...]:
    """Return the parts of the page that a model has."""
    without = set() if model.n_classes is not None else {"style", "blend"}
    if model.latent_dim != 2:
        without.add("manifold")
    return tuple(name for name in SECTIONS if name not in without)


def why_not(section: str, loaded: LoadedRun) -> str:
    """Return why a run has not this part of the page, and what to choose for it."""
    name, n_dims = loaded.run.name, loaded.config.model.latent_dim
    if section == "manifold":
        return f"{name} has {n_dims} latent dimensions, and a manifold is a grid of 2: choose a 2-D model for it."
    return f"{name} knows no classes, which “{SECTIONS[section]}” needs: choose a CVAE for it."


def has_temperature(loaded: LoadedRun) -> bool:
    """Whether the prior is a normal distribution, whose noise can be scaled."""
    model = loaded.config.model
    return model.has_prior and (model.posterior in {"normal", "normal-full"} or model.prior != "matching")


def drawn_codes(loaded: LoadedRun, view: View, n: int, labels: Labels | ClassWeights | None = None) -> Floats:
    """Return ``n`` draws from the run's prior by the view's seed and temperature, ``(n, L)``."""
    temperature = view.temperature if has_temperature(loaded) else 1.0
    return prior_codes(loaded.model, n, seed=view.seed, temperature=temperature, labels=labels)


def density_codes(loaded: LoadedRun, n: int, *, seed: int) -> Floats:
    """Return ``n`` draws, ``(n, L)``, from a mixture of normals, fitted once to the codes of the test images."""
    with _SAMPLING:  # a draw sets the seed of the density, which all sessions share
        return _mixture(loaded.run.name, loaded.encoded.fingerprint, len(loaded.encoded), loaded).sample(n, seed=seed)


@st.cache_resource(max_entries=8, show_spinner="Fitting a mixture to the codes …")
def _mixture(name: str, fingerprint: str, n: int, _loaded: LoadedRun) -> "CodeDensity":
    from explorer.analysis.density import CodeDensity

    return CodeDensity(_loaded.encoded.mu, "mixture", n_components=N_COMPONENTS)


def decoded(loaded: LoadedRun, codes: Floats, labels: Labels | ClassWeights | None = None) -> Images:
    """Return the images of codes ``(M, L)``, uint8 ``(M, C, H, W)``, in as few requests as they fit into."""
    starts = range(0, len(codes), MAX_CODES)
    parts = [slice(start, start + MAX_CODES) for start in starts]
    # All are asked for before the first is waited for.
    asked = [
        resources.service().submit(loaded, codes[part], None if labels is None else labels[part]) for part in parts
    ]
    return np.concatenate([one.result() for one in asked])


def same_class(loaded: LoadedRun, view: View, n: int) -> NDArray[np.int64] | None:
    """Return the view's class for ``n`` codes, ``(n,)``; None for a model that knows no classes."""
    return np.full(n, view.label, np.int64) if loaded.config.model.n_classes is not None else None


def prior_words(loaded: LoadedRun, view: View) -> str:
    """Return what codes are drawn from, by the view's temperature."""
    model = loaded.config.model
    if not has_temperature(loaded):
        return f"the prior, a standard {model.posterior} distribution"
    name = "the class's own normal prior" if model.prior == "conditional" else "N(0, I)"
    if view.temperature == 1:
        return name
    return f"{name} with its deviation times {view.temperature:g}, which is not the model's prior"
