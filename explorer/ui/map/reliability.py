"""How far the pinned place's image can be believed, in words."""

import math

import numpy as np
import streamlit as st

from explorer.analysis.latent.reliability import VERDICTS, Trust
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.places import PinnedPlace

_MARKS = {"near": "●", "edge": "◐", "far": "○"}


def trust_note(loaded: LoadedRun, place: PinnedPlace) -> None:
    """Show how far what is decoded at ``place`` can be believed, beside what is typical of the encoded images."""
    labels = None if place.label is None else np.full(1, place.label, np.int64)
    trust = session.service().submit_trusted(loaded.run.name, place.z[None], labels).result().trust
    own_class = "" if place.label is None else f" of class {session.class_names(loaded)[place.label]}"
    st.markdown(f"{_MARKS[trust.verdict]} **{VERDICTS[trust.verdict].capitalize()}**")
    st.caption(trust_sentences(trust, own_class, is_encoded=place.row is not None))


def trust_sentences(trust: Trust, own_class: str = "", *, is_encoded: bool = False) -> str:
    """Return the numbers of ``trust`` in sentences.

    Args:
        trust: of one code.
        own_class: " of class 3" where only such images are compared with.
        is_encoded: whether the code is that of an encoded image, which is then its own nearest one.
    """
    return " ".join((_neighbours(trust, own_class, is_encoded=is_encoded), _prior(trust), _return(trust)))


def _neighbours(trust: Trust, own_class: str, *, is_encoded: bool) -> str:
    if math.isinf(trust.nearest):
        return f"No image{own_class} is encoded."
    count = f"{trust.n_near:,} encoded image{'' if trust.n_near == 1 else 's'}{own_class}"
    nearest = ", itself among them" if is_encoded and trust.nearest == 0 else f"; the nearest {trust.nearest:.2f} away"
    return f"{count} within {trust.radius:.2f} in z{nearest}. A typical image has {trust.n_typical} others so near."


def _prior(trust: Trust) -> str:
    if trust.log_prior is None:
        return f"No log p(z): {trust.no_log_prior}."
    typical = "" if trust.typical_log_prior is None else f", typically {trust.typical_log_prior:.1f}"
    return f"log p(z) {trust.log_prior:.1f} nats{typical}."


def _return(trust: Trust) -> str:
    return (
        f"Decoded and encoded again, it comes back {trust.re_encoding:.2f} away, "
        f"typically {trust.typical_re_encoding:.2f}."
    )
