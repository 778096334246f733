"""``runs``: the list of all runs."""

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from explorer import locations
from explorer.cli.parameters import AsJson, Checkpoints
from explorer.cli.terminal import messages
from explorer.runs.listing import list_runs
from explorer.strict_json import dump_json


def runs(
    as_json: AsJson = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """List every run, a damaged one with its error."""
    from explorer.runs.tables import describe

    rows = [describe(entry) for entry in list_runs(checkpoints)]
    if as_json:
        typer.echo(dump_json(rows, indent=2))
        return
    if not rows:
        messages.print(f"No runs in {checkpoints}. Make one: python -m explorer train --data digits")
        return
    headings = ("family", "data", "latent", "likelihood", "test ELBO (nats)", "projections")
    # All other commands take the name: it is never cut, however narrow the terminal.
    name = Column("run", no_wrap=True, min_width=max(len(row["name"]) for row in rows))
    table = Table(name, *headings, box=None, pad_edge=False)
    console = Console(markup=False, emoji=False)
    for row in rows:
        if not row["error"]:
            score = "" if row["elbo"] is None else f"{row['elbo']:.2f}"
            elbo = score if row["family"] in {"vae", "cvae"} else "none: no p(x)"
            table.add_row(
                row["name"],
                row["family"],
                row["data"],
                str(row["latent_dim"]),
                row["likelihood"],
                elbo,
                ", ".join(row["projections"]),
            )
    if table.row_count:
        console.print(table)
    for row in rows:
        for problem in [row["error"]] if row["error"] else row["problems"]:
            text = Text.assemble((row["name"], "bold"), f": {problem}")
            console.print(text, style="red", soft_wrap=True)
