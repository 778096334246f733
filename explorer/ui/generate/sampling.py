"""Codes drawn from a run's prior by what is chosen on the page Generate, and what it says they are drawn from."""

import numpy as np

from explorer.analysis.arrays import Floats, Labels
from explorer.analysis.latent.priors import prior_codes
from explorer.serving.batches import ClassWeights
from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import has_temperature
from explorer.ui.text import as_text


def drawn_codes(loaded: LoadedRun, view: GenerateView, n: int, labels: Labels | ClassWeights | None = None) -> Floats:
    """Return ``n`` draws from the run's prior by the view's seed and temperature, ``(n, L)``."""
    temperature = view.temperature if has_temperature(loaded) else 1.0
    return prior_codes(loaded.model, n, seed=view.seed, temperature=temperature, labels=labels)


def same_class(loaded: LoadedRun, view: GenerateView, n: int) -> Labels | None:
    """Return the view's class for ``n`` codes, ``(n,)``; None for a model that knows no classes."""
    return np.full(n, view.label, np.int64) if loaded.config.model.n_classes is not None else None


def prior_words(loaded: LoadedRun, view: GenerateView) -> str:
    """Return what codes are drawn from, by the view's temperature."""
    model = loaded.config.model
    if not has_temperature(loaded):
        return f"the prior, a standard {as_text(model.posterior)} distribution"
    name = "the class's own normal prior" if model.prior == "conditional" else "N(0, I)"
    if view.temperature == 1:
        return name
    return f"{name} with its deviation times {view.temperature:g}, which is not the model's prior"
