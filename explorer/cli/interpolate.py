"""``interpolate``: a path between two encoded images, as an animation, a strip or numbers."""

from pathlib import Path
from typing import Annotated

import typer

from explorer import locations
from explorer.cli.parameters import Checkpoints, Reference
from explorer.cli.terminal import messages, spinner
from explorer.runs.listing import open_run
from explorer.strict_json import dump_json


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
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary of the path as JSON.")] = False,
    checkpoints: Checkpoints = locations.CHECKPOINTS,
) -> None:
    """Walk from one encoded image to another, and write what the decoder makes on the way."""
    from explorer.serving.run_cache import LoadedRun
    from explorer.workflows.interpolation import PathChoice, check_suffix, interpolate_rows, write_interpolation

    check_suffix(out.suffix.lower())
    choice = PathChoice(kind=kind, n_frames=frames, overshoot=overshoot, label=label, is_constant_speed=constant_speed)
    with spinner(f"Walking the {kind} path"):
        found = interpolate_rows(LoadedRun(open_run(reference, checkpoints)), first, last, choice)
        write_interpolation(out, found, fps=fps)
    if as_json:
        typer.echo(dump_json(found.to_json(), indent=2))
    messages.print(f"{found.in_words()} -> {out}", soft_wrap=True)
