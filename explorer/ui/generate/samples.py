"""Samples of a run, by what it can be sampled from: a class, a prior, or a density fitted afterwards."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from explorer.serving.run_cache import LoadedRun
from explorer.ui.generate.class_samples import class_samples
from explorer.ui.generate.controls import class_control, seed_control
from explorer.ui.generate.prior_samples import fitted_and_standard, prior_samples
from explorer.ui.generate.sampling import drawn_codes, same_class
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import decoded, density_codes
from explorer.ui.text import as_text
from explorer.ui.widgets.image_export import grid_download
from explorer.workflows.image_grids import DecodedGrid

MAX_SAMPLES = 1000


def samples(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
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


def sample_export(loaded: LoadedRun, view: GenerateView, names: Sequence[str]) -> None:
    """Show what samples can be taken away as."""
    with st.popover("Take it away", icon=":material/download:", width="content"):
        n = st.slider("Images", 1, MAX_SAMPLES, 50, key="samples-n")
        is_of_class = loaded.config.model.n_classes is not None
        of_class = f" of class {as_text(names[view.label])}" if is_of_class else ""
        st.caption(f"{n:,} samples{of_class}, seed {view.seed:d}.")
        stem = f"{loaded.run.name}{f'-class-{view.label}' if is_of_class else ''}-seed-{view.seed}"
        grid_download(stem, partial(samples_to_export, loaded, view, n), key="samples")


def samples_to_export(loaded: LoadedRun, view: GenerateView, n: int) -> DecodedGrid:
    """Return ``n`` samples: of a plain autoencoder, draws from the mixture that is fitted to its codes."""
    labels = same_class(loaded, view, n)
    if loaded.config.model.has_prior:
        codes = drawn_codes(loaded, view, n, labels)
    else:
        codes = density_codes(loaded, n, seed=view.seed)
    return DecodedGrid(images=decoded(loaded, codes, labels), codes=codes, labels=labels)
