"""Holes of compared maps: swept in the background, and shown side by side."""

from collections.abc import Sequence

import streamlit as st

from explorer.analysis.projections.round_trip import Sweep
from explorer.figures.holes import sweep_figure, sweep_text
from explorer.jobs.progress import Progress
from explorer.ui.compare.maps import ComparedMap
from explorer.ui.compare.round_trip_task import cancel_sweep, sweep_again, sweep_of

N_COLUMNS = 2
SECONDS_BETWEEN_LOOKS = 0.4


def swept_holes(maps: Sequence[ComparedMap]) -> None:
    """Show where each map has holes; while one is swept this part alone runs again and again."""
    if not maps:
        return
    st.markdown("**Holes: where a decoded image does not encode back to where it came from**")
    is_waiting = any(isinstance(sweep_of(compared), Progress) for compared in maps)
    st.fragment(_sweeps, run_every=SECONDS_BETWEEN_LOOKS if is_waiting else None)(maps, is_waiting=is_waiting)
    st.caption(
        "Each place of the map is decoded, its image encoded, and the distance in z to where it began measured. "
        "The rest of z is the mean code's; a model that is given the class decodes in that of the nearest image."
    )


def _sweeps(maps: Sequence[ComparedMap], *, is_waiting: bool) -> None:
    found = [sweep_of(compared) for compared in maps]
    if is_waiting and not any(isinstance(each, Progress) for each in found):
        st.rerun()
    for start in range(0, len(maps), N_COLUMNS):
        part = slice(start, start + N_COLUMNS)
        for column, compared, each in zip(st.columns(N_COLUMNS, gap="medium"), maps[part], found[part], strict=False):
            with column:
                _show(compared, each)


def _show(compared: ComparedMap, found: Sweep | Progress | str) -> None:
    key = f"sweep-{compared.name}"
    if isinstance(found, Progress):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(found.fraction, text=f"{compared.name}: {found.what}", width="stretch")
            st.button("Cancel", key=f"{key}-cancel", on_click=cancel_sweep, args=(compared,))
    elif isinstance(found, str):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/info: **{compared.name}** has no sweep. {found}")
            st.button("Try again", key=f"{key}-again", on_click=sweep_again, args=(compared,))
    else:
        st.caption(f"**{compared.name}**")
        figure = sweep_figure(found, compared.projection.axis_names)
        st.plotly_chart(figure, alt=sweep_text(found), config={"displayModeBar": False}, key=key)
        st.caption(sweep_text(found))
