"""``judge``: the classifier of a data set that says which class a generated image looks like."""

from pathlib import Path
from typing import Annotated

import typer

from explorer import locations
from explorer.cli.parameters import AsJson, Checkpoints, Download, ProgressFile
from explorer.cli.terminal import interruptible, messages, spinner
from explorer.errors import TrainingError
from explorer.strict_json import dump_json


def judge(
    data: Annotated[str, typer.Option(help="Data set whose classes it is to tell apart: digits, mnist, …")],
    seed: Annotated[int, typer.Option(help="Of its first weights and of the order of images.", min=0)] = 0,
    again: Annotated[bool, typer.Option("--again", help="Train it although there is one.")] = False,
    as_json: AsJson = False,
    progress: ProgressFile = None,
    download: Download = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Train the judge of a data set: the small classifier that says which class a generated image looks like."""
    from explorer.data.catalogue import data_set
    from explorer.runs.classifiers import find_classifier, read_facts

    path = find_classifier(data_set(data).name, checkpoints)
    if path is None or again:
        path = _trained_classifier(data, seed, checkpoints, progress, download=download)
    else:
        messages.print(f"There is one already; --again trains it anew: {path}", soft_wrap=True)
    facts = read_facts(path)
    if as_json:
        typer.echo(dump_json(facts.model_dump(mode="json") | {"accuracy": facts.accuracy, "path": str(path)}, indent=2))
        return
    typer.echo(
        f"The judge of {data} is right on {facts.accuracy:.2%} of {facts.n_test:,} test images "
        f"({facts.epochs} epochs, {facts.seconds:.0f} s, seed {facts.seed}) -> {path}"
    )


def _trained_classifier(data: str, seed: int, checkpoints: Path, progress: Path | None, *, download: bool) -> Path:
    from explorer.data.catalogue import load_split
    from explorer.jobs.process_queue import report_to
    from explorer.jobs.progress import Progress
    from explorer.runs.classifiers import save_classifier
    from explorer.training.classifier import train_classifier

    report = (lambda _: None) if progress is None else report_to(progress)
    report(Progress(what="reading the images", fraction=0, until=0))
    train, test = (load_split(data, part, download=download) for part in ("train", "test"))
    with interruptible() as is_interrupted, spinner(f"Training the judge of {data} on {len(train):,} images"):
        trained = train_classifier(train, test, seed=seed, on_progress=report, stop=is_interrupted)
    if trained is None:
        raise TrainingError(f"The judge of {data} was stopped before it was trained; nothing was stored.")
    return save_classifier(checkpoints, trained)
