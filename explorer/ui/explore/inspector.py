"""What the pinned place holds: its image against the original, its numbers, and ways to look around it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.arrays import Images
from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.explore.class_grid import same_code_in_every_class
from explorer.ui.explore.posterior_samples import resampling
from explorer.ui.explore.view import ExploreView, Inspected
from explorer.ui.map.reliability import reliability_note
from explorer.ui.notation import given
from explorer.ui.places import PinnedPlace
from explorer.ui.text import as_code, as_text
from explorer.ui.view import change_view, held_view, keyed_control
from explorer.ui.widgets.images import captioned_pictures, error_image, picture
from explorer.ui.widgets.sliders import sliders

N_NEIGHBOURS = 10
SIDE = 112
SMALL_SIDE = 84
N_NUMBERS = 8
"""Numbers of a code that are written out; its sliders show all."""

TABS: dict[Inspected, str] = {
    "sliders": "Sliders",
    "resample": "Resample",
    "classes": "Classes",
    "neighbours": "Neighbours",
}
"""What the tabs beside the map are called."""

_KEY = "inspect"


def inspector(
    loaded: LoadedRun,
    view: ExploreView,
    place: PinnedPlace,
    class_names: tuple[str, ...],
    on_keep: Callable[[list[float]], None] | None = None,
) -> None:
    """Show the pinned place; ``on_keep`` is called with a code that a person found with the sliders and keeps."""
    originals = session.originals(loaded)
    decoded = _decode(loaded, place.z[None], place.label)[0]
    if place.row is None:
        st.markdown("##### Pinned place")
        picture(decoded, f"decoded{_as_class(place.label, class_names)}", side=SIDE)
    else:
        label = class_names[loaded.encoded.labels[place.row]]
        st.markdown(f"##### Test image {place.row:,} · class {as_text(label)}")
        _triptych(decoded, originals, place.row)
    _numbers(loaded, place)
    reliability_note(loaded, place)
    _ways_to_look_around(loaded, view, place, originals, class_names, on_keep)
    if isinstance(originals, DataError):
        fetch = f"python -m explorer encode {loaded.run.name} --download"
        st.caption(f":material/info: Originals appear when the data set is here, for example after {as_code(fetch)}.")
        st.caption(as_text(originals))


def _ways_to_look_around(  # handed on from the inspector
    loaded: LoadedRun,
    view: ExploreView,
    place: PinnedPlace,
    originals: ImageSplit | DataError,
    class_names: tuple[str, ...],
    on_keep: Callable[[list[float]], None] | None,
) -> None:
    titles = {name: title for name, title in TABS.items() if name != "classes" or place.label is not None}
    shown = titles.get(view.inspect, TABS["sliders"])
    parts = keyed_control(st.tabs, _KEY, shown, list(titles.values()), on_change=_look)
    tabs = dict(zip(titles, parts, strict=True))
    with tabs["sliders"]:  # also while another one is open: they would forget how they stand
        sliders(loaded, place, on_keep)
    if tabs["resample"].open:
        with tabs["resample"]:
            resampling(loaded, place)
    if "classes" in tabs and tabs["classes"].open:
        with tabs["classes"]:
            same_code_in_every_class(loaded, place, class_names)
    if tabs["neighbours"].open:
        with tabs["neighbours"]:
            _neighbours(loaded, place, originals, class_names)


def _look() -> None:
    name = next(name for name, title in TABS.items() if title == st.session_state[_KEY])
    change_view(replace(held_view(ExploreView), inspect=name))


def _triptych(decoded: Images, originals: ImageSplit | DataError, row: int) -> None:
    if isinstance(originals, DataError):
        picture(decoded, "reconstruction", side=SIDE)
        return
    original = originals.images[row]
    # Not columns, which would stand one above the other on a narrow screen.
    with st.container(horizontal=True, gap="xsmall"):
        picture(original, "original", side=SIDE)
        picture(decoded, "reconstruction", side=SIDE)
        picture(error_image(original, decoded), "|error|, 0 to 1", side=SIDE)


def _numbers(loaded: LoadedRun, place: PinnedPlace) -> None:
    if len(place.z) <= N_NUMBERS:
        st.markdown(f"**z** = ({', '.join(f'{number:.2f}' for number in place.z)})")
    if place.row is None:
        return
    encoded = loaded.encoded
    reconstruction = float(encoded.reconstruction[place.row])
    if encoded.log_var is None:
        st.caption(f"-log p(x|z) {reconstruction:.1f} nats{_constant(loaded)}. No prior, so no KL and no bound.")
        return
    kl = float(encoded.kl[place.row])
    binary = ", on pixels binarised with seed 0" if loaded.config.is_binary else ""
    words = (
        f"ELBO {-reconstruction - kl:.1f} nats (a lower bound on log p(x)) "
        f"= -{reconstruction:.1f} reconstruction - {kl:.1f} KL, from one posterior sample{binary}."
    )
    st.caption(given(words, loaded.config.model))


def _constant(loaded: LoadedRun) -> str:
    normaliser = loaded.config.model.normaliser
    return "" if normaliser is None else f", of which {normaliser:.1f} are the normaliser"


def _neighbours(
    loaded: LoadedRun, place: PinnedPlace, originals: ImageSplit | DataError, class_names: tuple[str, ...]
) -> None:
    encoded = loaded.encoded
    rows, distances = encoded.neighbours(place.z, N_NEIGHBOURS + 1)
    keep = rows != (-1 if place.row is None else place.row)
    rows, distances = rows[keep][:N_NEIGHBOURS], distances[keep][:N_NEIGHBOURS]
    if isinstance(originals, DataError):
        labels = encoded.labels[rows] if place.label is not None else None
        images, kind = session.service().decode(loaded.run.name, encoded.mu[rows], labels), "decoded"
    else:
        images, kind = originals.images[rows], "originals"
    st.markdown(f"**Nearest encoded images** ({kind}; distance in z)")
    captions = [
        f"{class_names[encoded.labels[row]]} · {distance:.2f}" for row, distance in zip(rows, distances, strict=True)
    ]
    captioned_pictures(images, captions, side=SMALL_SIDE)


def _decode(loaded: LoadedRun, codes: NDArray[np.float32], label: int | None) -> Images:
    labels = None if label is None else np.full(len(codes), label, np.int64)
    return session.service().decode(loaded.run.name, codes, labels)


def _as_class(label: int | None, class_names: tuple[str, ...]) -> str:
    return "" if label is None else f" as class {class_names[label]}"
