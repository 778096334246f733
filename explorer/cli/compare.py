"""``compare``: several runs in one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer import locations
from explorer.cli.parameters import AsJson, Checkpoints, ProgressFile
from explorer.cli.terminal import interruptible, messages, print_comparison, stage_bar
from explorer.errors import CheckpointError, ConfigError
from explorer.runs.listing import open_run
from explorer.runs.run import Run
from explorer.strict_json import dump_json

if TYPE_CHECKING:
    from explorer.workflows.comparison import Compared
    from explorer.workflows.measurement_setup import MeasurementSetup


def compare(
    references: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs; each is compared with the first.")],
    images: Annotated[int, typer.Option(help="Test images, from the first on.", min=2)] = 1000,
    iwae_samples: Annotated[int, typer.Option(help="Importance samples per image for the IWAE bound.", min=1)] = 50,
    out: Annotated[
        Path | None, typer.Option(help="Write the table here too: a .csv, .md, .tex (booktabs) or .json.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each metric what it is, and its source.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure runs anew whose measures are stored.")] = False,
    as_json: AsJson = False,
    progress: ProgressFile = None,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Compare runs: codes, bound, samples and walks in one table, with intervals and differences to the first run."""
    from explorer.analysis.comparison.tables import check_suffix
    from explorer.files import write_atomically
    from explorer.workflows.comparison import as_json as as_dictionary
    from explorer.workflows.comparison import comparison_bytes
    from explorer.workflows.measurement_setup import MeasurementSetup

    if out is not None:
        check_suffix(out.suffix.lower())
    runs = [open_run(reference, checkpoints) for reference in references]
    found = _compared(
        runs, MeasurementSetup(checkpoints, n_images=images, n_samples=iwae_samples), progress, is_again=again
    )
    if out is not None:
        write_atomically(out, comparison_bytes(found.comparison, out.suffix.lower()))
        messages.print(f"Compared {len(runs)} runs -> {out}", soft_wrap=True)
    if as_json:
        typer.echo(dump_json(as_dictionary(found.comparison), indent=2))
    else:
        print_comparison(found.comparison, is_explained=explain)
    for note in (*found.unread, *found.unstored):
        messages.print(f"Note: {note}", soft_wrap=True)
    if found.unstored and progress is not None:  # the app, which started it, looks for it in the runs
        raise CheckpointError(" ".join(found.unstored))


def _compared(runs: list[Run], setup: "MeasurementSetup", progress: Path | None, *, is_again: bool) -> "Compared":
    from explorer.jobs.process_queue import report_to
    from explorer.workflows.comparison import measured_comparison

    if progress is not None:  # a job of the app: to cancel it is to end it at once, and files are written whole
        found = measured_comparison(runs, setup, is_again=is_again, on_progress=report_to(progress))
    else:
        with interruptible() as is_interrupted, stage_bar() as show:
            found = measured_comparison(runs, setup, is_again=is_again, on_progress=show, stop=is_interrupted)
    if found is None:
        raise ConfigError(
            "The comparison was stopped before its end; nothing was written. Runs that were measured by then are "
            "stored: the same command goes on with the others."
        )
    if not found.measured:
        messages.print(
            "All of it was measured before and is stored with the runs; --again measures it anew.", soft_wrap=True
        )
    return found
