"""The command line: ``python -m explorer …``. Thin: it reads arguments, calls the library, and prints.

Heavy packages are imported inside the commands, so that ``--help`` answers at once.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from explorer import locations
from explorer.errors import ConfigError, ExplorerError
from explorer.runs.config import RunConfig, TrainingConfig
from explorer.runs.run import Run, check_name, first_problem, list_runs, open_run

app = typer.Typer(
    name="explorer",
    help="Train models of images and look into their latent spaces. The app itself: streamlit run explorer/app.py",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
messages = Console(stderr=True, highlight=False)

Reference = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or a path to its folder.")]
Checkpoints = Annotated[
    Path, typer.Option("--checkpoints", help="Folder of runs.", show_default=False, envvar="EXPLORER_CHECKPOINTS")
]
HIDDEN = {"dense": (512, 256), "conv": (32, 64, 128)}


@app.command()
def train(
    data: Annotated[str | None, typer.Option(help="Data set: digits, mnist, fashion-mnist, kmnist, …")] = None,
    run: Annotated[str | None, typer.Option(help="Go on with this run instead of making a new one.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new run. [default: DATA-FAMILY-Ld]")] = None,
    family: Annotated[str, typer.Option(help="vae, cvae or ae.")] = "vae",
    latent_dim: Annotated[int, typer.Option(help="Latent dimensions.")] = 2,
    network: Annotated[str, typer.Option(help="dense or conv.")] = "dense",
    hidden: Annotated[
        str | None, typer.Option(help="Widths from image to code. [default: 512,256 dense; 32,64,128 conv]")
    ] = None,
    activation: Annotated[str, typer.Option(help="relu or tanh.")] = "relu",
    likelihood: Annotated[
        str | None,
        typer.Option(help="bernoulli, continuous-bernoulli or gaussian. [default: bernoulli; for an ae gaussian]"),
    ] = None,
    sigma: Annotated[float, typer.Option(help="Deviation of the gaussian; the default is a squared error.")] = 0.5**0.5,
    binarisation: Annotated[
        str | None,
        typer.Option(help="none, fixed or per-presentation. [default: per-presentation for bernoulli, else none]"),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data. [default: 20]")] = None,
    batch_size: Annotated[int, typer.Option(help="Images per step.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Step size of Adam.")] = 1e-3,
    schedule: Annotated[str, typer.Option(help="constant, or cosine: falls to zero at the last step.")] = "constant",
    beta: Annotated[float, typer.Option(help="Weight of the KL term; below 1 the objective is no bound.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Fixes weights, order and noise.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not there.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Train a model, or go on with one. Ctrl+C stops it so that it can be gone on with."""
    from explorer.data.catalogue import load_split
    from explorer.training.trainer import Trainer, initial_model

    if (run is None) == (data is None):
        raise typer.BadParameter("give --data NAME for a new run, or --run RUN to go on with one", param_hint="--data")
    if run is not None:
        target = open_run(run, checkpoints)
        if epochs is not None:
            _extend(target, epochs)
        training_set = load_split(target.config.training.data, "train", download=download)
    else:
        assert data is not None
        training_set = load_split(data, "train", download=download)
        widths = _widths(hidden) or HIDDEN.get(network, HIDDEN["dense"])
        likelihood = likelihood or ("gaussian" if family == "ae" else "bernoulli")
        config = _checked_config(
            model={
                "family": family,
                "image_shape": training_set.image_shape,
                "latent_dim": latent_dim,
                "network": network,
                "hidden": widths,
                "activation": activation,
                "likelihood": likelihood,
                "sigma": sigma,
                "n_classes": training_set.n_classes if family == "cvae" else None,
            },
            training={
                "data": data,
                "epochs": 20 if epochs is None else epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "schedule": schedule,
                "seed": seed,
                "binarisation": binarisation or ("per-presentation" if likelihood == "bernoulli" else "none"),
                "objective": {"beta": beta},
            },
        )
        path = checkpoints / check_name(name or f"{data}-{family}-{latent_dim}d")
        target = Run.create(path, config, initial_model(config, training_set).state_dict())
    for caution in target.config.cautions():
        messages.print(f"Note: {caution}")
    validation = load_split(target.config.training.data, "validation")
    with _training_bar(target) as (on_progress, on_epoch), _interruptible() as stop:
        trainer = Trainer(target, training_set, validation, device=device, on_progress=on_progress, on_epoch=on_epoch)
        reason = trainer.fit(stop)
    _conclude(target, trainer.epoch, reason.value)


@app.command()
def encode(
    reference: Reference,
    split: Annotated[str, typer.Option(help="train, validation or test; the app uses test.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Write a Parquet file here instead of into the run.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not there.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Encode a split of the run's data set: codes, reconstruction error and KL of each image."""
    from explorer.analysis.coding import encode_split
    from explorer.data.catalogue import load_split
    from explorer.runs.tables import write_codes

    run = open_run(reference, checkpoints)
    if out is None and split != "test":
        raise typer.BadParameter(
            "only the test split is stored in the run; add --out FILE.parquet", param_hint="--split"
        )
    with _spinner(f"Encoding the {split} split of {run.config.training.data}"):
        images = load_split(run.config.training.data, split, download=download)
        encoded = encode_split(run.model(), images, is_binary=run.config.is_binary, fingerprint=run.fingerprint())
        if out is None:
            run.save_encoded(encoded)
        else:
            write_codes(out, encoded)
    elbo = encoded.elbo()
    bound = f", {split} ELBO {elbo:.2f} nats" if elbo is not None else ""
    messages.print(f"Encoded {len(encoded):,} images{bound} -> {out or run.path / 'encoded.safetensors'}")


@app.command()
def project(
    reference: Reference,
    method: Annotated[str, typer.Option(help="pca (the latent plane needs no computation).")] = "pca",
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Project the encoded test set to two dimensions and store it with the run."""
    from explorer.analysis.projections import project as compute

    run = open_run(reference, checkpoints)
    encoded = run.encoded()
    if encoded is None:
        raise ConfigError(f"{run.name} has no encoded test set. First run: python -m explorer encode {run.name}")
    with _spinner(f"Projecting {len(encoded):,} codes by {method}"):
        projection = compute(encoded, method)
        run.save_projection(projection)
    messages.print(f"Projected by {method} in {projection.seconds:.2f} s: {', '.join(projection.axis_names)}")


@app.command()
def runs(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
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
    table = Table("run", "family", "data", "latent", "test ELBO (nats)", "projections", box=None, pad_edge=False)
    for row in rows:
        if row["error"]:
            table.add_row(row["name"], f"[red]damaged[/]: {row['error']}")
        else:
            elbo = "none: no p(x)" if row["family"] == "ae" else "" if row["elbo"] is None else f"{row['elbo']:.2f}"
            table.add_row(
                row["name"], row["family"], row["data"], str(row["latent_dim"]), elbo, ", ".join(row["projections"])
            )
    Console().print(table)


def main() -> None:
    """Run the command line; what a person can mend is one sentence on stderr and exit status 1."""
    try:
        app()
    except ExplorerError as error:
        messages.print(f"Error: {error}", soft_wrap=True, markup=False)
        sys.exit(1)


def _checked_config(**parts: Any) -> RunConfig:
    try:
        return RunConfig.model_validate(parts)
    except ValidationError as error:
        raise ConfigError(f"This run cannot be made: {first_problem(error)}") from error


def _widths(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a list of widths such as 512,256", param_hint="--hidden") from error


def _extend(run: Run, epochs: int) -> None:
    training = run.config.training
    if epochs != training.epochs and training.schedule != "constant":
        raise ConfigError(
            f"{run.name} lowers its step size to zero over {training.epochs} epochs; it cannot become {epochs}. "
            "Make a new run."
        )
    changed = TrainingConfig.model_validate(training.model_dump() | {"epochs": epochs})
    run.save_config(run.config.model_copy(update={"training": changed}))


@contextmanager
def _training_bar(run: Run) -> Iterator[tuple[Any, Any]]:
    """Show a bar an epoch, and print a line after each; yields what the trainer calls for progress and epochs."""
    from explorer.training.trainer import TrainingProgress

    n_epochs = run.config.training.epochs
    kind = "log p(x|z)" if run.config.model.family == "ae" else "ELBO"
    columns = [
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    ]
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("starting", total=None, epoch=1, epochs=n_epochs)

        def on_progress(progress: TrainingProgress) -> None:
            bar.update(
                task,
                completed=progress.step,
                total=progress.steps_per_epoch,
                epoch=progress.epoch,
                description=f"{kind} {progress.objective:.1f}  {progress.images_per_second:,.0f} images/s  "
                f"{_duration(progress.seconds_left)} left",
            )

        def on_epoch(record: dict[str, Any]) -> None:
            messages.print(
                f"epoch {record['epoch']:>3}  {kind} train {record['train']['objective']:.2f}  "
                f"validation {record['validation']['objective']:.2f}  KL {record['validation']['kl']:.2f} nats  "
                f"{record['seconds']:.1f} s"
            )

        yield on_progress, on_epoch


@contextmanager
def _interruptible() -> Iterator[Any]:
    """Turn Ctrl+C and a polite kill into a request to stop; yields the function that says whether one came."""
    requested = threading.Event()
    previous = {number: signal.signal(number, lambda *_: requested.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _spinner(what: str) -> Iterator[None]:
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=messages, transient=True) as bar:
        bar.add_task(what, total=None)
        yield


def _conclude(run: Run, epoch: int, reason: str) -> None:
    if reason == "stopped":
        messages.print(f"Stopped in epoch {epoch + 1}; saved. Go on: python -m explorer train --run {run.name}")
        raise typer.Exit(0)
    if reason == "diverged":
        raise ConfigError(
            f"The objective of {run.name} is no longer a number (epoch {epoch + 1}); the run keeps its last good "
            f"state, epoch {epoch}. Train again with --learning-rate below {run.config.training.learning_rate:g}."
        )
    encode(run.path.as_posix(), "test", None, False, run.path.parent)
    if run.config.model.latent_dim > 1:
        project(run.path.as_posix(), "pca", run.path.parent)
    took = _duration(sum(record["seconds"] for record in run.history()))
    messages.print(f"Trained {run.name} for {epoch} epochs in {took}. See it: streamlit run explorer/app.py")


def _duration(seconds: float) -> str:
    return time.strftime("%H:%M:%S" if seconds >= 3600 else "%M:%S", time.gmtime(seconds))


if __name__ == "__main__":
    main()
