"""What a path goes between: a choice among the pins, and ways to add places to it."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from explorer.data.uploads import MAX_BYTES, SUFFIXES, read_image
from explorer.errors import ExplorerError
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.interpolate.endpoints import (
    choose_endpoint,
    endpoint_indices,
    pin_class_mean,
    pin_code,
    pin_image,
    pin_prior_draw,
)
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.map.reliability import likeness_note
from explorer.ui.text import as_text
from explorer.ui.view import View, held_view, keyed_control

_FILE = "end-file"
_ROW_HELP = "The number that the map, the inspector and the files have for it, from 0."


def endpoint_choices(view: InterpolateView, titles: Sequence[str]) -> tuple[int, ...]:
    """Show a choice of a pin for each title, and return which pins are chosen."""
    indices = endpoint_indices(view, len(titles))
    names = [pin.name for pin in view.pins]
    for position, (title, index) in enumerate(zip(titles, indices, strict=True)):
        key = f"end-{position}"
        keyed_control(
            st.selectbox,
            key,
            names[index],
            title,
            names,
            on_change=_choose,
            args=(position, len(titles)),
            width=170,
        )
    return indices


def _choose(position: int, n: int) -> None:
    names = [pin.name for pin in held_view(View).pins]
    name = st.session_state[f"end-{position}"]
    if name in names:
        choose_endpoint(position, names.index(name), n)


def add_place(loaded: LoadedRun, class_names: Sequence[str]) -> None:
    """Show a menu of places that become pins: an image, a class's mean, a draw of the prior, a picture of one's own."""
    with st.popover("Add a place", icon=":material/add_location:", width="content"):
        st.caption(
            "What you add is pinned, and can be chosen as an end. Places on the map are pinned by a click there."
        )
        if loaded.config.model.can_encode:
            _image_row(loaded)
            _class_mean(loaded, class_names)
        _prior_draw(loaded, class_names)
        if loaded.config.model.can_encode:
            _own_picture(loaded, class_names)


def _row(text: str, *, key: str) -> tuple[st.delta_generator.DeltaGenerator, Callable[..., bool]]:
    line = st.container(horizontal=True, vertical_alignment="bottom")
    return line, partial(line.button, text, key=key)


def _image_row(loaded: LoadedRun) -> None:
    line, button = _row("Pin image", key="pin-image")
    line.number_input("Test image", value=0, step=1, key="end-image", width=150, help=_ROW_HELP)
    # Without limits of its own: the field would turn red, and the button take the last good number.
    button(on_click=_tried, args=(lambda: pin_image(loaded, int(st.session_state["end-image"] or 0)),))


def _class_mean(loaded: LoadedRun, class_names: Sequence[str]) -> None:
    line, button = _row("Pin mean", key="pin-mean")
    line.selectbox(
        "Mean of class", range(len(class_names)), format_func=class_names.__getitem__, key="end-class", width=150
    )

    def pin() -> None:
        label = st.session_state["end-class"]
        pin_class_mean(loaded, label, class_names[label])

    button(on_click=_tried, args=(pin,))


def _prior_draw(loaded: LoadedRun, class_names: Sequence[str]) -> None:
    if not loaded.config.model.has_prior:
        st.caption("An autoencoder has no prior, so there are no draws of it.")
        return
    line, button = _row("Pin draw", key="pin-draw")
    line.number_input("Draw of the prior, seed", 0, 2**31 - 1, key="end-seed", width=150)
    is_conditional = loaded.config.model.prior == "conditional"
    if is_conditional:
        n = loaded.config.model.n_classes or 0
        line.selectbox("of class", range(n), format_func=class_names.__getitem__, key="end-seed-class", width=90)

    def pin() -> None:
        label = st.session_state["end-seed-class"] if is_conditional else None
        pin_prior_draw(loaded, int(st.session_state["end-seed"]), label)

    button(on_click=_tried, args=(pin,))


def _own_picture(loaded: LoadedRun, class_names: Sequence[str]) -> None:
    content = st.file_uploader(
        "A picture of your own",
        type=[suffix.lstrip(".") for suffix in SUFFIXES],
        key=_FILE,
        max_upload_size=max(1, MAX_BYTES // 2**20),
        help="It is made into an image of the data set's size, and encoded. Nothing of it is kept.",
    )
    if content is None:
        return
    shape = loaded.config.model.image_shape
    try:
        image, said = read_image(content.getvalue(), shape)
    except ExplorerError as error:
        st.error(as_text(error), icon=":material/error:")
        return
    label = None
    if loaded.config.model.n_classes is not None:
        label = st.selectbox(
            "It shows class", range(len(class_names)), format_func=class_names.__getitem__, key="end-file-class"
        )
    st.image(np.moveaxis(image, 0, -1).squeeze(), width=84, caption=as_text(content.name), clamp=True)
    st.caption(f"{as_text('; '.join(said))}.")
    labels = None if label is None else np.array([label], np.int64)
    code = session.service().submit_images(loaded.run.name, image[None], labels).result()[0]
    likeness_note(loaded, image, code, label)

    def pin() -> None:
        pin_code(code, content.name.rpartition(".")[0])

    st.button("Pin this picture", key="pin-picture", on_click=_tried, args=(pin,))


def _tried(act: Callable[[], None]) -> None:
    """Do ``act``, and say in words why it cannot be done where it cannot."""
    try:
        act()
    except ExplorerError as error:
        st.toast(as_text(error), icon=":material/error:", duration="long")
