"""The judge on a page: whether there is one, and where there is none, training it in the background."""

import streamlit as st

from explorer import locations
from explorer.errors import CheckpointError
from explorer.jobs.process_queue import JobState, JobStatus
from explorer.runs.judges import Judge
from explorer.serving.run_cache import LoadedRun
from explorer.ui.widgets import classifier_facts

SECONDS_BETWEEN_LOOKS = 0.5


def judge_of(loaded: LoadedRun) -> Judge | None:
    """Return the judge of the run's data set; None where ``offer_judge`` has something to say instead."""
    found = classifier_facts.found_judge(loaded)
    return None if isinstance(found, CheckpointError) else found


def offer_judge(loaded: LoadedRun) -> None:
    """Where the run's data set has no judge, offer to train it, show how far that is, or say why it cannot be had.

    While one is trained this part of the page alone runs again and again, and the whole page once it ended.
    """
    data, found = loaded.config.training.data, classifier_facts.found_judge(loaded)
    status = classifier_facts.status_of(data)
    if status is not None and status.is_active:
        st.fragment(_watch, run_every=SECONDS_BETWEEN_LOOKS)(data)
    elif not isinstance(found, Judge):
        _offer(data, found)


def _watch(data: str) -> None:
    status = classifier_facts.status_of(data)
    if status is None or not status.is_active:
        st.rerun()
    else:
        _show_active(data, status)


def _show_active(data: str, status: JobStatus) -> None:
    column, button_column = st.columns([6, 1], vertical_alignment="center")
    if status.state is JobState.WAITING:
        text = f"**The judge of {data}** waits for {status.n_ahead} other computation{'s' * (status.n_ahead > 1)}."
        column.progress(0.0, text=text)
    else:
        left = "" if status.seconds_left is None else f", about {max(round(status.seconds_left), 1)} s left"
        text = f"**The judge of {data}** is being trained: {status.what}. {status.seconds:.0f} s so far{left}."
        column.progress(status.fraction, text=text)
    button_column.button(
        "Cancel",
        key=f"cancel-{status.key}",
        help="Stop training the judge. Nothing is stored.",
        icon=":material/close:",
        on_click=classifier_facts.cancel,
        args=(data,),
        width="stretch",
    )


def _offer(data: str, found: CheckpointError | None) -> None:
    damage = "" if found is None else f"{found} "
    about = f"A judge, a small classifier trained on {data}, says which class a generated image looks like."
    if locations.READONLY:
        st.caption(f":material/gavel: {damage}{about} There is none here, and this app only shows what is there.")
        return
    if not classifier_facts.has_images(data):
        command = f"python -m explorer judge --data {data} --download"
        st.caption(f":material/gavel: {damage}{about} Its training images are not here; `{command}` makes one.")
        return
    trouble = classifier_facts.problem(data)
    if trouble:
        st.error(trouble, icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(
            f"{damage}{about} It takes about {classifier_facts.expected(data):.0f} s on two cores, once, "
            "beside the app.",
            icon=":material/gavel:",
        )
        st.button(
            "Train the judge", key=f"train-judge-{data}", on_click=classifier_facts.train, args=(data,), width="content"
        )
