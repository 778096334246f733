"""The command line: ``python -m explorer …``. Thin: it reads arguments, calls the library, and prints.

Heavy packages are imported inside the commands, so that ``--help`` answers at once.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from explorer import locations
from explorer.errors import CheckpointError, ConfigError, ExplorerError, ProjectionError, TrainingError
from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig
from explorer.options import fields_of, first_problem_as_option, with_options_of
from explorer.runs.choices import as_in_origin
from explorer.runs.config import RunConfig, TrainingConfig, idle_choices, new_config
from explorer.runs.listing import free_name, list_runs, open_run
from explorer.runs.live import Phase
from explorer.runs.presets import PRESETS, preset
from explorer.runs.run import Run
from explorer.terminal import (
    duration,
    interruptible,
    messages,
    print_comparison,
    quiet_unless,
    spinner,
    stage_bar,
    training_bar,
)
from explorer.training.jobs import extended
from explorer.training.worker import Worker

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from explorer.analysis.density import CodeDensity
    from explorer.data.images import ImageSplit
    from explorer.progress import Stages
    from explorer.serving.comparing import Compared
    from explorer.serving.lineup import Lineup
    from explorer.training.trainer import TrainingProgress

app = typer.Typer(
    name="explorer",
    help="Train models of images and look into their latent spaces. The app itself: streamlit run explorer/app.py",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ENCODING_SECONDS = 8.0
"""What encoding a test set takes on two cores, torch loaded first: for a bar that moves."""

Reference = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or a path to its folder.")]
Checkpoints = Annotated[
    Path, typer.Option("--checkpoints", help="Folder of runs.", show_default=False, envvar="EXPLORER_CHECKPOINTS")
]


@app.command()
@with_options_of(
    ("Model", ModelConfig, {"image_shape", "n_classes"}),
    ("Training", TrainingConfig, {"data", "objective"}),
    ("Objective", ObjectiveConfig, set()),
)
def train(
    context: typer.Context,
    data: Annotated[str | None, typer.Option(help="Data set: digits, mnist, fashion-mnist, kmnist, …")] = None,
    run: Annotated[str | None, typer.Option(help="Go on with this run instead of making a new one.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the new run. (default: DATA-FAMILY-Ld, numbered if taken)")
    ] = None,
    preset_name: Annotated[
        str | None,
        typer.Option("--preset", help=f"Settings to start from: {', '.join(PRESETS)}. Options beside it go first."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not there.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard event files into tensorboard/ in the run folder.")
    ] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
    **chosen: Any,
) -> None:
    """Train a model, or go on with one. Ctrl+C stops it so that it can be gone on with."""
    if (run is None) == (data is None):
        given = "both were given: " if run else ""
        message = f"{given}give --data NAME for a new run, or --run RUN to go on with one"
        raise typer.BadParameter(message, param_hint="--data")
    if run is not None:
        _refuse_new_options(context)
    with Worker(partial(messages.print, soft_wrap=True, markup=False)) as worker:
        # Alone, at once: a second trainer is refused, and the start is seen, seconds before torch is loaded.
        is_alone = os.environ.get("WORLD_SIZE", "1") == "1"
        begun = _go_on_with(run, checkpoints, chosen["epochs"], worker) if run is not None and is_alone else None

        from explorer.data.catalogue import load_split
        from explorer.training.distributed import joined_world
        from explorer.training.trainer import Trainer

        with joined_world(device) as world, quiet_unless(world.is_first):

            def chosen_run() -> str:
                if run is not None:
                    return str((begun or _go_on_with(run, checkpoints, chosen["epochs"], worker)).path)
                made = _new_run(data or "", name, preset_name, chosen, checkpoints, world.device, download=download)
                worker.take(made)
                return str(made.path)

            target = Run(Path(world.from_first(chosen_run)))
            for caution in target.config.cautions():
                messages.print(f"Note: {caution}")
            training_set = load_split(target.config.training.data, "train", download=download)
            validation = load_split(target.config.training.data, "validation")
            with (
                training_bar(target.config) as (show, show_epoch),
                _event_files(target, wanted=tensorboard and world.is_first) as write_epoch,
                interruptible() as is_interrupted,
            ):

                def on_progress(progress: "TrainingProgress") -> None:
                    show(progress)
                    worker.report(progress)

                def on_epoch(record: dict[str, Any]) -> None:
                    show_epoch(record)
                    write_epoch(record)

                trainer = Trainer(
                    target, training_set, validation, world=world, on_progress=on_progress, on_epoch=on_epoch
                )
                trainer.before_save = worker.check
                worker.begin(Phase.TRAINING, epoch=trainer.epoch + 1)
                reason = trainer.fit(lambda: is_interrupted() or worker.is_stop_requested())
        if world.is_first:
            _conclude(target, trainer.epoch, reason.value, worker)


@app.command()
def encode(
    reference: Reference,
    split: Annotated[str, typer.Option(help="train, validation or test; the app uses test.")] = "test",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write a Parquet file here instead of into the run, or, without the suffix .parquet, a folder of "
            "parts: one for each process that torchrun starts."
        ),
    ] = None,
    progress: Annotated[
        Path | None, typer.Option(hidden=True, help="Keep in this file how far it is, for who started it.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not there.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Encode a split of the run's data set: codes, reconstruction error and KL of each image."""
    run = open_run(reference, checkpoints)
    if out is None and split != "test":
        raise typer.BadParameter(
            "only the test split is stored in the run; add --out FILE.parquet", param_hint="--split"
        )
    if out is not None and out.suffix not in ("", ".parquet"):
        raise typer.BadParameter(
            f"{out} is to be a Parquet file: end its name in .parquet; or, without a suffix, a folder of parts",
            param_hint="--out",
        )
    if progress is not None:
        from explorer.jobs import report_to
        from explorer.progress import Progress

        report_to(progress)(Progress(what="encoding the test images", fraction=0, until=1, seconds=ENCODING_SECONDS))
    if out is not None and not out.suffix:
        _encode_parts(run, split, out, download=download)
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise typer.BadParameter("several processes write a folder of parts: add --out FOLDER", param_hint="--out")
    else:
        _encode(run, split, out, download=download)


@app.command()
def project(
    reference: Reference,
    method: Annotated[
        str, typer.Option(help="pca (at once), pacmap (seconds), umap or tsne (minutes); the plane needs none.")
    ] = "pca",
    progress: Annotated[
        Path | None, typer.Option(hidden=True, help="Keep in this file how far it is, for who started it.")
    ] = None,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Project the encoded test set to two dimensions and store it with the run."""
    _project(open_run(reference, checkpoints), method, progress)


@app.command()
def evaluate(
    reference: Reference,
    iwae_samples: Annotated[int, typer.Option(help="Importance samples per image for log p(x).", min=1)] = 50,
    images: Annotated[int | None, typer.Option(help="Test images, from the first on. (default: all)", min=2)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Evaluate a run on its test set: the bound taken apart, log p(x), what codes carry, and what is wrong with it."""
    from dataclasses import asdict

    from explorer.analysis.diagnosis import diagnose
    from explorer.analysis.evaluation import evaluate as compute
    from explorer.data.catalogue import load_split

    run = open_run(reference, checkpoints)
    split = load_split(run.config.training.data, "test")
    split = split if images is None else split.head(images)
    with spinner(f"Evaluating {len(split):,} images with {iwae_samples} samples each"):
        evaluation = compute(run.model(), split, is_binary=run.config.is_binary, n_samples=iwae_samples)
    findings = diagnose(run.config.model, run.history(), evaluation, diverged_in=run.diverged_in())
    result = asdict(evaluation)
    if as_json:
        typer.echo(json.dumps(result | {"diagnosis": [asdict(finding) for finding in findings]}, indent=2))
        return
    _print_evaluation(result, is_given_class=run.config.model.n_classes is not None)
    for finding in findings:
        typer.echo(f"\n{finding.name}: {finding.evidence}\n  {finding.remedy}")
    if not findings:
        typer.echo("\nNothing wrong was found.")


@app.command()
def compare(
    references: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs; each is compared with the first.")],
    images: Annotated[int, typer.Option(help="Test images, from the first on.", min=2)] = 1000,
    iwae_samples: Annotated[int, typer.Option(help="Importance samples per image for the IWAE bound.", min=1)] = 50,
    out: Annotated[
        Path | None, typer.Option(help="Write the table here too: a .csv, .md, .tex (booktabs) or .json.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each metric what it is, and its source.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure runs anew whose measures are stored.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    progress: Annotated[
        Path | None, typer.Option(hidden=True, help="Keep in this file how far it is, for who started it.")
    ] = None,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Compare runs: codes, bound, samples and walks in one table, with intervals and differences to the first run."""
    from explorer.analysis.comparison_tables import check_suffix
    from explorer.runs.files import write_atomically
    from explorer.serving.comparing import as_json as as_dictionary
    from explorer.serving.comparing import comparison_bytes
    from explorer.serving.lineup import Lineup

    if out is not None:
        check_suffix(out.suffix.lower())
    runs = [open_run(reference, checkpoints) for reference in references]
    found = _compared(runs, Lineup(checkpoints, n_images=images, n_samples=iwae_samples), progress, is_again=again)
    if out is not None:
        write_atomically(out, comparison_bytes(found.comparison, out.suffix.lower()))
        messages.print(f"Compared {len(runs)} runs -> {out}", soft_wrap=True, markup=False)
    if as_json:
        typer.echo(json.dumps(as_dictionary(found.comparison), indent=2))
    else:
        print_comparison(found.comparison, is_explained=explain)
    for note in (*found.unread, *found.unstored):
        messages.print(f"Note: {note}", soft_wrap=True, markup=False)
    if found.unstored and progress is not None:  # the app, which started it, looks for it in the runs
        raise CheckpointError(" ".join(found.unstored))


@app.command()
def sample(
    reference: Reference,
    out: Annotated[Path, typer.Option(help="A .png grid, or an .npz with images, codes and labels.")],
    n: Annotated[int, typer.Option("--n", help="Images.", min=1, max=10_000)] = 64,
    label: Annotated[int | None, typer.Option(help="Class, for a cvae. (default: all in turn)", min=0)] = None,
    density: Annotated[
        str | None,
        typer.Option(
            help="What codes are drawn from: prior, or a density fitted to the training codes: gaussian, mixture or "
            "kde. (default: prior; gaussian for an ae)"
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Scale of a normal prior's noise; 1 is the prior.", min=0)] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the noise.", min=0)] = 0,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Generate images, from the prior or from a density fitted to the codes of the training images."""
    from explorer.analysis.coding import decode_codes
    from explorer.analysis.density import KINDS
    from explorer.analysis.generation import prior_codes
    from explorer.runs.tables import write_images

    run = open_run(reference, checkpoints)
    labels, model = _labels_to_sample(run, n, label), run.model()
    chosen = density or ("prior" if run.config.model.has_prior else "gaussian")
    if chosen not in {"prior", *KINDS}:
        raise ConfigError(f"There is no density {chosen!r}: use one of prior, {', '.join(KINDS)}.")
    if chosen == "prior":
        codes = prior_codes(model, n, seed=seed, temperature=temperature, labels=labels)
    elif temperature != 1:
        raise ConfigError(f"A {chosen} density of codes has no temperature: leave out --temperature {temperature:g}.")
    elif seed >= 2**32:
        raise ConfigError(f"A seed of {seed} is too large for a density of codes: use one below {2**32}.")
    else:
        codes = _density_of_codes(run, chosen).sample(n, seed=seed)
    write_images(out, decode_codes(model, codes, labels), codes, labels)
    of = "" if labels is None else f" of class {label}" if label is not None else " of all classes in turn"
    messages.print(f"Drew {n} codes{of} from the {chosen} with seed {seed} -> {out}", soft_wrap=True)


@app.command()
def judge(
    data: Annotated[str, typer.Option(help="Data set whose classes it is to tell apart: digits, mnist, …")],
    seed: Annotated[int, typer.Option(help="Of its first weights and of the order of images.", min=0)] = 0,
    again: Annotated[bool, typer.Option("--again", help="Train it although there is one.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    progress: Annotated[
        Path | None, typer.Option(hidden=True, help="Keep in this file how far it is, for who started it.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not there.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Train the judge of a data set: the small classifier that says which class a generated image looks like."""
    from explorer.data.catalogue import data_set
    from explorer.runs.judges import find_judge, read_facts

    path = find_judge(data_set(data).name, checkpoints)
    if path is None or again:
        path = _trained_judge(data, seed, checkpoints, progress, download=download)
    else:
        messages.print(f"There is one already; --again trains it anew: {path}", soft_wrap=True)
    facts = read_facts(path)
    if as_json:
        typer.echo(
            json.dumps(facts.model_dump(mode="json") | {"accuracy": facts.accuracy, "path": str(path)}, indent=2)
        )
        return
    typer.echo(
        f"The judge of {data} is right on {facts.accuracy:.2%} of {facts.n_test:,} test images "
        f"({facts.epochs} epochs, {facts.seconds:.0f} s, seed {facts.seed}) -> {path}"
    )


@app.command()
def interpolate(
    reference: Reference,
    first: Annotated[int, typer.Option("--from", metavar="ROW", help="Test image to start from.", min=0)],
    last: Annotated[int, typer.Option("--to", metavar="ROW", help="Test image to end at.", min=0)],
    out: Annotated[Path, typer.Option(help="A .gif, .webp or .mp4, a .png strip, or an .npz with images and codes.")],
    kind: Annotated[
        str,
        typer.Option(
            "--path",
            help="linear, spherical (around the origin), geodesic (of the decoder: its image changes least) or data "
            "(through encoded images).",
        ),
    ] = "linear",
    frames: Annotated[int, typer.Option(help="Images from end to end.", min=2, max=1000)] = 16,
    label: Annotated[int | None, typer.Option(help="Class, for a cvae. (default: the first image's)", min=0)] = None,
    overshoot: Annotated[
        float, typer.Option(help="Go on beyond each end, by this share of the path.", min=0, max=1)
    ] = 0.0,
    constant_speed: Annotated[
        bool, typer.Option("--constant-speed", help="Change the image equally from each frame to the next.")
    ] = False,
    fps: Annotated[float, typer.Option(help="Frames a second.", min=1, max=50)] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is told of the path as JSON.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Walk from one encoded image to another, and write what the decoder makes on the way."""
    from explorer.serving.atlas import LoadedRun
    from explorer.serving.interpolation import PathChoice, check_suffix, interpolate_rows, write_interpolation

    check_suffix(out.suffix.lower())
    choice = PathChoice(kind=kind, n_frames=frames, overshoot=overshoot, label=label, is_constant_speed=constant_speed)
    with spinner(f"Walking the {kind} path"):
        found = interpolate_rows(LoadedRun(open_run(reference, checkpoints)), first, last, choice)
        write_interpolation(out, found, fps=fps)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    messages.print(f"{found.in_words()} -> {out}", soft_wrap=True, markup=False)


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


def main() -> None:
    """Run the command line; what a person can mend is one sentence on stderr and exit status 1."""
    from explorer.processes import end_with_app, sleep_while_waiting

    end_with_app()
    sleep_while_waiting()
    try:
        app()
    except ExplorerError as error:
        messages.print(f"Error: {error}", soft_wrap=True, markup=False)
        sys.exit(1)


@contextmanager
def _event_files(run: Run, *, wanted: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield what writes an epoch's record for TensorBoard, or does nothing where it is not wanted."""
    if not wanted:
        yield lambda _: None
        return
    from explorer.training.tensorboard import EventFiles

    files = EventFiles(run)
    try:
        yield files.write
    finally:
        files.close()


def _print_evaluation(result: dict[str, Any], *, is_given_class: bool) -> None:
    """Print each figure with a line on it, and what there is not once with its reason."""
    from explorer.analysis.evaluation import EXPLAINED

    reasons = result.pop("reasons")
    for name, value in result.items():
        if value is not None:
            about = EXPLAINED[name].replace("p(x)", "p(x|y)") if is_given_class else EXPLAINED[name]
            typer.echo(f"{name:<28}{_shown(value):<12}{about}")
    for reason in dict.fromkeys(reasons.values()):
        names = ", ".join(name for name in reasons if reasons[name] == reason)
        typer.echo(f"\nNone: {names}\n  {reason}")


def _shown(value: float | list[float]) -> str:
    if isinstance(value, list):
        return " ".join(f"{number:.2f}" for number in value)
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _labels_to_sample(run: Run, n: int, label: int | None) -> "NDArray[np.int64] | None":
    import numpy as np

    n_classes = run.config.model.n_classes
    if n_classes is None:
        if label is not None:
            raise ConfigError(f"{run.name} was trained without classes: leave out --label, or sample a cvae.")
        return None
    if label is not None and label >= n_classes:
        raise ConfigError(f"Class {label} does not exist in {run.name}: use 0 to {n_classes - 1}.")
    return np.arange(n) % n_classes if label is None else np.full(n, label)


def _density_of_codes(run: Run, kind: str) -> "CodeDensity":
    from explorer.analysis.coding import encode_split
    from explorer.analysis.density import CodeDensity
    from explorer.data.catalogue import load_split

    if run.config.model.prior == "conditional":
        raise ConfigError(f"The codes of {run.name} depend on the class, by its prior: sample it with --density prior.")
    with spinner(f"Fitting a {kind} density to the codes of the training images"):
        split = load_split(run.config.training.data, "train")
        encoded = encode_split(run.model(), split, is_binary=run.config.is_binary, fingerprint=run.fingerprint())
        return CodeDensity(encoded.mu, kind)


def _compared(runs: list[Run], lineup: "Lineup", progress: Path | None, *, is_again: bool) -> "Compared":
    from explorer.jobs import report_to
    from explorer.serving.comparing import measured_comparison

    if progress is not None:  # a job of the app: to cancel it is to end it at once, and files are written whole
        found = measured_comparison(runs, lineup, is_again=is_again, on_progress=report_to(progress))
    else:
        with interruptible() as is_interrupted, stage_bar() as show:
            found = measured_comparison(runs, lineup, is_again=is_again, on_progress=show, stop=is_interrupted)
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


def _trained_judge(data: str, seed: int, checkpoints: Path, progress: Path | None, *, download: bool) -> Path:
    from explorer.data.catalogue import load_split
    from explorer.jobs import report_to
    from explorer.progress import Progress
    from explorer.runs.judges import save_judge
    from explorer.training.judging import train_judge

    report = (lambda _: None) if progress is None else report_to(progress)
    report(Progress(what="reading the images", fraction=0, until=0))
    train, test = (load_split(data, part, download=download) for part in ("train", "test"))
    with interruptible() as is_interrupted, spinner(f"Training the judge of {data} on {len(train):,} images"):
        trained = train_judge(train, test, seed=seed, on_progress=report, stop=is_interrupted)
    if trained is None:
        raise TrainingError(f"The judge of {data} was stopped before it was trained; nothing was stored.")
    return save_judge(checkpoints, trained)


def _new_run(
    data: str,
    name: str | None,
    preset_name: str | None,
    chosen: dict[str, Any],
    checkpoints: Path,
    device: "torch.device",
    *,
    download: bool,
) -> Run:
    """Make the folder of a new run, with its first weights."""
    from explorer.data.catalogue import load_split
    from explorer.training.creation import create_run

    training_set = load_split(data, "train", download=download)
    config = _new_config(training_set, preset_name, _like_the_origin(chosen, checkpoints))
    default_name = f"{data}-{config.model.family}-{config.model.latent_dim}d"
    chosen_name = free_name(default_name, checkpoints) if name is None else name
    made = create_run(checkpoints, chosen_name, config, training_set, device)
    for idle in idle_choices(config, {field for field, value in chosen.items() if value is not None}):
        messages.print(f"Note: {idle}")
    return made


def _new_config(split: "ImageSplit", preset_name: str | None, chosen: Mapping[str, Any]) -> RunConfig:
    model, training, objective = (
        {name: value for name, value in fields_of(config, chosen).items() if value is not None}
        for config in (ModelConfig, TrainingConfig, ObjectiveConfig)
    )
    if preset_name is not None:
        published = preset(preset_name)
        model, objective = published.model | model, published.training.get("objective", {}) | objective
        training = published.training | training
    try:
        return new_config(
            split.name, split.image_shape, split.n_classes, model=model, training=training | {"objective": objective}
        )
    except ValidationError as error:
        raise ConfigError(f"This run cannot be made: {first_problem_as_option(error)}") from error


def _like_the_origin(chosen: dict[str, Any], checkpoints: Path) -> dict[str, Any]:
    """Make a decoder that another run has trained as it was there, where a person does not say otherwise."""
    if chosen["decoder_from"] is None:
        return chosen
    origin = open_run(chosen["decoder_from"], checkpoints).config.model
    same = as_in_origin(origin)
    same["hidden"] = ",".join(str(width) for width in origin.hidden)
    return chosen | {name: value for name, value in same.items() if chosen[name] is None}


def _go_on_with(reference: str, checkpoints: Path, epochs: int | None, worker: Worker) -> Run:
    """Return the run to go on with, taken by ``worker`` before anything in it is changed."""
    run = open_run(reference, checkpoints)
    if run.is_finished():
        raise ConfigError(
            f"{run.name} is finished, and what it would go on from (state.safetensors) is not here. "
            "Train a new run with --name."
        )
    changed = None if epochs is None else extended(run, epochs)
    worker.take(run)
    if changed is not None:
        run.save_config(changed)
    return run


def _refuse_new_options(context: typer.Context) -> None:
    """Refuse options that describe a new run beside --run: they would change nothing."""
    allowed = {"run", "epochs", "device", "download", "tensorboard", "checkpoints"}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    wrong = sorted(f"--{name.removesuffix('_name').replace('_', '-')}" for name in given if name not in allowed)
    if wrong:
        raise typer.BadParameter(
            f"{', '.join(wrong)} cannot change a run that exists; make a new one", param_hint="--run"
        )


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


def _encode_parts(run: Run, split: str, folder: Path, *, download: bool) -> None:
    """Encode this process's shard of a split and write it as its part of ``folder``."""
    from explorer.analysis.coding import encode_split, shard_rows
    from explorer.data.catalogue import load_split
    from explorer.runs.tables import part_path, write_codes
    from explorer.training.distributed import joined_world

    with joined_world("cpu") as world, quiet_unless(world.is_first):
        with spinner(f"Encoding the {split} split of {run.config.training.data}"):
            images = load_split(run.config.training.data, split, download=download)
            rows = shard_rows(len(images), world.rank, world.size)
            encoded = encode_split(
                run.model(), images, is_binary=run.config.is_binary, fingerprint=run.fingerprint(), rows=rows
            )
            write_codes(part_path(folder, world.rank, world.size), encoded, first_row=rows.start)
        # Whoever reads on when this command ends finds all parts.
        world.any(False)
        messages.print(f"Encoded {len(images):,} images -> {world.size} parts in {folder}", soft_wrap=True)


def _project(run: Run, method: str, progress: Path | None = None) -> None:
    if not run.config.model.can_encode:
        raise ConfigError(f"{run.name} is a gan: it has no encoder, so there are no codes of images to project.")
    encoded = run.encoded()
    if encoded is None:
        raise ConfigError(f"{run.name} has no encoded test set. First run: python -m explorer encode {run.name}")
    stages = _stages_for(method, len(encoded), progress)
    with spinner(f"Projecting {len(encoded):,} codes by {method}"):
        from explorer.analysis.projections import MEASURING, measured
        from explorer.analysis.projections import project as compute

        projection = compute(encoded, method, stages)
        if stages is not None:
            stages.begin(MEASURING)
        projection = measured(projection, encoded)
        run.save_projection(projection)
    quality = projection.quality
    believed = "" if quality is None else f"; trustworthiness {quality.trustworthiness:.3f}"
    if quality is not None and not projection.exact:
        believed += f", round trip {quality.round_trip:.1%} of the map's radius"
    messages.print(
        f"Projected by {method} in {projection.seconds:.2f} s: {', '.join(projection.axis_names)}{believed}",
        soft_wrap=True,
    )


def _stages_for(method: str, n_codes: int, progress: Path | None) -> "Stages | None":
    """Return what writes into ``progress`` how far a slow method is; None without a file or for a quick one."""
    from explorer.analysis.projections import SLOW, stages_of
    from explorer.jobs import report_to

    return None if progress is None or method not in SLOW else stages_of(method, n_codes, report_to(progress))


def _project_if_it_can_be(run: Run) -> None:
    """Project a run that was just trained; codes that have no projection are no reason to call training a failure."""
    try:
        _project(run, "pca")
    except ProjectionError as error:
        messages.print(f"Note: {error}", soft_wrap=True)


def _conclude(run: Run, epoch: int, reason: str, worker: Worker) -> None:
    if reason == "stopped":
        worker.end(Phase.STOPPED)
        messages.print(
            f"Stopped in epoch {epoch + 1}; saved. Go on: python -m explorer train --run {run.name}", soft_wrap=True
        )
        return
    if reason == "diverged":
        problem = (
            f"The objective of {run.name} is no longer a number (epoch {epoch + 1}); the run keeps its last good "
            f"state, epoch {epoch}. Train again with --learning-rate below "
            f"{run.config.training.learning_rate:g}, or with --max-gradient-norm 20."
        )
        worker.end(Phase.DIVERGED, problem)
        raise TrainingError(problem)
    if run.config.model.can_encode:
        worker.begin(Phase.ENCODING)
        _encode(run, "test", None, download=False)
        if run.config.model.latent_dim > 1:
            worker.begin(Phase.PROJECTING)
            _project_if_it_can_be(run)
    worker.end(Phase.FINISHED)
    took = duration(sum(record["seconds"] for record in run.history()))
    messages.print(
        f"Trained {run.name} for {epoch} epochs in {took}. See it: streamlit run explorer/app.py", soft_wrap=True
    )


if __name__ == "__main__":
    main()
