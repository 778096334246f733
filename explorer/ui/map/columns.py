"""Bringing columns along: numbers of the encoded images from a file, to colour the map by."""

from dataclasses import replace

import streamlit as st

from explorer.errors import ExplorerError
from explorer.locations import READONLY, check_may_write
from explorer.runs.columns import MAX_BYTES, MAX_COLUMNS, SUFFIXES, columns_from_file
from explorer.runs.tables import ROW
from explorer.serving.point_values import CUSTOM
from explorer.serving.run_cache import LoadedRun
from explorer.ui.map.view import CLASS, MapView
from explorer.ui.text import as_text
from explorer.ui.view import change_view, held_view

_KEY = "own-columns"
_LEFT_OUT = "own-columns-left-out"
_MOST_SHOWN = 5


def upload_columns(loaded: LoadedRun) -> None:
    """Show a button that opens the place where a file of columns is brought or taken away; none where that is off."""
    if READONLY:
        return
    with st.popover("Own numbers", icon=":material/upload_file:", width="content"):
        st.markdown("**Colour by numbers of your own**")
        st.caption(
            f"A CSV or Parquet file with a line for each of the {len(loaded.encoded):,} points in their order, or with "
            f"a column `{ROW}` that says which image a line is of (the files that a selection exports have one). Every "
            f"column of numbers can then be chosen, up to {MAX_COLUMNS}; they are kept with the run, for all who look "
            "at it, until another file takes their place."
        )
        st.file_uploader(
            "CSV or Parquet",
            type=[suffix.lstrip(".") for suffix in SUFFIXES],
            key=_KEY,
            max_upload_size=MAX_BYTES // 1_000_000,
            on_change=_bring,
            args=(loaded,),
            label_visibility="collapsed",
        )
        problem = st.session_state.pop(f"{_KEY}-problem", "")
        if problem:
            st.error(as_text(problem), icon=":material/error:")
        if loaded.columns_problem:
            st.error(f"{as_text(loaded.columns_problem)}", icon=":material/error:")
        if loaded.custom_columns:
            st.caption(f"Kept with the run: {as_text(', '.join(loaded.custom_columns))}.")
        left_out: dict[str, str] = st.session_state.get(_LEFT_OUT, {}) if loaded.custom_columns else {}
        if left_out:
            reasons = [f"{name} ({reason})" for name, reason in left_out.items()]
            more = f"; and {len(reasons) - _MOST_SHOWN:d} more" if len(reasons) > _MOST_SHOWN else ""
            st.caption(f":material/info: Left out: {as_text('; '.join(reasons[:_MOST_SHOWN]))}{more}.")
        if loaded.custom_columns or loaded.columns_problem:
            st.button("Remove them", icon=":material/delete:", on_click=_take_away, args=(loaded,))


def _bring(loaded: LoadedRun) -> None:
    file = st.session_state[_KEY]
    if file is None:
        return
    try:
        check_may_write("Bringing columns along")
        found, left_out = columns_from_file(file.getvalue(), file.name, len(loaded.encoded))
        loaded.run.save_columns(found)
    except ExplorerError as error:
        st.session_state[f"{_KEY}-problem"] = str(error)
        return
    st.session_state[_LEFT_OUT] = left_out
    change_view(replace(held_view(MapView), colour=CUSTOM + next(iter(found))))


def _take_away(loaded: LoadedRun) -> None:
    check_may_write("Taking columns away")
    loaded.run.save_columns({})
    change_view(replace(held_view(MapView), colour=CLASS))
