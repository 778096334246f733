"""The command line: ``python -m explorer …``. Thin: it reads arguments, calls the library, and prints.

Heavy packages are imported inside the commands, so that ``--help`` answers at once.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from explorer import locations
from explorer.errors import ConfigError, ExplorerError, TrainingError
from explorer.runs.config import RunConfig, TrainingConfig, new_config
from explorer.runs.run import Run, check_name, first_problem, free_name, list_runs, open_run
from explorer.terminal import duration, interruptible, messages, spinner, training_bar

if TYPE_CHECKING:
    from explorer.data.images import ImageSplit

app = typer.Typer(
    name="explorer",
    help="Train models of images and look into their latent spaces. The app itself: streamlit run explorer/app.py",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Reference = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or a path to its folder.")]
Checkpoints = Annotated[
    Path, typer.Option("--checkpoints", help="Folder of runs.", show_default=False, envvar="EXPLORER_CHECKPOINTS")
]


@app.command()
def train(
    context: typer.Context,
    data: Annotated[str | None, typer.Option(help="Data set: digits, mnist, fashion-mnist, kmnist, …")] = None,
    run: Annotated[str | None, typer.Option(help="Go on with this run instead of making a new one.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the new run. (default: DATA-FAMILY-Ld, numbered if taken)")
    ] = None,
    family: Annotated[str, typer.Option(help="vae, cvae or ae.")] = "vae",
    latent_dim: Annotated[int, typer.Option(help="Latent dimensions.")] = 2,
    network: Annotated[str, typer.Option(help="dense or conv.")] = "dense",
    hidden: Annotated[
        str | None, typer.Option(help="Widths from image to code. (default: 512,256 dense; 32,64,128 conv)")
    ] = None,
    activation: Annotated[str, typer.Option(help="relu or tanh.")] = "relu",
    likelihood: Annotated[
        str | None,
        typer.Option(help="bernoulli, continuous-bernoulli or gaussian. (default: bernoulli; gaussian for an ae)"),
    ] = None,
    sigma: Annotated[
        float, typer.Option(help="Deviation of the gaussian. (default: sqrt(1/2), a squared error)", show_default=False)
    ] = 0.5**0.5,
    binarisation: Annotated[
        str | None,
        typer.Option(help="none, fixed or per-presentation. (default: per-presentation for bernoulli, else none)"),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data. (default: 20)")] = None,
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
    from explorer.training.trainer import Trainer, initial_model, usable_device

    if (run is None) == (data is None):
        raise typer.BadParameter("give --data NAME for a new run, or --run RUN to go on with one", param_hint="--data")
    usable_device(device)
    if run is not None:
        _refuse_new_options(context)
        target = open_run(run, checkpoints)
        if target.is_finished():
            raise ConfigError(
                f"{target.name} is finished, and what it would go on from (state.safetensors) is not here. "
                "Train a new run with --name."
            )
        if epochs is not None:
            _extend(target, epochs)
        training_set = load_split(target.config.training.data, "train", download=download)
    else:
        training_set = load_split(data or "", "train", download=download)
        config = _new_config(
            training_set,
            model={
                "family": family,
                "latent_dim": latent_dim,
                "network": network,
                "hidden": _widths(hidden),
                "activation": activation,
                "likelihood": likelihood,
                "sigma": sigma,
            },
            training={
                "epochs": epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "schedule": schedule,
                "seed": seed,
                "binarisation": binarisation,
                "objective": {"beta": beta},
            },
        )
        path = checkpoints / check_name(name or free_name(f"{data}-{family}-{latent_dim}d", checkpoints))
        target = Run.create(path, config, initial_model(config, training_set).state_dict())
    for caution in target.config.cautions():
        messages.print(f"Note: {caution}")
    validation = load_split(target.config.training.data, "validation")
    with training_bar(target.config) as (on_progress, on_epoch), interruptible() as stop:
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
    run = open_run(reference, checkpoints)
    if out is None and split != "test":
        raise typer.BadParameter(
            "only the test split is stored in the run; add --out FILE.parquet", param_hint="--split"
        )
    _encode(run, split, out, download=download)


@app.command()
def project(
    reference: Reference,
    method: Annotated[str, typer.Option(help="pca (the latent plane needs no computation).")] = "pca",
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Project the encoded test set to two dimensions and store it with the run."""
    _project(open_run(reference, checkpoints), method)


@app.command()
def evaluate(
    reference: Reference,
    iwae_samples: Annotated[int, typer.Option(help="Importance samples per image for log p(x).", min=1)] = 50,
    images: Annotated[int | None, typer.Option(help="Test images, from the first on. (default: all)", min=2)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Evaluate a run on its test set: the bound taken apart, log p(x), active units, mutual information."""
    from dataclasses import asdict

    from explorer.analysis.evaluation import evaluate as compute
    from explorer.data.catalogue import load_split

    run = open_run(reference, checkpoints)
    split = load_split(run.config.training.data, "test")
    split = split if images is None else split.head(images)
    with spinner(f"Evaluating {len(split):,} images with {iwae_samples} samples each"):
        result = asdict(compute(run.model(), split, is_binary=run.config.is_binary, n_samples=iwae_samples))
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    reasons = result.pop("reasons")
    for name, value in result.items():
        shown = f"none: {reasons.get(name, 'see above')}" if value is None else _shown(value)
        typer.echo(f"{name:<28}{shown}")


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
            table.add_row(row["name"], Text(f"damaged: {row['error']}", style="red"))
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


def _shown(value: float | list[float]) -> str:
    if isinstance(value, list):
        return " ".join(f"{number:.2f}" for number in value)
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _new_config(split: "ImageSplit", model: dict[str, object], training: dict[str, object]) -> RunConfig:
    try:
        return new_config(split.name, split.image_shape, split.n_classes, model=model, training=training)
    except ValidationError as error:
        raise ConfigError(f"This run cannot be made: {first_problem(error)}") from error


def _widths(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a list of widths such as 512,256", param_hint="--hidden") from error


def _refuse_new_options(context: typer.Context) -> None:
    """Refuse options that describe a new run beside --run: they would change nothing."""
    allowed = {"run", "epochs", "device", "download", "checkpoints"}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    wrong = sorted(f"--{name.replace('_', '-')}" for name in given if name not in allowed)
    if wrong:
        raise typer.BadParameter(
            f"{', '.join(wrong)} cannot change a run that exists; make a new one", param_hint="--run"
        )


def _extend(run: Run, epochs: int) -> None:
    training = run.config.training
    if epochs != training.epochs and training.schedule != "constant":
        raise ConfigError(
            f"{run.name} lowers its step size to zero over {training.epochs} epochs; it cannot become {epochs}. "
            "Make a new run."
        )
    try:
        changed = TrainingConfig.model_validate(training.model_dump() | {"epochs": epochs})
    except ValidationError as error:
        raise ConfigError(f"{run.name} cannot go on so: {first_problem(error)}") from error
    run.save_config(run.config.model_copy(update={"training": changed}))


def _encode(run: Run, split: str, out: Path | None, *, download: bool) -> None:
    from explorer.analysis.coding import encode_split
    from explorer.data.catalogue import load_split
    from explorer.runs.tables import write_codes

    with spinner(f"Encoding the {split} split of {run.config.training.data}"):
        images = load_split(run.config.training.data, split, download=download)
        encoded = encode_split(run.model(), images, is_binary=run.config.is_binary, fingerprint=run.fingerprint())
        if out is None:
            run.save_encoded(encoded)
        else:
            write_codes(out, encoded)
    elbo = encoded.elbo()
    bound = f", {split} ELBO {elbo:.2f} nats" if elbo is not None else ""
    messages.print(
        f"Encoded {len(encoded):,} images{bound} -> {out or run.path / 'encoded.safetensors'}", soft_wrap=True
    )


def _project(run: Run, method: str) -> None:
    from explorer.analysis.projections import project as compute

    encoded = run.encoded()
    if encoded is None:
        raise ConfigError(f"{run.name} has no encoded test set. First run: python -m explorer encode {run.name}")
    with spinner(f"Projecting {len(encoded):,} codes by {method}"):
        projection = compute(encoded, method)
        run.save_projection(projection)
    messages.print(f"Projected by {method} in {projection.seconds:.2f} s: {', '.join(projection.axis_names)}")


def _conclude(run: Run, epoch: int, reason: str) -> None:
    if reason == "stopped":
        messages.print(
            f"Stopped in epoch {epoch + 1}; saved. Go on: python -m explorer train --run {run.name}", soft_wrap=True
        )
        return
    if reason == "diverged":
        raise TrainingError(
            f"The objective of {run.name} is no longer a number (epoch {epoch + 1}); the run keeps its last good "
            f"state, epoch {epoch}. Train again with --learning-rate below {run.config.training.learning_rate:g}."
        )
    _encode(run, "test", None, download=False)
    if run.config.model.latent_dim > 1:
        _project(run, "pca")
    took = duration(sum(record["seconds"] for record in run.history()))
    messages.print(
        f"Trained {run.name} for {epoch} epochs in {took}. See it: streamlit run explorer/app.py", soft_wrap=True
    )


if __name__ == "__main__":
    main()
