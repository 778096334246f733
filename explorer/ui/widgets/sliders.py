"""A slider for each latent dimension, the one that carries most first; the image is decoded while one is dragged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats
from explorer.analysis.latent.dimensions import DEAD_KL, DEAD_VARIANCE, DimensionUse, dimension_use
from explorer.models.config import POSTERIORS, SIMPLEX
from explorer.serving.run_cache import LoadedRun
from explorer.ui.browser.component import browser_component
from explorer.ui.notation import given
from explorer.ui.places import PinnedPlace

N_SHOWN = 16
_KEY = "sliders"
_SCRIPT = Path(__file__).with_name("sliders.js")
_HTML = """
<section class="ui ui-rings sliders" aria-label="Latent dimensions">
  <div class="sliders__pictures">
    <figure><canvas class="ui-image sliders__pinned" role="img"></canvas>
      <figcaption class="ui-caption"></figcaption></figure>
    <figure><canvas class="ui-image sliders__moved" role="img"></canvas>
      <figcaption class="ui-caption"></figcaption></figure>
    <div class="sliders__buttons">
      <button type="button" class="ui-button sliders__back">Back to the pin</button>
      <button type="button" class="ui-button sliders__keep">Keep as pin</button>
    </div>
  </div>
  <p class="sliders__status" role="status"></p>
  <div class="ui-caption sliders__row sliders__head" aria-hidden="true">
    <span></span><span></span><span>value</span><span class="sliders__measure"></span>
  </div>
  <div class="sliders__live"></div>
  <details class="sliders__more"><summary></summary><div></div></details>
  <details class="sliders__dead"><summary></summary><p></p><p class="sliders__effect"></p><div></div></details>
  <p class="ui-caption sliders__note"></p>
</section>
"""


def sliders(loaded: LoadedRun, place: PinnedPlace, on_keep: Callable[[list[float]], None] | None = None) -> None:
    """Show the sliders of the pinned place. Dragging one never reruns the script.

    Args:
        loaded: the run.
        place: where the sliders start, and what they return to.
        on_keep: called with the code, L numbers, that a person keeps, before the part of the page around the sliders
            runs again; without it there is nothing to keep with.
    """
    use = use_of_dimensions(loaded)
    label = "" if place.label is None else f"?label={place.label}"
    data = {
        "decode": f"api/runs/{quote(loaded.run.name)}/decode{label}",
        "version": loaded.encoded.fingerprint,
        "z": [float(number) for number in place.z],
        "pin": place.name,
        "can_keep": on_keep is not None,
        **slider_facts(loaded, use),
    }

    def keep() -> None:
        if on_keep is not None:
            on_keep([float(number) for number in st.session_state[_KEY].kept["z"]])

    browser_component(_SCRIPT, _HTML)(key=_KEY, data=data, on_kept_change=keep)


def use_of_dimensions(loaded: LoadedRun) -> DimensionUse:
    """Return what the dimensions of a run's encoded set carry, computed once for each set."""
    encoded = loaded.encoded
    return _use_of_dimensions(loaded.run.name, encoded.fingerprint, len(encoded), loaded)


@st.cache_resource(max_entries=16, show_spinner=False)
def _use_of_dimensions(name: str, fingerprint: str, n: int, _loaded: LoadedRun) -> DimensionUse:
    return dimension_use(_loaded.encoded, _loaded.config.model, _class_priors(_loaded))


def _class_priors(loaded: LoadedRun) -> tuple[Floats, Floats] | None:
    """Return mean and log-variance of each image's own prior, each ``(N, L)``; None where all have the same."""
    model = loaded.config.model
    if model.prior != "conditional" or model.posterior != "normal":
        return None
    import torch

    labels, rows = np.unique(loaded.encoded.labels, return_inverse=True)
    with torch.inference_mode():
        prior: Any = loaded.model.prior(torch.from_numpy(labels))
    return prior.mu.numpy()[rows], prior.log_var.numpy()[rows]


def slider_facts(loaded: LoadedRun, use: DimensionUse) -> dict[str, Any]:
    """Data of the sliders for the browser: the dimensions in their order, and sentences about them."""
    order = [int(i) for i in use.order]
    live, dead = [i for i in order if not use.is_dead[i]], [i for i in order if use.is_dead[i]]
    model = loaded.config.model
    is_standard = use.kl is not None and model.prior != "conditional"
    marks = np.zeros_like(use.mean) if is_standard else use.mean
    measures = use.variance if use.kl is None else use.kl
    dimensions = [
        {"i": i, "low": use.low[i], "high": use.high[i], "mark": marks[i], "measure": short_number(measures[i])}
        for i in live + dead
    ]
    return {
        "dimensions": [{key: _plain(value) for key, value in facts.items()} for facts in dimensions],
        "n_live": len(live),
        "n_shown": N_SHOWN,
        "measure": "variance" if use.kl is None else "KL, nats",
        "more": _more(len(live)),
        "dead_title": dead_title(len(dead), len(order), use),
        "dead_reason": dead_reason(loaded, use),
        "note": f"{order_in_words(loaded, use)} {_marks_in_words(is_standard=is_standard)}{_simplex_note(loaded)}",
    }


def _more(n_live: int) -> str:
    n = n_live - N_SHOWN
    return "" if n <= 0 else f"{n} more {'dimension' if n == 1 else 'dimensions'} that carry less"


def dead_title(n_dead: int, n_dims: int, use: DimensionUse) -> str:
    """Return how many of ``n_dims`` dimensions carry nothing; empty where none does."""
    if n_dead == 0:
        return ""
    verb, verbs = ("carries nothing", "carry nothing") if use.kl is not None else ("hardly varies", "hardly vary")
    if n_dims == 1:
        return f"The only dimension {verb}"
    if n_dead == n_dims:
        return f"All {n_dims} dimensions {verbs}"
    return f"{n_dead} of {n_dims} dimensions {verb if n_dead == 1 else verbs}"


def dead_reason(loaded: LoadedRun, use: DimensionUse) -> str:
    """Return why those dimensions are said to carry nothing."""
    if use.kl is not None:
        return (
            f"Their posterior is the prior whatever the image (KL below {DEAD_KL:g} nats), so what they hold is noise, "
            "and the decoder has learned to ignore it: moving them changes nothing to speak of."
        )
    if loaded.config.model.has_bound:
        return f"The variance of their posterior mean over the test images is below {DEAD_VARIANCE:g}."
    return "Their deviation over the test images is below a hundredth of that of the dimension that varies most."


def order_in_words(loaded: LoadedRun, use: DimensionUse) -> str:
    """Return what the dimensions are sorted by."""
    n = f"{len(loaded.encoded):,} test images"
    if use.kl is not None:
        prior = "p(z|y)" if loaded.config.model.prior == "conditional" else "N(0, 1)"
        return given(f"Sorted by the KL from q(z|x) to {prior}, its mean over {n}.", loaded.config.model)
    if not loaded.config.model.has_bound:
        return f"Sorted by the variance of the codes over {n}: an autoencoder has no prior, so no KL."
    posterior = loaded.config.model.posterior
    if POSTERIORS[posterior].factorises:
        reason = f"of a {posterior} posterior the KL of each dimension is not known here"
    else:
        reason = f"the dimensions of a {posterior} posterior are not independent, so none has a KL of its own"
    return f"Sorted by the variance of the posterior mean over {n}: {reason}."


def _marks_in_words(*, is_standard: bool) -> str:
    mark = "the prior's mean" if is_standard else "the mean of the test codes"
    return f"The tick is {mark}, the coloured one the pin; double click or Delete returns to it."


def _simplex_note(loaded: LoadedRun) -> str:
    model = loaded.config.model
    if not model.has_bound or POSTERIORS[model.posterior].support != SIMPLEX:
        return ""
    return " Codes of this model sum to 1; one that a slider has moved does not."


def short_number(number: float) -> str:
    """Return two decimals, or two digits where those would be many or nothing."""
    return f"{number:.2f}" if number == 0 or 0.01 <= number < 1e5 else f"{number:.1e}"


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else value
