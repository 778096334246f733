"""What a person does to the training of runs. Whatever is refused is said once, and nothing here waits for training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.data.catalogue import load_split
from explorer.errors import ExplorerError
from explorer.jobs import JobStatus, jobs_of_app
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from explorer.runs.trash import Discarded, discard, discarded_runs, restore
from explorer.training.creation import create_run
from explorer.training.jobs import TrainingJobs, training_jobs
from explorer.training.status import TrainingStatus
from explorer.ui.new_run import NewRun, prefill_with
from explorer.ui.state import change_view

_KEY = "training"
ENCODING_SECONDS = 8.0


@dataclass(slots=True)
class Said:
    """What this session has to be told.

    Attributes:
        refusal: why the last thing was not done.
        deleted: the run that was deleted last, which can be brought back.
    """

    refusal: str = ""
    deleted: Discarded | None = None


def said() -> Said:
    """Return what this session has to be told."""
    held: Said = st.session_state.setdefault(_KEY, Said())
    return held


def jobs() -> TrainingJobs:
    """Return the training of the app's runs."""
    return training_jobs(CHECKPOINTS)


def begin(new_run: NewRun) -> None:
    """Make a new run, start its training or let it wait, and look at it."""

    def make() -> None:
        train = load_split(new_run.config.training.data, "train", download=new_run.download)
        create_run(CHECKPOINTS, new_run.name, new_run.config, train)
        change_view(watch=new_run.name)
        jobs().start(new_run.name)

    _tried(make)


def go_on(name: str, epochs: int | None = None) -> None:
    """Start or resume the training of a run, with another number of epochs in all if one is given."""
    _tried(jobs().start, name, epochs)


def pause(status: TrainingStatus) -> None:
    """Ask the training of a run to save and stop, or take it out of the queue."""
    _tried(jobs().stop, status.name)


def duplicate(name: str) -> None:
    """Fill the form of a new run with the choices of one, and show it."""

    def fill() -> None:
        prefill_with(open_run(name, CHECKPOINTS).config)
        change_view(watch="")

    _tried(fill)


def delete(name: str) -> None:
    """Move a run to the trash, from which it can be brought back for a week."""

    def remove() -> None:
        said().deleted = discard(open_run(name, CHECKPOINTS))
        change_view(watch="")

    _tried(remove)


def bring_back(discarded: Discarded) -> None:
    """Move a run back from the trash, and look at it."""

    def back() -> None:
        restore(discarded)
        said().deleted = None
        change_view(watch=discarded.name)

    _tried(back)


def deleted_runs() -> list[Discarded]:
    """Return the runs in the trash, the latest first."""
    return discarded_runs(CHECKPOINTS)


def encode(name: str) -> None:
    """Encode the test images with a run as it is now, beside the app, so that it has a map."""
    path = str(open_run(name, CHECKPOINTS).path)
    _tried(
        lambda: jobs_of_app().start(
            _encoding(name), f"Encoding by {name}", ["encode", path], expected_seconds=ENCODING_SECONDS
        )
    )


def encoding_status(name: str) -> JobStatus | None:
    """Return how far the encoding of the test images by a run is, or None where there is none."""
    return jobs_of_app().status(_encoding(name))


def _encoding(name: str) -> str:
    return f"{name}/encode"


def _tried(do: Callable[..., Any], *arguments: Any) -> None:
    said().refusal = ""
    try:
        do(*arguments)
    except ExplorerError as error:
        said().refusal = str(error)
