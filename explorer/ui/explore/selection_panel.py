"""What the images selected on the map have in common: their classes, their mean, the images themselves, and files."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.arrays import Images
from explorer.analysis.projections.base import Projection
from explorer.analysis.projections.lasso import SelectionSummary, mean_image, summarise
from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.figures.selection import class_shares_figure, class_shares_text
from explorer.runs.tables import csv_bytes, parquet_bytes, selected_columns
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.map.selection import Selection, clear_selection, held_selection
from explorer.ui.notation import given
from explorer.ui.text import as_text
from explorer.ui.widgets.images import captioned_pictures, error_image, wrapped_picture

N_SHOWN = 24
N_COLUMNS = 6
N_WORST = 12
SIDE = 56
WORST_SIDE = 84
MEAN_SIDE = 140

Rows = NDArray[np.int64]


def selection_panel(loaded: LoadedRun, projection: Projection, class_names: tuple[str, ...]) -> None:
    """Show what is selected on the map, or how to select.

    Raises:
        ExplorerError: if the selected codes cannot be decoded.
    """
    selection = held_selection(loaded, projection)
    if selection is None:
        st.caption(
            ":material/lasso_select: **To select images**, choose the lasso or the box above the map and draw around "
            "their points."
        )
        return
    with st.container(border=True, key="selection"):
        _headline(loaded, projection, selection, class_names)
        if not len(selection.rows):
            st.caption("The outline is around no visible point. Draw a larger one, or show the hidden classes.")
            return
        summary = summarise(loaded.encoded, selection.rows, n_classes=len(class_names), n_worst=N_WORST)
        originals = session.originals(loaded)
        classes_column, mean_column = st.columns([3, 2], gap="large")
        with classes_column:
            _classes(summary, class_names)
        with mean_column:
            _mean(loaded, summary, originals, class_names)
        _gallery(loaded, selection, originals)
        _worst(loaded, summary, originals, class_names)


def _headline(loaded: LoadedRun, projection: Projection, selection: Selection, class_names: tuple[str, ...]) -> None:
    hidden = ", ".join(class_names[label] for label in selection.hidden)
    words_column, files_column = st.columns([3, 2], vertical_alignment="center")
    words_column.markdown(f"##### {len(selection.rows):,} of {len(loaded.encoded):,} test images selected")
    if hidden:
        words_column.caption(f"Without the classes that the legend hides: {as_text(hidden)}.")
    with files_column, st.container(horizontal=True, horizontal_alignment="right"):
        for kind, to_bytes, mime in (
            ("CSV", csv_bytes, "text/csv"),
            ("Parquet", parquet_bytes, "application/vnd.apache.parquet"),
        ):
            st.download_button(
                kind,
                partial(_file, loaded, projection, selection.rows, class_names, to_bytes),
                file_name=f"{loaded.run.name}-selection.{kind.lower()}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                disabled=not len(selection.rows),
                help="Row, class, code, both terms of the bound in nats, and place on the map of each selected image",
            )
        st.button("Clear selection", icon=":material/close:", on_click=clear_selection)


def _file(
    loaded: LoadedRun,
    projection: Projection,
    rows: Rows,
    class_names: tuple[str, ...],
    to_bytes: Callable[[dict[str, object]], bytes],
) -> bytes:
    columns = selected_columns(loaded.encoded, rows, points=projection.points, class_names=class_names)
    return to_bytes(columns)


def _classes(summary: SelectionSummary, class_names: Sequence[str]) -> None:
    st.markdown("**Classes**, as shares of the selection")
    st.plotly_chart(
        class_shares_figure(summary.counts, summary.totals, class_names),
        alt=class_shares_text(summary.counts, summary.totals, class_names),
        config={"displayModeBar": False},
        key="selection-classes",
    )


def _mean(
    loaded: LoadedRun,
    summary: SelectionSummary,
    originals: ImageSplit | DataError,
    class_names: Sequence[str],
) -> None:
    is_conditional = loaded.config.model.n_classes is not None
    label = np.array([summary.commonest], np.int64) if is_conditional else None
    decoded = session.service().decode(loaded.run.name, summary.mean_code[None], label)[0]
    st.markdown("**Mean**")
    images, captions = [decoded], ["mean code, decoded"]
    if not isinstance(originals, DataError):
        images.append(mean_image(originals.images, summary.rows))
        captions.append("mean original")
    captioned_pictures(np.stack(images), captions, side=MEAN_SIDE)
    if is_conditional:
        st.caption(f"Decoded as class {as_text(class_names[summary.commonest])}, the commonest of the selection.")


def _gallery(loaded: LoadedRun, selection: Selection, originals: ImageSplit | DataError) -> None:
    rows = selection.rows
    n_pages = -(-len(rows) // N_SHOWN)
    title_column, pages_column = st.columns([2, 3], vertical_alignment="center")
    page = 1
    if n_pages > 1:
        with pages_column, st.container(horizontal=True, horizontal_alignment="right"):
            # Another selection begins at its first page.
            page = st.pagination(n_pages, key=f"selection-page-{selection.name}")
    shown = rows[(page - 1) * N_SHOWN : page * N_SHOWN]
    first = (page - 1) * N_SHOWN + 1
    which = f"{len(shown)}" if page == 1 else f"{first:,} to {first + len(shown) - 1:,}"
    title_column.markdown(f"**Images**, {which} of {len(rows):,} shown")
    decoded = _decoded(loaded, shown)
    if isinstance(originals, DataError):
        _pictures(decoded, "Reconstructions")
        st.caption("Originals and errors need the data set, which is not here: beside the map it says how to bring it.")
        return
    images = originals.images[shown]
    errors = np.stack([error_image(*pair) for pair in zip(images, decoded, strict=True)])
    kinds = {"Originals": images, "Reconstructions": decoded, "|Errors|, 0 to 1": errors}
    for column, (title, pictures) in zip(st.columns(3), kinds.items(), strict=True):
        with column:
            _pictures(pictures, title)


def _pictures(images: Images, title: str) -> None:
    st.caption(as_text(title))
    wrapped_picture(images, f"{title} of selected images", n_columns=N_COLUMNS, side=SIDE)


def _worst(
    loaded: LoadedRun,
    summary: SelectionSummary,
    originals: ImageSplit | DataError,
    class_names: Sequence[str],
) -> None:
    encoded, rows = loaded.encoded, summary.worst
    pictures = _decoded(loaded, rows)
    which = "reconstructions"
    if not isinstance(originals, DataError):
        pictures = np.concatenate([originals.images[rows], pictures], axis=2)
        which = "original above reconstruction"
    error = given("-log p(x|z)", loaded.config.model)
    st.markdown(f"**Rebuilt worst** ({which}; image, class and {error} in nats, at one posterior sample)")
    captions = [
        f"{row:,} · {class_names[encoded.labels[row]]} · {encoded.reconstruction[row]:.0f}" for row in rows.tolist()
    ]
    captioned_pictures(pictures, captions, side=WORST_SIDE)


def _decoded(loaded: LoadedRun, rows: Rows) -> Images:
    """Return the mean codes of ``rows``, at most 1024, decoded in their classes."""
    labels = loaded.encoded.labels[rows] if loaded.config.model.n_classes is not None else None
    return session.service().decode(loaded.run.name, loaded.encoded.mu[rows], labels)
