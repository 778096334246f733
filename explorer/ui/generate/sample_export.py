"""Samples as a file: as many as are wanted, of the class and seed that the page shows."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from explorer.serving.atlas import LoadedRun
from explorer.ui.components.grid_export import DecodedGrid, grid_download
from explorer.ui.generating import decoded, density_codes, drawn_codes, same_class
from explorer.ui.state import View

MAX_SAMPLES = 1000


def sample_export(loaded: LoadedRun, view: View, names: Sequence[str]) -> None:
    """Show what samples can be taken away as."""
    with st.popover("Take it away", icon=":material/download:", width="content"):
        n = st.slider("Images", 1, MAX_SAMPLES, 50, key="samples-n")
        is_of_class = loaded.config.model.n_classes is not None
        of_class = f" of class {names[view.label]}" if is_of_class else ""
        st.caption(f"{n:,} samples{of_class}, seed {view.seed}.")
        stem = f"{loaded.run.name}{f'-class-{view.label}' if is_of_class else ''}-seed-{view.seed}"
        grid_download(stem, partial(samples, loaded, view, n), key="samples")


def samples(loaded: LoadedRun, view: View, n: int) -> DecodedGrid:
    """Return ``n`` samples: of a plain autoencoder, draws from the mixture that is fitted to its codes."""
    labels = same_class(loaded, view, n)
    if loaded.config.model.has_prior:
        codes = drawn_codes(loaded, view, n, labels)
    else:
        codes = density_codes(loaded, n, seed=view.seed)
    return DecodedGrid(images=decoded(loaded, codes, labels), codes=codes, labels=labels)
