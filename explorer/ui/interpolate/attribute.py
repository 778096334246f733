"""The direction of an attribute: how well it separates images that have it, and a place moved along it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.latent.attributes import AttributeDirection, attribute_direction
from explorer.analysis.projections.base import Projection
from explorer.errors import ConfigError
from explorer.serving.point_values import CUSTOM
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.interpolate.endpoint_controls import endpoint_choices
from explorer.ui.interpolate.endpoints import with_enough_pins
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.columns import upload_columns
from explorer.ui.places import one_class, pinned_places
from explorer.ui.text import as_text
from explorer.ui.view import change_view, current_view, held_view, keyed_control
from explorer.ui.widgets.classifier import classifier_of
from explorer.ui.widgets.classifier_readings import classified_images
from explorer.ui.widgets.image_export import grid_export
from explorer.ui.widgets.images import captioned_pictures
from explorer.workflows.image_grids import DecodedGrid

SEED = 0
STEPS = np.linspace(-1.5, 1.5, 9)
SIDE = 92


def attribute(loaded: LoadedRun, projection: Projection | None, names: tuple[str, ...]) -> None:
    """Show the direction of an attribute, how far it can be believed, and a pinned place moved along it."""
    if projection is None:
        st.info(
            f"{as_text(loaded.run.name)} encodes no images, so none with an attribute can be told from those without. "
            "Walk a path between draws instead.",
            icon=":material/info:",
        )
        return
    view = with_enough_pins(loaded, current_view(InterpolateView), 1)
    places = pinned_places(loaded, view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = places[endpoint_choices(view, ("Start from",))[0]]
        chosen = _choice(loaded, names, view.direction)
        upload_columns(loaded)
    if chosen is None:
        return
    found = _direction(loaded, chosen)
    _how_well(found, _in_words(chosen, names))
    label = one_class(loaded, view, start)
    codes = (start.z + STEPS[:, None] * found.scale * found.direction).astype(np.float32)
    labels = None if label is None else np.full(len(codes), label, np.int64)
    images = session.service().decode(loaded, codes, labels)
    captions = [f"{step:+.2f}" if step else start.name for step in STEPS]
    classifier = classifier_of(loaded)
    if classifier is not None:
        read = classified_images(classifier, images, names)
        captions = [f"{said} · {name} {share:.0%}" for said, (name, share) in zip(captions, read, strict=True)]
    captioned_pictures(images, captions, side=SIDE)
    st.caption(
        f"{as_text(start.name)} moved along the direction by shares of the distance between the means "
        f"({found.scale:.2f} in z)"
        f"{'' if classifier is None else '; below each its class by the judge'}."
    )
    grid = DecodedGrid(images=images, codes=codes, labels=labels, n_columns=len(codes))
    grid_export(f"{loaded.run.name}-attribute", grid)


def _choice(loaded: LoadedRun, names: Sequence[str], direction: str) -> str | None:
    """Show what tells the two sides apart, and return it; None where a pair is not whole."""
    options = [*(f"class:{label}" for label in range(len(names))), "classes", *_binary_columns(loaded)]
    held = "classes" if direction.startswith("classes:") else direction
    keyed_control(
        st.selectbox,
        "attribute",
        held if held in options else options[0],
        "Attribute",
        options,
        format_func=lambda option: "one class against another" if option == "classes" else _in_words(option, names),
        on_change=_set_attribute,
        width=230,
    )
    if st.session_state["attribute"] != "classes":
        return str(st.session_state["attribute"])
    pair = [int(part) for part in direction.removeprefix("classes:").split(",")]
    for key, title, label in zip(("attribute-with", "attribute-without"), ("towards", "away from"), pair, strict=True):
        keyed_control(
            st.selectbox,
            key,
            min(label, len(names) - 1),
            title,
            range(len(names)),
            format_func=names.__getitem__,
            on_change=_set_pair,
            width=110,
        )
    return f"classes:{st.session_state['attribute-with']},{st.session_state['attribute-without']}"


def _binary_columns(loaded: LoadedRun) -> list[str]:
    return [f"{CUSTOM}{name}" for name, values in loaded.custom_columns.items() if len(np.unique(values)) == 2]


def _in_words(chosen: str, names: Sequence[str]) -> str:
    kind, _, rest = chosen.partition(":")
    if kind == "class":
        return f"class {names[int(rest)]} against all others"
    if kind == "classes":
        first, second = (names[int(part)] for part in rest.split(","))
        return f"class {first} against class {second}"
    return f"column {chosen.removeprefix(CUSTOM)}"


@lru_cache(maxsize=32)
def _direction(loaded: LoadedRun, chosen: str) -> AttributeDirection:
    rows, is_member = _sides(loaded, chosen)
    return attribute_direction(loaded.encoded.mu[rows], is_member, seed=SEED)


def _sides(loaded: LoadedRun, chosen: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the rows that are compared, and whether each has the attribute."""
    labels = loaded.encoded.labels
    kind, _, rest = chosen.partition(":")
    if kind == "class":
        return np.arange(len(labels)), labels == int(rest)
    if kind == "classes":
        first, second = (int(part) for part in rest.split(","))
        if first == second:
            raise ConfigError("A class does not differ from itself: choose two different ones.")
        rows = np.flatnonzero((labels == first) | (labels == second))
        return rows, labels[rows] == first
    values = loaded.custom_columns[chosen.removeprefix(CUSTOM)]
    return np.arange(len(labels)), values == np.unique(values)[-1]


def _how_well(found: AttributeDirection, words: str) -> None:
    st.markdown(
        f"**{as_text(words[0].upper() + words[1:])}:** of two held-out images, one of each side, the right one lies "
        f"farther along in **{found.auc:.1%}** of pairs (area under the curve; chance is 50 %); balanced accuracy "
        f"{found.balanced_accuracy:.1%}."
    )
    st.caption(
        f"Measured on {found.n_with:,} and {found.n_without:,} held-out images, with a direction found on the others "
        f"(halves drawn with seed {SEED}); the direction used is that of all of them: the difference of the mean codes."
    )


def _set_attribute() -> None:
    chosen = st.session_state["attribute"]
    _set_direction("classes:0,1" if chosen == "classes" else chosen)


def _set_pair() -> None:
    _set_direction(f"classes:{st.session_state['attribute-with']},{st.session_state['attribute-without']}")


def _set_direction(direction: str) -> None:
    change_view(replace(held_view(InterpolateView), direction=direction))
