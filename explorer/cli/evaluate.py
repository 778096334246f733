"""``evaluate``: the figures of a run on its test set, and what they say is wrong with it."""

from typing import Annotated, Any

import typer

from explorer import locations
from explorer.cli.parameters import AsJson, Checkpoints, Reference
from explorer.cli.terminal import spinner
from explorer.runs.listing import open_run
from explorer.strict_json import dump_json


def evaluate(
    reference: Reference,
    iwae_samples: Annotated[int, typer.Option(help="Importance samples per image for log p(x).", min=1)] = 50,
    images: Annotated[int | None, typer.Option(help="Test images, from the first on. (default: all)", min=2)] = None,
    as_json: AsJson = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Evaluate a run on its test set: the bound taken apart, log p(x), what codes carry, and what is wrong with it."""
    from dataclasses import asdict

    from explorer.analysis.evaluation.diagnosis import diagnose
    from explorer.analysis.evaluation.evaluate import evaluate as compute
    from explorer.data.catalogue import load_split

    run = open_run(reference, checkpoints)
    split = load_split(run.config.training.data, "test")
    split = split if images is None else split.head(images)
    with spinner(f"Evaluating {len(split):,} images with {iwae_samples} samples each"):
        evaluation = compute(run.model(), split, is_binary=run.config.is_binary, n_samples=iwae_samples)
    findings = diagnose(run.config.model, run.history(), evaluation, diverged_in=run.diverged_in())
    result = asdict(evaluation)
    if as_json:
        # A fix has the name that scripts know it by.
        diagnosis = [{"name": it.name, "evidence": it.evidence, "remedy": it.fix} for it in findings]
        typer.echo(dump_json(result | {"diagnosis": diagnosis}, indent=2))
        return
    _print_evaluation(result, is_given_class=run.config.model.n_classes is not None)
    for finding in findings:
        typer.echo(f"\n{finding.name}: {finding.evidence}\n  {finding.fix}")
    if not findings:
        typer.echo("\nNothing wrong was found.")


def _print_evaluation(result: dict[str, Any], *, is_given_class: bool) -> None:
    """Print each figure with a line on it, and what there is not once with its reason."""
    from explorer.analysis.evaluation.evaluate import EXPLAINED

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
