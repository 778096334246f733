"""What is selected on all compared maps: the same images, and what each model makes of them."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.figures.selection import class_shares_figure, class_shares_text
from explorer.ui import session
from explorer.ui.compare.maps import ComparedMap, shared_selection
from explorer.ui.compare.reconstructions import rebuilt_picture
from explorer.ui.map.selection import clear_selection
from explorer.ui.text import as_text

N_SHOWN = 16


def compared_selection(maps: Sequence[ComparedMap]) -> None:
    """Show what is selected, or how to select."""
    found = shared_selection(maps)
    if found is None:
        st.caption(
            ":material/lasso_select: **To select images**, choose the lasso or the box above a map and draw around "
            "their points: they light up on every map."
        )
        return
    selection, source = found
    linked = [compared for compared in maps if compared.images == source.images]
    names = session.class_names(source.loaded)
    with st.container(border=True, key="selection"):
        words, button = st.columns([5, 1], vertical_alignment="center")
        n_total = len(source.loaded.encoded)
        words.markdown(f"##### {len(selection.rows):,} of {n_total:,} test images selected")
        words.caption(f"Drawn on the map of {as_text(source.name)}; the same images are bright on {len(linked)} maps.")
        with button, st.container(horizontal_alignment="right"):
            st.button("Clear selection", icon=":material/close:", on_click=clear_selection)
        if not len(selection.rows):
            st.caption("The outline is around no visible point. Draw a larger one, or show the hidden classes.")
            return
        _classes(source.loaded.encoded.labels, selection.rows, names)
        rows = evenly(selection.rows, N_SHOWN)
        originals = session.originals(source.loaded)
        st.markdown(f"**Images**, {len(rows)} of {len(selection.rows):,}, evenly over the selection")
        rebuilt_picture(
            [compared.loaded for compared in linked], rows, originals if isinstance(originals, ImageSplit) else None
        )
        if isinstance(originals, DataError):
            st.caption(f"Without the originals: {as_text(originals)}")


def evenly(rows: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return up to ``n`` of ``rows``, in their order and about equally far apart."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(np.int64))]


def _classes(labels: NDArray[np.int64], rows: NDArray[np.int64], names: tuple[str, ...]) -> None:
    counts, totals = (np.bincount(each, minlength=len(names)) for each in (labels[rows], labels))
    st.plotly_chart(
        class_shares_figure(counts, totals, names),
        alt=class_shares_text(counts, totals, names),
        config={"displayModeBar": False},
        key="compared-classes",
    )
