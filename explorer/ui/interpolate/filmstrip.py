"""Paths as filmstrips, and one of them played: what is seen on the way, frame by frame, with its words."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats, Images
from explorer.serving.run_cache import LoadedRun
from explorer.ui.browser.component import browser_component
from explorer.workflows.paths import MeasuredPath, Sampling

NAMES = {"linear": "Linear", "spherical": "Spherical", "geodesic": "Geodesic", "data": "Through the data"}
ABOUT = {
    "linear": "Straight from A to B.",
    "spherical": "The direction turns evenly, and the distance from the origin goes evenly from A's to B's.",
    "geodesic": "The path along which the decoded image changes least.",
    "data": "The shortest path from neighbour to neighbour among the encoded images.",
}
DASHES: dict[str, list[int]] = {"linear": [], "spherical": [9, 5], "geodesic": [2, 4], "data": [12, 4, 2, 4]}
"""How a path is drawn on the map and beside its strip: told apart without colour, which is the classes'."""

_KEY = "filmstrip"
_SCRIPT = Path(__file__).with_name("filmstrip.js")
_HTML = """
<section class="ui ui-rings filmstrip" aria-label="Film strips">
  <div class="filmstrip__player">
    <canvas class="ui-image filmstrip__screen" role="img"></canvas>
    <div class="filmstrip__said"><p class="filmstrip__where"></p><p class="filmstrip__words"></p></div>
    <div class="filmstrip__bar">
      <button type="button" class="ui-play filmstrip__play" aria-label="Play"><i aria-hidden="true"></i></button>
      <input type="range" class="ui-ring filmstrip__slider" aria-label="Along the path" min="0" max="0" value="0">
    </div>
    <div class="ui-bar filmstrip__options">
      <label>speed <select class="ui-field filmstrip__speed" aria-label="Speed">
        <option value="0.5">half</option><option value="1" selected>as made</option><option value="2">double</option>
      </select></label>
      <label><input type="checkbox" class="filmstrip__loop" checked> forth and back</label>
      <button type="button" class="ui-button filmstrip__keep">Keep as pin</button>
    </div>
  </div>
  <p class="filmstrip__status" role="status"></p>
  <div class="filmstrip__strips"></div>
</section>
"""


class DecodedFrame(NamedTuple):
    """A frame's image, uint8 ``(C, H, W)``, and its predicted class with the probability; None without a classifier."""

    image: Images
    read: tuple[str, float] | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reel:
    """A path as it is shown.

    Attributes:
        path: the path.
        places: of its frames on the map, shape ``(T, 2)``; None where there is no map.
        frames: by number, those of its strip at least; of the path that is played, where between the frames of the
            strip one looks too, all.
    """

    path: MeasuredPath
    places: Floats | None
    frames: Mapping[int, DecodedFrame]


def filmstrip(
    loaded: LoadedRun,
    reels: Mapping[str, Reel],
    shown: str,
    sampling: Sampling,
    *,
    on_choose: Callable[[str], None],
    on_keep: Callable[[list[float]], None],
) -> None:
    """Show paths as strips, and ``shown`` as an animation. Playing, scrubbing and pointing at frames rerun no script.

    The images of the strips come along, so that they are painted as soon as the browser hears of them; those between
    them, of the path that is played, it asks for afterwards.

    Args:
        loaded: the run.
        reels: by kind, in the order in which they are shown.
        shown: the kind that is played.
        sampling: of all of them.
        on_choose: is given another kind that is to be played, before the part of the page around it runs again.
        on_keep: is given the code of a frame that is to be pinned, likewise.
    """
    label = next(iter(reels.values())).path.labels
    query = "" if label is None else f"?label={int(label[0])}"
    digest = hashlib.blake2b(f"{loaded.run.fingerprint()} {query} {sampling.stride}".encode(), digest_size=8)
    for kind, reel in reels.items():
        digest.update(kind.encode() + reel.path.latent.codes.tobytes())
        digest.update(b"" if reel.places is None else reel.places.tobytes())
        digest.update(repr([frame.read for frame in _in_strip(reel, sampling)]).encode())
    data = {
        "decode": f"api/runs/{quote(loaded.run.name)}/decode{query}",
        "n_dims": loaded.config.model.latent_dim,
        "version": digest.hexdigest(),
        "shape": loaded.config.model.image_shape,
        "shown": shown,
        "paths": [_path_data(kind, reel, sampling) for kind, reel in reels.items()],
    }
    browser_component(_SCRIPT, _HTML)(
        key=_KEY,
        data=data,
        on_shown_change=lambda: on_choose(st.session_state[_KEY].shown),
        on_kept_change=lambda: on_keep(st.session_state[_KEY].kept["z"]),
    )


def _path_data(kind: str, reel: Reel, sampling: Sampling) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": NAMES[kind],
        "about": ABOUT[kind],
        "dash": DASHES[kind],
        "note": reel.path.latent.note,
        "stride": sampling.stride,
        "rows": base64.b64encode(reel.path.latent.codes.astype("<f4").tobytes()).decode(),
        "images": base64.b64encode(np.stack([frame.image for frame in _in_strip(reel, sampling)]).tobytes()).decode(),
        "frames": [_frame(reel, k) for k in range(len(reel.path.latent))],
    }


def _in_strip(reel: Reel, sampling: Sampling) -> list[DecodedFrame]:
    return [reel.frames[k] for k in range(0, len(reel.path.latent), sampling.stride)]


def _frame(reel: Reel, k: int) -> dict[str, Any]:
    facts = reel.path.facts
    log_prior = None if facts.log_prior is None else float(facts.log_prior[k])
    read = reel.frames[k].read if k in reel.frames else None
    return {
        "t": round(float(reel.path.latent.t[k]), 4),
        "near": None if facts.n_near is None else int(facts.n_near[k]),
        "mark": "" if facts.verdicts is None else facts.verdicts[k].mark,
        "log_prior": log_prior if log_prior is not None and np.isfinite(log_prior) else None,
        "judged": None if read is None else read[0],
        "share": None if read is None else round(read[1], 4),
        "place": None if reel.places is None else [round(float(number), 5) for number in reel.places[k]],
    }
