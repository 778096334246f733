"""Holes of compared maps: swept in the background, and shown side by side."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from explorer.analysis.projections.round_trip import RoundTripErrors, round_trip_errors
from explorer.figures.round_trip import round_trip_figure, round_trip_text
from explorer.jobs.progress import OnProgress
from explorer.jobs.threads import Query
from explorer.serving.run_cache import map_version
from explorer.ui.compare.maps import ComparedMap
from explorer.ui.tasks import show_query, while_under_way
from explorer.ui.text import as_text

N_COLUMNS = 2


def round_trip_section(maps: Sequence[ComparedMap]) -> None:
    """Show where each map has holes; while one is swept this part alone runs again and again."""
    if not maps:
        return
    st.markdown("**Holes: where a decoded image does not encode back to where it came from**")
    queries = [round_trip_errors_of(compared) for compared in maps]
    while_under_way(queries, partial(_show_all, maps, queries))
    st.caption(
        "Each place of the map is decoded, its image encoded, and the distance in z to where it began measured. "
        "The rest of z is the mean code's; a model that is given the class decodes in that of the nearest image."
    )


def round_trip_errors_of(compared: ComparedMap) -> Query[RoundTripErrors | None]:
    """Return the query for the round-trip error map of a map."""

    def work(tell: OnProgress, stop: Callable[[], bool]) -> RoundTripErrors | None:
        return round_trip_errors(compared.loaded.reliability_gauge, compared.projection, on_progress=tell, stop=stop)

    key = "sweep", compared.loaded, map_version(compared.projection)
    return Query(key=key, title=compared.name, work=work)


def _show_all(maps: Sequence[ComparedMap], queries: Sequence[Query[RoundTripErrors | None]]) -> None:
    for start in range(0, len(maps), N_COLUMNS):
        columns, part = st.columns(N_COLUMNS, gap="medium"), slice(start, start + N_COLUMNS)
        for column, compared, query in zip(columns, maps[part], queries[part], strict=False):
            with column:
                _show(compared, query)


def _show(compared: ComparedMap, query: Query[RoundTripErrors | None]) -> None:
    key, found = f"sweep-{compared.name}", query.task().outcome()
    if not isinstance(found, RoundTripErrors):
        show_query(query, key, missing="has no sweep", again="Try again")
        return
    st.caption(f"**{as_text(compared.name)}**")
    figure = round_trip_figure(found, compared.projection.axis_names)
    st.plotly_chart(figure, alt=round_trip_text(found), config={"displayModeBar": False}, key=key)
    st.caption(as_text(round_trip_text(found)))
