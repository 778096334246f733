"""``encode``: the codes of a split, into its run or a file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from explorer import locations
from explorer.cli.parameters import Checkpoints, Download, ProgressFile, Reference
from explorer.cli.terminal import messages, quiet_unless, spinner
from explorer.files import check_writable
from explorer.runs.listing import open_run
from explorer.runs.run import Run

ENCODING_SECONDS = 8.0
"""What encoding a test set takes on two cores, torch loaded first: for a bar that moves."""


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
    progress: ProgressFile = None,
    download: Download = False,
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
        from explorer.jobs.process_queue import report_to
        from explorer.jobs.progress import Progress

        report_to(progress)(Progress(what="encoding the test images", fraction=0, until=1, seconds=ENCODING_SECONDS))
    if out is not None and not out.suffix:
        _encode_parts(run, split, out, download=download)
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise typer.BadParameter("several processes write a folder of parts: add --out FOLDER", param_hint="--out")
    else:
        encode_run(run, split, out, download=download)


def encode_run(run: Run, split: str, out: Path | None, *, download: bool) -> None:
    """Encode a split and write its codes to ``out``, or, where that is None, store them with the run."""
    from explorer.analysis.coding import encode_split
    from explorer.data.catalogue import load_split
    from explorer.runs.tables import write_codes

    check_writable(run.path if out is None else out.absolute().parent)
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
