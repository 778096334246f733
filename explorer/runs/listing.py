"""The runs under a folder: their list, the one to show first, and the way from a name to a run."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from explorer.errors import CheckpointError
from explorer.files import read_safetensors_header
from explorer.runs.config import RunConfig
from explorer.runs.run import NAME, Run, check_name

PREFERRED_RUN = "mnist-vae-2d"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """A line of the list of runs: what it is, or what is wrong with it."""

    name: str
    config: RunConfig | None
    test_elbo: float | None
    projections: tuple[str, ...]
    has_encoded: bool
    error: str | None


def list_runs(checkpoints: Path) -> list[RunSummary]:
    """Return a summary of every run folder in ``checkpoints``, by name; a damaged one with its error."""
    if not checkpoints.is_dir():
        return []
    folders = (path for path in checkpoints.iterdir() if path.is_dir() and NAME.fullmatch(path.name))
    return [summary(Run(path)) for path in sorted(folders, key=lambda path: path.name)]


def summary(run: Run) -> RunSummary:
    """Return what the list of runs says of ``run``; only headers are read."""
    try:
        config = run.config
        read_safetensors_header(run.path / "weights.safetensors")
        elbo = run.test_elbo()
    except CheckpointError as error:
        return RunSummary(
            name=run.name, config=None, test_elbo=None, projections=(), has_encoded=False, error=str(error)
        )
    return RunSummary(
        name=run.name,
        config=config,
        test_elbo=elbo,
        projections=run.projections(),
        has_encoded=(run.path / "encoded.safetensors").exists(),
        error=None,
    )


def open_run(reference: str, checkpoints: Path) -> Run:
    """Return the run that ``reference`` names: a name under ``checkpoints``, or a path.

    Raises:
        CheckpointError: if there is no such folder.
    """
    is_path = "/" in reference or os.sep in reference
    path = Path(reference).expanduser().absolute() if is_path else checkpoints / check_name(reference)
    if not path.is_dir():
        known = ", ".join(entry.name for entry in list_runs(path.parent)) or "none"
        raise CheckpointError(f"There is no run {reference!r} in {path.parent.name}/. Runs there: {known}.")
    return Run(path)


def default_run(entries: Iterable[RunSummary]) -> str | None:
    """Return the name of the run to show first: the shipped 2-D VAE of MNIST, else the first with a map."""
    whole = [entry.name for entry in entries if entry.error is None and entry.has_encoded]
    return PREFERRED_RUN if PREFERRED_RUN in whole else next(iter(whole), None)


def free_name(name: str, checkpoints: Path) -> str:
    """Return ``name``, or with the least number behind it that makes it new in ``checkpoints``."""
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(candidate for candidate in numbered if not (checkpoints / candidate).exists())
