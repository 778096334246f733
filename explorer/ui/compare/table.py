"""The numbers of models side by side, measured in the background and kept; the table, and files of it."""

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from explorer import locations
from explorer.analysis.comparison.compare import Comparison
from explorer.analysis.comparison.measurements import Figure
from explorer.analysis.comparison.seeds import groups
from explorer.analysis.comparison.tables import BOLD, best, caption, group_text, heading, number
from explorer.analysis.evaluation.metrics import METRICS, Metric
from explorer.jobs.process_queue import JobState, JobStatus
from explorer.serving.run_cache import LoadedRun
from explorer.ui.compare import job
from explorer.workflows.comparison import comparison_bytes

SECONDS_BETWEEN_LOOKS = 0.5
STYLE = Path(__file__).with_suffix(".css")
FILES = {
    ".csv": ("CSV", "text/csv"),
    ".md": ("Markdown", "text/markdown"),
    ".tex": ("LaTeX", "application/x-tex"),
    ".json": ("JSON", "application/json"),
}


def comparison_table(
    runs: Sequence[LoadedRun],
    kinds: tuple[str, ...] | None,
    *,
    also: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> None:
    """Show the metrics of ``kinds``, of all where that is None, or what it takes to measure them.

    Args:
        runs: in the order of the columns; the others are compared with the first.
        kinds: of metrics, as in ``analysis/metrics.py``.
        also: names of metrics that are shown whatever their kind.
        without: names of metrics that are left out.
    """
    names = [loaded.run.name for loaded in runs]
    status = job.status_of(names)
    if status is not None and status.is_active:
        st.fragment(_watch, run_every=SECONDS_BETWEEN_LOOKS)(names)
        return
    found = job.found(names)
    if found is None:
        _offer(names)
        return
    is_shown = {metric.name for metric in METRICS if kinds is None or metric.kind in kinds}
    shown = [metric for metric in METRICS if metric.name in (is_shown | set(also)) - set(without)]
    st.html(STYLE)
    st.html(table_html(found, shown))
    st.caption(
        f"{caption(found)} {BOLD} Below a number stands its interval, then the difference to {names[0]} with its own: "
        "it is called one only where that leaves 0 out."
    )
    for group in groups(found):
        words = group_text(group, shown).replace("*", r"\*")
        st.caption(rf"{words}. Mean and deviation over seeds; \*: by Welch's interval, which leaves 0 out.")
    _files(found, names)


def _watch(names: Sequence[str]) -> None:
    status = job.status_of(names)
    if status is None or not status.is_active:
        st.rerun()
    else:
        _show_active(names, status)


def _show_active(names: Sequence[str], status: JobStatus) -> None:
    column, button_column = st.columns([6, 1], vertical_alignment="center")
    if status.state is JobState.WAITING:
        column.progress(
            0.0, text=f"Measuring waits for {status.n_ahead} other computation{'s' * (status.n_ahead > 1)}."
        )
    else:
        left = "" if status.seconds_left is None else f", about {max(round(status.seconds_left), 1)} s left"
        column.progress(status.fraction, text=f"Measuring: {status.what}. {status.seconds:.0f} s so far{left}.")
    button_column.button(
        "Cancel",
        key="cancel-comparison",
        help="Stop measuring. What is done of other runs is kept.",
        icon=":material/close:",
        on_click=job.cancel,
        args=(names,),
        width="stretch",
    )


def _offer(names: Sequence[str]) -> None:
    if locations.READONLY:
        st.caption("These models were not measured side by side, and this app only shows what is there.")
        return
    trouble = job.problem(names)
    if trouble:
        st.error(trouble, icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(
            f"Numbers with intervals, of {len(names)} models: about {job.expected(names):.0f} s on two cores, "
            "once, beside the app; they are stored with the models.",
            icon=":material/straighten:",
        )
        st.button("Measure", type="primary", key="measure", on_click=job.start, args=(names,), width="content")


def _files(found: Comparison, names: Sequence[str]) -> None:
    with st.container(horizontal=True):
        for suffix, (title, mime) in FILES.items():
            st.download_button(
                title,
                partial(comparison_bytes, found, suffix),
                file_name=f"{'-against-'.join(names)}{suffix}"[-120:],
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                help="All numbers with their intervals, differences and reasons",
            )


def table_html(found: Comparison, metrics: Sequence[Metric]) -> str:
    """Return the table: a line for each metric, a column for each run, and in it the difference to the first."""
    heads = "".join(f'<th scope="col">{escape(row.name)}</th>' for row in found.rows)
    lines = "".join(_line(found, metric) for metric in metrics)
    return (
        f'<div class="comparison" style="--n: {len(found.rows)}"><table>'
        f'<thead><tr><th scope="col">Metric</th>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _line(found: Comparison, metric: Metric) -> str:
    leaders = best(found, metric)
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[metric.is_better]
    about = f"<small>{escape(metric.explanation)} <i>{escape(metric.source)}</i></small>"
    differences = {row.name: row.figures[metric.name] for row in found.differences}
    cells = "".join(
        _cell(row.figures[metric.name], differences.get(row.name), is_best=row.name in leaders) for row in found.rows
    )
    title = f"{escape(heading(metric))}{arrow}"
    return f'<tr><th scope="row">{title}{about}</th>{cells}</tr>'


def _cell(figure: Figure, difference: Figure | None, *, is_best: bool) -> str:
    if figure.value is None:
        return f'<td><span class="comparison__reason">{escape(figure.reason)}</span></td>'
    value = f"<b>{number(figure.value)}</b>" if is_best else number(figure.value)
    return f"<td><span>{value}</span>{_interval(figure)}{_difference(difference)}</td>"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"<small>{number(figure.low)} to {number(figure.high)}</small>"


def _difference(difference: Figure | None) -> str:
    """Say by how much a run differs from the first, that it cannot be told, or why the two are not compared."""
    if difference is None or (difference.value is None and not difference.reason):
        return ""
    if difference.value is None:
        return f"<small>not compared: {escape(difference.reason)}</small>"
    if difference.low is None or difference.high is None:
        return ""
    if not difference.is_difference:
        return "<small>no difference told</small>"
    sign = "+" if difference.value > 0 else ""
    ends = f"{number(difference.low)} to {number(difference.high)}"
    return f"<small>{sign}{number(difference.value)} ({ends})</small>"
