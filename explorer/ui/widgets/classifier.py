"""The classifier on a page: whether there is one, and where there is none, training it in the background."""

from functools import partial

import streamlit as st

from explorer import locations
from explorer.data.catalogue import data_set
from explorer.errors import CheckpointError
from explorer.locations import CHECKPOINTS
from explorer.runs.classifiers import EvaluationClassifier, expected_seconds
from explorer.serving.run_cache import LoadedRun
from explorer.ui.tasks import Command, is_under_way, offer, progress_words, show_command, while_under_way
from explorer.ui.text import as_code, as_text
from explorer.ui.widgets import classifier_facts


def classifier_of(loaded: LoadedRun) -> EvaluationClassifier | None:
    """Return the classifier of the run's data set; None where ``offer_classifier`` has something to say instead."""
    found = classifier_facts.found_classifier(loaded)
    return None if isinstance(found, CheckpointError) else found


def offer_classifier(loaded: LoadedRun) -> None:
    """Where the run's data set has no classifier, offer to train one, show how far that is, or say why not."""
    data, found = loaded.config.training.data, classifier_facts.found_classifier(loaded)
    command = training_of(data)
    if is_under_way(command):
        words = partial(progress_words, f"**The judge of {as_text(data)}**", " is being trained")
        about = "Stop training the judge. Nothing is stored."
        while_under_way([command], partial(show_command, command, words, f"cancel-{command.key}", about))
    elif not isinstance(found, EvaluationClassifier):
        _offer(data, found, command)


def training_of(data: str) -> Command:
    """Return the command that trains the classifier of ``data``."""

    def expected() -> float:
        entry = data_set(data)
        return expected_seconds(entry.n_train, entry.image_shape)

    return Command(
        key=f"judge/{data}",
        title=f"the judge of {data}",
        arguments=("judge", "--data", data, "--again", "--checkpoints", str(CHECKPOINTS)),
        expected_seconds=expected,
        cancelled="Training the judge was cancelled; nothing was stored.",
        failed="The judge could not be trained.",
    )


def _offer(data: str, found: CheckpointError | None, command: Command) -> None:
    damage = "" if found is None else f"{found} "
    about = f"A judge, a small classifier trained on {data}, says which class a generated image looks like."
    if locations.READONLY:
        st.caption(
            f":material/gavel: {as_text(damage + about)} There is none here, and this app only shows what is there."
        )
        return
    if not classifier_facts.has_images(data):
        by_hand = f"python -m explorer judge --data {data} --download"
        said = as_text(damage + about)
        st.caption(f":material/gavel: {said} Its training images are not here; {as_code(by_hand)} makes one.")
        return
    takes = f"It takes about {command.expected_seconds():.0f} s on two cores, once, beside the app."
    offer(command, f"{damage}{about} {takes}", "Train the judge", f"train-judge-{data}", icon=":material/gavel:")
