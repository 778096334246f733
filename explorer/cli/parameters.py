"""Arguments and options that several commands take; those that are fields of a configuration are in ``options``."""

from pathlib import Path
from typing import Annotated

import typer

Reference = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or a path to its folder.")]
Checkpoints = Annotated[
    Path, typer.Option("--checkpoints", help="Folder of runs.", show_default=False, envvar="EXPLORER_CHECKPOINTS")
]
Download = Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ProgressFile = Annotated[
    Path | None, typer.Option(hidden=True, help="Keep in this file how far it is, for who started it.")
]
