"""How far the pinned place's image can be believed, in words."""

import math

import numpy as np
import streamlit as st

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.latent.neighbourhood import Verdict
from explorer.analysis.latent.reliability import Reliability
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.notation import given
from explorer.ui.places import PinnedPlace
from explorer.ui.text import as_text


def reliability_note(loaded: LoadedRun, place: PinnedPlace) -> None:
    """Show how far what is decoded at ``place`` can be believed, beside what is typical of the encoded images."""
    labels = None if place.label is None else np.full(1, place.label, np.int64)
    reliability = session.service().submit_with_reliability(loaded.run.name, place.z[None], labels).result().reliability
    own_class = "" if place.label is None else f" of class {session.class_names(loaded)[place.label]}"
    st.markdown(f"{as_text(reliability.verdict.mark)} **{as_text(reliability.verdict.words.capitalize())}**")
    st.caption(as_text(reliability_sentences(reliability, own_class, is_encoded=place.row is not None)))


def likeness_note(loaded: LoadedRun, image: Images, z: Floats, label: int | None) -> Verdict:
    """Show how far an image that a person brought is like the data, and return that.

    Args:
        loaded: the run.
        image: as the model sees it, uint8 ``(C, H, W)``.
        z: its code, shape ``(L,)``.
        label: the class that it was encoded in; None where the model takes none.
    """
    from explorer.analysis.coding import encode_split
    from explorer.analysis.latent.likeness import likeness, one_image

    labels = None if label is None else np.full(1, label, np.int64)
    of_code = session.service().submit_with_reliability(loaded.run.name, z[None], labels).result().reliability.verdict
    split = one_image(loaded.config.training.data, image, label, session.class_names(loaded))
    alone = encode_split(loaded.model, split, is_binary=loaded.config.is_binary, fingerprint="")
    found = likeness(float(alone.reconstruction[0]), loaded.encoded, of_code)
    st.markdown(f"{as_text(found.verdict.mark)} **{as_text(found.verdict.words.capitalize())}**")
    error = as_text(given("-log p(x|z)", loaded.config.model))
    st.caption(
        f"Its code is {as_text(found.of_code.words)}. Decoded from it, the picture comes back with {error} "
        f"{found.reconstruction:.1f} nats, test images typically with {found.typical:.1f}: {found.n_worse:,} of "
        f"{found.n_images:,} come back no better."
    )
    return found.verdict


def reliability_sentences(of: Reliability, own_class: str = "", *, is_encoded: bool = False) -> str:
    """Return the numbers of a ``Reliability`` in sentences.

    Args:
        of: it, of one code.
        own_class: " of class 3" where only such images are compared with.
        is_encoded: whether the code is that of an encoded image, which is then its own nearest one.
    """
    return " ".join((_neighbours(of, own_class, is_encoded=is_encoded), _prior(of), _return(of)))


def _neighbours(of: Reliability, own_class: str, *, is_encoded: bool) -> str:
    if math.isinf(of.nearest):
        return f"No image{own_class} is encoded."
    count = f"{of.n_near:,} encoded image{'' if of.n_near == 1 else 's'}{own_class}"
    nearest = ", itself among them" if is_encoded and of.nearest == 0 else f"; the nearest {of.nearest:.2f} away"
    return f"{count} within {of.radius:.2f} in z{nearest}. A typical image has {of.n_typical} others so near."


def _prior(of: Reliability) -> str:
    if of.log_prior is None:
        return f"No log p(z): {of.no_log_prior}."
    typical = "" if of.typical_log_prior is None else f", typically {of.typical_log_prior:.1f}"
    return f"log p(z) {of.log_prior:.1f} nats{typical}."


def _return(of: Reliability) -> str:
    return (
        f"Decoded and encoded again, it comes back {of.re_encoding:.2f} away, typically {of.typical_re_encoding:.2f}."
    )
