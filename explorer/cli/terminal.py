"""What the command line shows while it works: bars, spinners, and Ctrl+C as a request to stop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from explorer.jobs.progress import OnProgress
from explorer.runs.config import RunConfig

if TYPE_CHECKING:
    from explorer.analysis.comparison.compare import Comparison
    from explorer.analysis.comparison.measurements import Figure
    from explorer.analysis.evaluation.metrics import Metric
    from explorer.training.trainer import TrainingProgress

messages = Console(stderr=True, highlight=False, markup=False, emoji=False)
"""Where everything but figures and tables goes: stderr. Paths and names are shown as they are."""


@contextmanager
def training_bar(
    config: RunConfig,
) -> Iterator[tuple[Callable[["TrainingProgress"], None], Callable[[dict[str, Any]], None]]]:
    """Show a bar an epoch, and print a line after each; yields what the trainer calls for progress and epochs."""
    n_epochs = config.training.epochs
    columns = [
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    ]
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("starting", total=None, epoch=1, epochs=n_epochs)

        def on_progress(progress: "TrainingProgress") -> None:
            bar.update(
                task,
                completed=progress.step,
                total=progress.steps_per_epoch,
                epoch=progress.epoch,
                description=f"{_figures(progress.figures)}  {progress.images_per_second:,.0f} images/s  "
                f"{duration(progress.seconds_left)} left",
            )

        def on_epoch(record: dict[str, Any]) -> None:
            train, validation = _figures(record["train"]), _figures(record["validation"])
            phase = "  aggressive" if record.get("is_aggressive") else ""
            messages.print(
                f"epoch {record['epoch']:>3}  train {train}  validation {validation}{phase}  {record['seconds']:.1f} s",
                soft_wrap=True,
            )

        yield on_progress, on_epoch


SHOWN = {
    "objective": "objective {:.2f}",
    "elbo": "ELBO {:.2f}",
    "log_likelihood": "log p(x|z) {:.2f}",
    "kl": "KL {:.2f}",
    "mutual_information": "MI {:.2f}",
    "active_units": "active {}",
    "critic_loss": "critic {:.3f}",
    "generator_loss": "generator {:.3f}",
    "diversity": "diversity {:.2f}",
}
"""Figures of an epoch that are worth a place in its line, in nats where they have a unit, and how they are written."""


def _figures(figures: dict[str, Any]) -> str:
    shown = {name for name in SHOWN if name in figures}
    if "elbo" in figures:
        shown -= {"log_likelihood"}
    else:
        shown -= {"kl", "active_units"}
    # Where the objective is the bound, or a reconstruction term, it is shown under its own name.
    if abs(figures.get("objective", 0.0) - figures.get("elbo", figures.get("log_likelihood", 0.0))) < 5e-3:
        shown -= {"objective"}
    return " ".join(form.format(figures[name]) for name, form in SHOWN.items() if name in shown)


@contextmanager
def quiet_unless(speaks: bool) -> Iterator[None]:
    """Print no messages within the block, unless ``speaks``; what is raised in it can be told after it."""
    messages.quiet = not speaks
    try:
        yield
    finally:
        messages.quiet = False


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl+C and a polite kill into a request to stop; yields the function that says whether one came."""
    requested = threading.Event()
    previous = {number: signal.signal(number, lambda *_: requested.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def spinner(what: str) -> Iterator[None]:
    """Show that ``what`` is being done."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        bar.add_task(what, total=None)
        yield


@contextmanager
def stage_bar() -> Iterator[OnProgress]:
    """Show a bar over the stages of one computation; yields what they are reported to."""
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("reading the runs", total=1.0)
        yield lambda progress: bar.update(task, completed=progress.fraction, description=progress.what)


def print_comparison(comparison: "Comparison", *, is_explained: bool) -> None:
    """Print the table of runs, the best in bold, then differences, groups of seeds, and why numbers are absent."""
    from explorer.analysis.comparison.seeds import groups
    from explorer.analysis.comparison.tables import BOLD, best, caption, group_text, heading, reasons
    from explorer.analysis.evaluation.metrics import METRICS

    console, rows = Console(markup=False, emoji=False), {row.name: row.figures for row in comparison.rows}
    console.print(_table(rows, lambda metric, name: "bold" if name in best(comparison, metric) else ""))
    if comparison.differences:
        titled = {f"{row.name} - {comparison.rows[0].name}": row.figures for row in comparison.differences}
        console.print()
        console.print(_table(titled, lambda metric, name: "bold" if titled[name][metric.name].is_difference else ""))
    lines = [
        caption(comparison),
        f"{BOLD} A difference is bold where its interval leaves 0 out." if console.is_terminal else "",
    ]
    found = reasons(comparison) | reasons(comparison, differences=True)
    lines += [f"None of {'; '.join(titles)}. {reason}" for reason, titles in found.items()]
    lines += [group_text(group) for group in groups(comparison)]
    if is_explained:
        lines += [f"{heading(metric)}: {metric.explanation} Source: {metric.source}" for metric in METRICS]
    for line in filter(None, lines):
        console.print(line, soft_wrap=True, highlight=False)


def _table(columns: dict[str, Mapping[str, "Figure"]], style: Callable[["Metric", str], str]) -> Table:
    """Return a table with a row for each metric and a column for each name, its cells in the style of both."""
    from explorer.analysis.comparison.tables import cell, heading
    from explorer.analysis.evaluation.metrics import METRICS

    table = Table("metric", *columns, box=None, pad_edge=False)
    for metric in METRICS:
        cells = (Text(cell(of[metric.name]), style=style(metric, name)) for name, of in columns.items())
        table.add_row(heading(metric), *cells)
    return table


def duration(seconds: float) -> str:
    """Return seconds as MM:SS, or HH:MM:SS from an hour on."""
    return time.strftime("%H:%M:%S" if seconds >= 3600 else "%M:%S", time.gmtime(seconds))
