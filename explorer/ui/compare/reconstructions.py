"""The same images as several models rebuild them."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.arrays import Images
from explorer.data.images import ImageSplit
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.text import as_text
from explorer.ui.widgets.images import wrapped_picture

SIDE = 56


def rebuilt(loaded: LoadedRun, rows: NDArray[np.int64]) -> Images:
    """Return what the mean codes of the images ``rows``, at most 1,024, decode to."""
    labels = None if loaded.config.model.n_classes is None else loaded.encoded.labels[rows]
    return session.service().decode(loaded, loaded.encoded.mu[rows], labels)


def rebuilt_picture(runs: Sequence[LoadedRun], rows: NDArray[np.int64], originals: ImageSplit | None) -> None:
    """Show the images ``rows`` above what each of ``runs`` rebuilds them as, a line each."""
    if originals is not None:
        _line("Originals", originals.images[rows], len(rows))
    for loaded in runs:
        images = rebuilt(loaded, rows)
        error = "" if originals is None else f" · mean squared error {_mean_error(images, originals.images[rows]):.4f}"
        _line(f"{loaded.run.name}{error}", images, len(rows))


def _line(title: str, images: Images, n_columns: int) -> None:
    st.caption(as_text(title))
    wrapped_picture(images, title, n_columns=n_columns, side=SIDE)


def _mean_error(images: Images, originals: Images) -> float:
    """Return the mean over pixels of squared differences of images in [0, 1]."""
    return float(((images.astype(np.float64) - originals) ** 2).mean()) / 255**2
