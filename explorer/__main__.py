"""The command line: ``python -m explorer …``. What each command does is in ``explorer.cli``."""

import sys
from collections.abc import Callable

import typer

from explorer.cli.compare import compare
from explorer.cli.encode import encode
from explorer.cli.evaluate import evaluate
from explorer.cli.interpolate import interpolate
from explorer.cli.judge import judge
from explorer.cli.project import project
from explorer.cli.runs import runs
from explorer.cli.sample import sample
from explorer.cli.terminal import messages
from explorer.cli.train import train
from explorer.errors import ExplorerError

COMMANDS: tuple[Callable[..., None], ...] = (
    train,
    encode,
    project,
    evaluate,
    compare,
    sample,
    judge,
    interpolate,
    runs,
)
"""In the order in which ``--help`` lists them."""

app = typer.Typer(
    name="explorer",
    help="Train models of images and look into their latent spaces. The app itself: streamlit run explorer/app.py",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command line; what a person can put right is one sentence on stderr and exit status 1."""
    from explorer.jobs.processes import end_with_app, sleep_while_waiting

    end_with_app()
    sleep_while_waiting()
    try:
        app()
    except ExplorerError as error:
        messages.print(f"Error: {error}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
