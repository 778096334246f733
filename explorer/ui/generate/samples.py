"""Samples of a run, by what it can be sampled from: a class, a prior, or a density fitted afterwards."""

from collections.abc import Sequence

import streamlit as st

from explorer.serving.atlas import LoadedRun
from explorer.ui.components.class_samples import class_samples
from explorer.ui.components.generation_controls import class_control, seed_control
from explorer.ui.components.prior_samples import fitted_and_standard, prior_samples
from explorer.ui.components.sample_export import sample_export
from explorer.ui.state import View


def samples(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show samples of the run, and what they are drawn from."""
    class_control(loaded, view, names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container():
            seed_control(loaded, view)
        sample_export(loaded, view, names)
    if not loaded.config.model.has_prior:
        fitted_and_standard(loaded, view, names)
    elif loaded.config.model.n_classes is None:
        prior_samples(loaded, view, names)
    else:
        class_samples(loaded, view, names)
