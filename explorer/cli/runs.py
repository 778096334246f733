"""``runs``: the list of all runs."""

import json

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from explorer import locations
from explorer.cli.parameters import AsJson, Checkpoints
from explorer.cli.terminal import messages
from explorer.runs.listing import list_runs


def runs(
    as_json: AsJson = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """List every run, a damaged one with its error."""
    from explorer.runs.tables import describe

    rows = [describe(entry) for entry in list_runs(checkpoints)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        messages.print(f"No runs in {checkpoints}. Make one: python -m explorer train --data digits")
        return
    headings = ("run", "family", "data", "latent", "likelihood", "test ELBO (nats)", "projections")
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        if row["error"]:
            table.add_row(row["name"], Text(f"damaged: {row['error']}", style="red"))
        else:
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
    Console().print(table)
