"""What the command line shows while it works: bars, spinners, and Ctrl+C as a request to stop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from explorer.runs.config import RunConfig

if TYPE_CHECKING:
    from explorer.training.trainer import TrainingProgress

messages = Console(stderr=True, highlight=False)
"""Where everything but figures and tables goes: stderr."""


@contextmanager
def training_bar(
    config: RunConfig,
) -> Iterator[tuple[Callable[["TrainingProgress"], None], Callable[[dict[str, Any]], None]]]:
    """Show a bar an epoch, and print a line after each; yields what the trainer calls for progress and epochs."""
    n_epochs = config.training.epochs
    kind = "log p(x|z)" if config.model.family == "ae" else "ELBO"
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
                description=f"{kind} {progress.objective:.1f}  {progress.images_per_second:,.0f} images/s  "
                f"{duration(progress.seconds_left)} left",
            )

        def on_epoch(record: dict[str, Any]) -> None:
            messages.print(
                f"epoch {record['epoch']:>3}  {kind} train {record['train']['objective']:.2f}  "
                f"validation {record['validation']['objective']:.2f}  KL {record['validation']['kl']:.2f} nats  "
                f"{record['seconds']:.1f} s"
            )

        yield on_progress, on_epoch


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


def duration(seconds: float) -> str:
    """Return seconds as MM:SS, or HH:MM:SS from an hour on."""
    return time.strftime("%H:%M:%S" if seconds >= 3600 else "%M:%S", time.gmtime(seconds))
