"""The runs under a folder: their list, the one to show first, and the way from a name to a run."""

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar

from explorer.errors import CheckpointError
from explorer.files import is_file, is_folder, read_safetensors_header
from explorer.runs.config import RunConfig
from explorer.runs.run import NAME, Run, check_name

PREFERRED_RUN = "mnist-vae-2d"

_Part = TypeVar("_Part")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """A line of the list of runs: what it is, or what is wrong with it.

    Attributes:
        name: of its folder.
        config: None where the run cannot be used.
        test_elbo: mean over its test set, in nats; None where there is none, or it is no finite number.
        projections: methods of the maps that are stored.
        has_encoded: whether there is an encoded set that looks whole.
        error: why the run cannot be used; None where it can.
        problems: what is wrong with parts of it, each costing that part alone.
    """

    name: str
    config: RunConfig | None = None
    test_elbo: float | None = None
    projections: tuple[str, ...] = ()
    has_encoded: bool = False
    error: str | None = None
    problems: tuple[str, ...] = ()


def run_folders(checkpoints: Path) -> list[Path]:
    """Return the folders in ``checkpoints`` that are runs, or would be under another name, by name.

    Hidden ones are none, and neither are ours, which begin with '_'. One that no run can be called counts if it has a
    configuration.

    Raises:
        CheckpointError: if ``checkpoints`` cannot be read, or is a file.
    """
    try:
        with os.scandir(checkpoints) as entries:
            paths = sorted(Path(entry) for entry in entries if entry.name[0] not in "._" and is_folder(Path(entry)))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(
            f"The folder of runs, {checkpoints}, cannot be read: {error.strerror or error}. Check it and its "
            "permissions, or name another one: EXPLORER_CHECKPOINTS, or --checkpoints of a command."
        ) from error
    return [path for path in paths if NAME.fullmatch(path.name) or is_file(path / "config.json")]


def list_runs(checkpoints: Path) -> list[RunSummary]:
    """Return a summary of every run folder in ``checkpoints``, by name; a damaged one with its error.

    Raises:
        CheckpointError: if ``checkpoints`` cannot be read, or is a file.
    """
    return [summary(Run(path)) for path in run_folders(checkpoints)]


def summary(run: Run) -> RunSummary:
    """Return what the list of runs says of ``run``; only headers are read."""
    try:
        check_name(run.name)
        config = run.config
        read_safetensors_header(run.path / "weights.safetensors")
    except CheckpointError as error:
        # The name of a folder may be of bytes that are no text.
        return RunSummary(name=os.fsencode(run.name).decode(errors="replace"), error=_why_unusable(run, error))
    problems: list[str] = []
    elbo = _part(run.test_elbo, problems)
    has_encoded = not problems and is_file(run.path / "encoded.safetensors")
    if elbo is not None and not math.isfinite(elbo):
        problems.append(
            f"The mean ELBO of its test set is {elbo:g}, no finite number: training diverged, or an image has no "
            "probability under the model."
        )
        elbo = None
    return RunSummary(
        name=run.name,
        config=config,
        test_elbo=elbo,
        projections=run.projections(),
        has_encoded=has_encoded,
        problems=tuple(problems),
    )


def _why_unusable(run: Run, error: CheckpointError) -> str:
    if NAME.fullmatch(run.name):
        return str(error)
    return f"{error} Rename the folder."


def _part(read: Callable[[], _Part], problems: list[str]) -> _Part | None:
    try:
        return read()
    except CheckpointError as error:
        problems.append(str(error))
        return None


def open_run(reference: str, checkpoints: Path) -> Run:
    """Return the run that ``reference`` names: a name under ``checkpoints``, or a path.

    Raises:
        CheckpointError: if there is no such folder.
    """
    is_path = "/" in reference or os.sep in reference
    path = Path(reference).expanduser().absolute() if is_path else checkpoints / check_name(reference)
    if not is_folder(path):
        known = ", ".join(entry.name for entry in list_runs(path.parent)) or "none"
        raise CheckpointError(f"There is no run {reference!r} in {path.parent.name}/. Runs there: {known}.")
    return Run(path)


def default_run(entries: Iterable[RunSummary]) -> str | None:
    """Return the name of the run to show first: the shipped 2-D VAE of MNIST, else the first with a map."""
    return next(iter(shown_first(entries)), None)


def shown_first(entries: Iterable[RunSummary]) -> list[str]:
    """Return the names of the runs that can be shown first, the best first."""
    whole = [entry.name for entry in entries if entry.error is None and entry.has_encoded]
    return sorted(whole, key=lambda name: name != PREFERRED_RUN)


def free_name(name: str, checkpoints: Path) -> str:
    """Return ``name``, or with the least number behind it that makes it new in ``checkpoints``."""
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(candidate for candidate in numbered if not (checkpoints / candidate).exists())
