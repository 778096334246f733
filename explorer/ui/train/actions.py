"""What a person does to the training of runs. Whatever is refused is said once, and nothing here waits for training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from explorer.data.catalogue import load_split
from explorer.errors import ExplorerError
from explorer.locations import CHECKPOINTS
from explorer.runs.config import RunConfig
from explorer.runs.listing import open_run
from explorer.runs.trash import Discarded, discard, discarded_runs, restore
from explorer.training.creation import create_run
from explorer.training.jobs import TrainingJobs, training_jobs
from explorer.training.status import TrainingStatus
from explorer.ui.tasks import Command
from explorer.ui.train.draft import NewRun, forget_name, prefill_with
from explorer.ui.train.view import TrainView
from explorer.ui.view import change_view
from explorer.ui.widgets.diagnosis import forget_run_asked_for, run_asked_for

_KEY = "training"
ENCODING_SECONDS = 8.0


@dataclass(slots=True)
class Said:
    """What this session has to be told, and where it goes next.

    Attributes:
        refusal: why the last thing was not done.
        deleted: the run that was deleted last, which can be brought back.
        next_run: name of the run to look at from now on, empty for the form; None where that stays.
    """

    refusal: str = ""
    deleted: Discarded | None = None
    next_run: str | None = None


# Streamlit may break off a script or a callback wherever it is spoken to, even for the session's state, and run it
# again. So each action gets hold of the session first, then does its deed, and notes what follows: `view_to_show`
# sees to that.


def said() -> Said:
    """Return what this session has to be told."""
    held: Said = st.session_state.setdefault(_KEY, Said())
    return held


def view_to_show(view: TrainView) -> TrainView:
    """Return ``view`` with the run that is to be looked at now; a form that a diagnosis asked for is filled."""
    mine = said()
    asked = run_asked_for()
    if asked is not None:
        fill_form(*asked)
        forget_run_asked_for()
    if mine.next_run is not None:
        view = change_view(replace(view, training_run=mine.next_run))
        mine.next_run = None
    return view


def jobs() -> TrainingJobs:
    """Return the training of the app's runs."""
    return training_jobs(CHECKPOINTS)


def begin(new_run: NewRun) -> None:
    """Make a new run, start its training or let it wait, and look at it."""
    mine = said()

    def make() -> None:
        train = load_split(new_run.config.training.data, "train", download=new_run.download)
        create_run(CHECKPOINTS, new_run.name, new_run.config, train)
        mine.next_run = new_run.name
        forget_name()
        jobs().start(new_run.name)

    _tried(mine, make)


def resume(name: str, epochs: int | None = None) -> None:
    """Start or resume the training of a run, with another number of epochs in all if one is given."""
    _tried(said(), jobs().start, name, epochs)


def pause(status: TrainingStatus) -> None:
    """Ask the training of a run to save and stop, or take it out of the queue."""
    _tried(said(), jobs().stop, status.name)


def fill_form(config: RunConfig, about: str) -> None:
    """Fill the form of a new run with the choices of another, show it, and say there what it is ``about``."""
    mine = said()
    prefill_with(config, about)
    mine.next_run = ""


def duplicate(name: str) -> None:
    """Fill the form of a new run with the choices of one, and show it."""
    about = f"Begun with the choices of {name}, which stays as it is."
    _tried(said(), lambda: fill_form(open_run(name, CHECKPOINTS).config, about))


def delete(name: str) -> None:
    """Move a run to the trash, from which it can be brought back for a week."""
    mine = said()

    def remove() -> None:
        mine.deleted = discard(open_run(name, CHECKPOINTS))
        mine.next_run = ""

    _tried(mine, remove)


def restore_run(discarded: Discarded) -> None:
    """Move a run back from the trash, if it is still there, and look at it."""
    mine = said()

    def back() -> None:
        if discarded.path.exists():
            restore(discarded)
        mine.deleted = None
        mine.next_run = discarded.name

    _tried(mine, back)


def deleted_runs() -> list[Discarded]:
    """Return the runs in the trash, the latest first."""
    return discarded_runs(CHECKPOINTS)


def encode(name: str) -> None:
    """Encode the test images with a run as it is now, beside the app, so that it has a map."""
    _tried(said(), encoding(name).start)


def encoding(name: str) -> Command:
    """Return the command that encodes the test images with a run."""
    return Command(
        key=f"{name}/encode",
        title=f"Encoding by {name}",
        arguments=("encode", str(CHECKPOINTS / name)),
        expected_seconds=lambda: ENCODING_SECONDS,
    )


def _tried(mine: Said, do: Callable[..., Any], *arguments: Any) -> None:
    mine.refusal = ""
    try:
        do(*arguments)
    except ExplorerError as error:
        mine.refusal = str(error)
