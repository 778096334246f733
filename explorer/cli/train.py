"""``train``: a model from its first weights, or from where it was stopped, until its run can be looked into."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer import locations
from explorer.cli.encode import encode_run
from explorer.cli.new_run import make_run
from explorer.cli.options import with_options_of
from explorer.cli.parameters import Checkpoints, Download
from explorer.cli.project import project_run
from explorer.cli.terminal import duration, interruptible, messages, quiet_unless, training_bar
from explorer.errors import ConfigError, ProjectionError, TrainingError
from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.config import TrainingConfig
from explorer.runs.listing import open_run
from explorer.runs.live import Phase
from explorer.runs.presets import PRESETS
from explorer.runs.run import Run
from explorer.training.jobs import extended
from explorer.training.worker import Worker

if TYPE_CHECKING:
    from explorer.training.trainer import TrainingProgress


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
    download: Download = False,
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
        begun = _resumed(run, checkpoints, chosen["epochs"], worker) if run is not None and is_alone else None

        from explorer.data.catalogue import load_split
        from explorer.training.distributed import joined_world
        from explorer.training.trainer import Trainer

        with joined_world(device) as world, quiet_unless(world.is_first):

            def chosen_run() -> str:
                if run is not None:
                    return str((begun or _resumed(run, checkpoints, chosen["epochs"], worker)).path)
                made = make_run(data or "", name, preset_name, chosen, checkpoints, world.device, download=download)
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
                trainer.before_save = trainer.run.before_replacing = worker.check
                worker.begin(Phase.TRAINING, epoch=trainer.epoch + 1)
                reason = trainer.fit(lambda: is_interrupted() or worker.is_stop_requested())
        if world.is_first:
            _conclude(target, trainer.epoch, reason.value, worker)


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


def _resumed(reference: str, checkpoints: Path, epochs: int | None, worker: Worker) -> Run:
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
        encode_run(run, "test", None, download=False)
        if run.config.model.latent_dim > 1:
            worker.begin(Phase.PROJECTING)
            _project_if_it_can_be(run)
    worker.end(Phase.FINISHED)
    took = duration(sum(record["seconds"] for record in run.history()))
    messages.print(
        f"Trained {run.name} for {epoch} epochs in {took}. See it: streamlit run explorer/app.py", soft_wrap=True
    )


def _project_if_it_can_be(run: Run) -> None:
    """Project a run that was just trained; codes that have no projection are no reason to call training a failure."""
    try:
        project_run(run, "pca")
    except ProjectionError as error:
        messages.print(f"Note: {error}", soft_wrap=True)
