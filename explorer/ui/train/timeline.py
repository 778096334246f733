"""The latent map of every epoch on a timeline, beside what each made of the same images and the same noise."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from explorer.data.catalogue import DATA_SETS
from explorer.figures.palette import CLASSES_PER_SYMBOL, COLOURS, SYMBOLS
from explorer.models.config import ModelConfig
from explorer.ui import session
from explorer.ui.browser.component import browser_component

_KEY = "timeline"
_SCRIPT = Path(__file__).with_name("timeline.js")
_HTML = """
<section class="ui ui-rings timeline" aria-label="Latent map by epoch">
  <p class="timeline__empty" role="status" hidden></p>
  <div class="timeline__body" hidden>
    <div class="timeline__field">
      <canvas class="timeline__canvas" role="img"></canvas>
      <div class="timeline__legend" role="group" aria-label="Classes that are shown"></div>
    </div>
    <div class="ui-bar timeline__controls">
      <button type="button" class="ui-play timeline__play" aria-label="Play"><i aria-hidden="true"></i></button>
      <input type="range" class="ui-range timeline__slider" aria-label="Epoch" min="0" max="0" step="1" value="0">
      <output class="timeline__epoch"></output>
      <div class="ui-bar timeline__options">
        <span class="timeline__live" hidden>live</span>
        <button type="button" class="ui-button timeline__follow" hidden>Follow</button>
        <label class="ui-label">speed <select class="ui-field ui-ring timeline__speed" aria-label="Epochs a second">
          <option value="1">1 a second</option><option value="2">2 a second</option>
          <option value="4" selected>4 a second</option><option value="10">10 a second</option>
          <option value="25">25 a second</option>
        </select></label>
        <label class="ui-label"><input type="checkbox" class="timeline__loop"> loop</label>
        <label class="ui-label timeline__zooming">
          <input type="checkbox" class="timeline__zoom"> zoom to each epoch
        </label>
      </div>
    </div>
    <div class="timeline__pictures">
      <figure hidden>
        <figcaption class="ui-caption">originals, as the model sees them</figcaption>
        <img data-what="originals" alt=""></figure>
      <figure hidden>
        <figcaption class="ui-caption">reconstructions, <span class="timeline__when"></span></figcaption>
        <img data-what="reconstructions" alt=""></figure>
      <figure hidden>
        <figcaption class="ui-caption">samples of the prior from the same noise, <span class="timeline__when"></span>
        </figcaption><img data-what="samples" alt=""></figure>
    </div>
  </div>
  <p class="ui-caption timeline__note"></p>
</section>
"""


def timeline(run_name: str, *, is_live: bool) -> None:
    """Show the timeline of a run. Scrubbing and playing it, and the epochs that training adds, rerun no script.

    Args:
        run_name: the run, which may be in training, or have no timeline: then it says so.
        is_live: whether it is being trained now, so that new epochs are asked for, about once a second.

    Raises:
        CheckpointError: if there is no such run, or its config.json is damaged.
    """
    config = session.loaded_run(run_name).config
    known = DATA_SETS.get(config.training.data)
    data: dict[str, Any] = {
        "run": run_name,
        "url": f"api/runs/{quote(run_name)}/timeline",
        "is_live": is_live,
        "n_epochs": config.training.epochs,
        "classes": [] if known is None else list(known.class_names),
        "colours": COLOURS,
        "symbols": SYMBOLS,
        "per_symbol": CLASSES_PER_SYMBOL,
        "axes": axis_names(config.model),
        "note": note(config.model),
    }
    browser_component(_SCRIPT, _HTML)(key=_KEY, data=data)


def axis_names(model: ModelConfig) -> tuple[str, str]:
    """Return what the axes of an epoch's map are called."""
    if model.latent_dim == 1:
        return "z0", "random height, without meaning"
    return ("z0", "z1") if model.latent_dim == 2 else ("principal plane, across", "principal plane, up")


def note(model: ModelConfig) -> str:
    """Return what a map of the timeline is, in a sentence."""
    if not model.can_encode:
        return "A GAN has no encoder, so no image has a place on a map: what it learns is seen in its samples."
    if model.latent_dim > 2:
        return (
            f"Of the {model.latent_dim} dimensions each epoch's map shows the first two principal components, turned "
            "(rotated or mirrored, nothing else) to lie as near as they can to the epoch before."
        )
    return (
        "The codes are shown as they are: posterior means." if model.has_bound else "The codes are shown as they are."
    )
