"""The images that a run models worst and best, what it makes of them, and links to their places on the map."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.analysis.records import EncodedSet
from explorer.data.images import ImageSplit
from explorer.errors import DataError
from explorer.locations import PAGES
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.evaluate.view import EvaluateView, Ranking
from explorer.ui.evaluate.words import RANKINGS, pixels_note, rankings_of
from explorer.ui.map.view import MapView
from explorer.ui.notation import given
from explorer.ui.pins import MAX_PINS, Pin, added
from explorer.ui.text import as_text
from explorer.ui.view import control, held_view, view_to_query
from explorer.ui.widgets.images import wrapped_picture

N_SHOWN = 12
SIDE = 80
CELL = 88

TITLES = {
    "elbo": ("Worst: the lowest ELBO", "Best: the highest ELBO"),
    "reconstruction": ("Worst: the lowest log p(x|z)", "Best: the highest log p(x|z)"),
    "kl": ("The highest KL: the costliest codes", "The lowest KL: the cheapest codes"),
}

Rows = NDArray[np.int64]


def extremes(loaded: LoadedRun, view: EvaluateView) -> None:
    """Show the images at both ends of the chosen ranking.

    Raises:
        ProjectionError: if the run has no encoded set.
    """
    ranking: Ranking = view.ranking if view.ranking in rankings_of(loaded.config.model) else "reconstruction"
    _control(loaded, replace(view, ranking=ranking))
    values = ranked_values(loaded.encoded, ranking)
    if not np.isfinite(values).any():
        st.info(
            "None of the encoded images has a finite number to be ranked by: training diverged, or the encoded set is "
            "damaged. Rank by another one, or encode the run anew.",
            icon=":material/info:",
        )
        return
    names, originals = session.class_names(loaded), session.originals(loaded)
    worst, best = extreme_rows(values, N_SHOWN, is_high_worst=ranking == "kl")
    if isinstance(originals, DataError):
        st.caption(f":material/info: The originals are not here. {as_text(originals)}")
    for column, title, rows in zip(st.columns(2, gap="large"), TITLES[ranking], (worst, best), strict=True):
        with column:
            st.markdown(f"**{given(title, loaded.config.model)}**")
            _gallery(loaded, view, rows, values, originals, names)
    st.caption(_explanation(loaded, view, values))


def ranked_values(encoded: EncodedSet, ranking: str) -> NDArray[np.float64]:
    """Return what the images of a set are ranked by, one of ``RANKINGS``, in nats, shape ``(N,)``."""
    log_likelihood, kl = -encoded.reconstruction.astype(np.float64), encoded.kl.astype(np.float64)
    return {"elbo": log_likelihood - kl, "reconstruction": log_likelihood, "kl": kl}[ranking]


def extreme_rows(values: NDArray[np.float64], n: int, *, is_high_worst: bool) -> tuple[Rows, Rows]:
    """Return the rows of the ``n`` worst and of the ``n`` best of ``values``, the most extreme first.

    Values that are no numbers are worst of all.
    """
    order = np.argsort(np.where(np.isfinite(values), -values if is_high_worst else values, -np.inf), kind="stable")
    return order[:n], order[::-1][:n]


def _control(loaded: LoadedRun, view: EvaluateView) -> None:
    control(
        st.segmented_control,
        view,
        "ranking",
        "Rank images by",
        rankings_of(loaded.config.model),
        format_func=lambda name: given(RANKINGS[name], loaded.config.model),
        required=True,
    )


def _gallery(
    loaded: LoadedRun,
    view: EvaluateView,
    rows: Rows,
    values: NDArray[np.float64],
    originals: ImageSplit | DataError,
    names: Sequence[str],
) -> None:
    labels = loaded.encoded.labels[rows]
    is_given_class = loaded.config.model.n_classes is not None
    decoded = session.service().decode(loaded.run.name, loaded.encoded.mu[rows], labels if is_given_class else None)
    pictures, what = decoded[:, None], "reconstruction"
    if not isinstance(originals, DataError):
        pictures, what = np.stack([originals.images[rows], decoded], axis=1), "original above reconstruction"
    with st.container(horizontal=True, gap="small"):
        for row, label, pair in zip(rows.tolist(), labels.tolist(), pictures, strict=True):
            with st.container(width=CELL, gap=None):
                wrapped_picture(pair, f"Image {row} of class {names[label]}: {what}", n_columns=1, side=SIDE)
                st.caption(
                    f"{as_text(names[label])} · "
                    f"{f'{values[row]:.2f}' if view.ranking == 'kl' else f'{values[row]:.1f}'}"
                )
                st.page_link(
                    PAGES / "latent_map.py",
                    label=f"{row:,}",
                    icon=":material/scatter_plot:",
                    help=f"Open test image {row:,} on the latent map",
                    query_params=view_to_query(pinned_view(held_view(MapView), row)),
                )


def pinned_view(view: MapView, row: int) -> MapView:
    """Return ``view`` with test image ``row`` pinned and looked at; of a full tray the last pin makes room."""
    held = next((index for index, pin in enumerate(view.pins) if pin.row == row), None)
    if held is not None:
        return replace(view, active_pin=held)
    pins = added(view.pins[: MAX_PINS - 1], Pin(row=row))
    return replace(view, pins=pins, active_pin=len(pins) - 1)


def _explanation(loaded: LoadedRun, view: EvaluateView, values: NDArray[np.float64]) -> str:
    is_known = np.isfinite(values)
    low, middle, high = np.quantile(values[is_known], (0.025, 0.5, 0.975)).tolist()
    n_lost = int((~is_known).sum())
    lost = f" Of {n_lost:,} the number is not finite: they are among the worst." if n_lost else ""
    sample = "" if view.ranking == "kl" else " at one posterior sample (seed 0)"
    return (
        f"Of all {len(values):,} encoded test images. Under each pair: class, nats{sample}, and the image's number, "
        f"which opens it on the latent map. Half of all images are above {middle:.1f}, and 95% are between {low:.1f} "
        f"and {high:.1f}.{lost} {pixels_note(loaded)}"
    )
