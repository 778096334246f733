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
from explorer.serving.run_cache import LoadedRun
from explorer.ui.compare import job
from explorer.ui.tasks import Command, is_under_way, offer, progress_words, show_command, while_under_way
from explorer.ui.text import as_text
from explorer.workflows.comparison import comparison_bytes

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
        kinds: of metrics, as in ``analysis/evaluation/metrics.py``.
        also: names of metrics that are shown whatever their kind.
        without: names of metrics that are left out.
    """
    names = [loaded.run.name for loaded in runs]
    command = job.measuring(names)
    if is_under_way(command):
        about = "Stop measuring. What is done of other runs is kept."
        show = partial(show_command, command, partial(progress_words, "Measuring", ""), "cancel-comparison", about)
        while_under_way([command], show)
        return
    found = job.found(names)
    if found is None:
        _offer(command, len(names))
        return
    is_shown = {metric.name for metric in METRICS if kinds is None or metric.kind in kinds}
    shown = [metric for metric in METRICS if metric.name in (is_shown | set(also)) - set(without)]
    st.html(STYLE)
    st.html(table_html(found, shown))
    st.caption(
        f"{as_text(caption(found))} {BOLD} Below a number stands its interval, then the difference to "
        f"{as_text(names[0])} with its own: "
        "it is called one only where that leaves 0 out."
    )
    for group in groups(found):
        words = as_text(group_text(group, shown))
        st.caption(rf"{words}. Mean and deviation over seeds; \*: by Welch's interval, which leaves 0 out.")
    _files(found, names)


def _offer(command: Command, n_runs: int) -> None:
    if locations.READONLY:
        st.caption("These models were not measured side by side, and this app only shows what is there.")
        return
    about = (
        f"Numbers with intervals, of {n_runs} models: about {command.expected_seconds():.0f} s on two cores, "
        "once, beside the app; they are stored with the models."
    )
    offer(command, about, "Measure", "measure", type="primary", icon=":material/straighten:")


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
