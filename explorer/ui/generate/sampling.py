"""What the page Generate offers for a model, and what it says codes are drawn from: without the screen."""

from collections.abc import Mapping
from types import MappingProxyType

from explorer.models.config import ModelConfig
from explorer.serving.run_cache import LoadedRun
from explorer.ui.sampling import has_temperature
from explorer.ui.view import View

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


def prior_words(loaded: LoadedRun, view: View) -> str:
    """Return what codes are drawn from, by the view's temperature."""
    model = loaded.config.model
    if not has_temperature(loaded):
        return f"the prior, a standard {model.posterior} distribution"
    name = "the class's own normal prior" if model.prior == "conditional" else "N(0, I)"
    if view.temperature == 1:
        return name
    return f"{name} with its deviation times {view.temperature:g}, which is not the model's prior"
