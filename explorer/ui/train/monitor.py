"""The training of one run: how far it is, its curves, its map epoch by epoch, and what is wrong with it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.figures.training import training_curves
from explorer.jobs.status import JobState
from explorer.locations import PAGES, READONLY
from explorer.runs.history import read_history
from explorer.runs.listing import summary
from explorer.runs.live import Phase
from explorer.runs.run import Run
from explorer.training.status import TrainingState, TrainingStatus
from explorer.ui import session
from explorer.ui.errors import errors_in_words
from explorer.ui.tasks import is_under_way
from explorer.ui.text import as_text
from explorer.ui.train.actions import delete, duplicate, encode, encoding, jobs, pause, resume
from explorer.ui.train.estimate import duration_in_words
from explorer.ui.train.runs import COLOURS, in_words
from explorer.ui.train.timeline import timeline
from explorer.ui.view import rerun_page
from explorer.ui.widgets.diagnosis import findings_with_fixes
from explorer.ui.widgets.run_picker import choose_run, describe_run

SECONDS_BETWEEN_LOOKS = 1.0
PHASES = {
    Phase.STARTING: "Starting",
    Phase.ENCODING: "Encoding the test images",
    Phase.PROJECTING: "Projecting their codes",
}
FIGURES = {
    "elbo": ("ELBO", "A lower bound on log p(x) of the validation images, nats per image."),
    "log_likelihood": ("log p(x|z)", "Reconstruction of the validation images, nats per image; higher is better."),
    "kl": ("KL", "From q(z|x) to the prior, nats per image."),
    "mutual_information": ("Information", "Mutual information of images and codes, nats; its ceiling is in the curve."),
    "active_units": ("Active units", "Dimensions whose mean moves with the image (variance above 0.01)."),
    "critic_loss": ("Critic's loss", "Of the critic on validation images and generated ones."),
    "generator_loss": ("Generator's loss", "Of the generator against the critic."),
    "diversity": ("Diversity", "Mean distance of samples beside that of images; near 0 they are all alike."),
}
"""Numbers of an epoch that stand above the curves, and what each is."""


def training_panel(name: str) -> None:
    """Show the training of the run called ``name``; while it is active only what changes is drawn again and again.

    Raises:
        CheckpointError: if there is no such run, or it is damaged.
    """
    run = session.loaded_run(name).run
    status = jobs().status(name)
    every = SECONDS_BETWEEN_LOOKS if status.state.is_active or _is_encoding(name) else None
    st.fragment(_watch, run_every=every)(name, (status.state.is_active, _is_encoding(name)))
    if status.state is not TrainingState.QUEUED or status.epoch:
        st.markdown("##### The latent map, epoch by epoch" if run.config.model.can_encode else "##### Epoch by epoch")
        timeline(name, is_live=status.state.is_at_work)
    _diagnosis(run, status)


def _watch(name: str, before: tuple[bool, bool]) -> None:
    status = jobs().status(name)
    if (status.state.is_active, _is_encoding(name)) != before:
        rerun_page()
    run = session.loaded_run(name).run
    _headline(run, status)
    _progress(status)
    if not READONLY:
        _actions(run, status)
    with errors_in_words():
        history = read_history(run.path)
        if history.problem:
            st.caption(f":material/warning: {as_text(history.problem)}")
        _numbers(history.records)
        _curves(history.records)


def _headline(run: Run, status: TrainingStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(as_text(run.name), width="content")
        st.badge(as_text(in_words(status.state)), color=COLOURS.get(status.state, "gray"))  # type: ignore[arg-type]  # all are colours
    entry = summary(run)
    st.caption(describe_run(run.config, entry.test_elbo))
    problems = dict.fromkeys(problem for problem in (status.problem, entry.error, *entry.problems) if problem)
    for problem in problems:
        st.error(as_text(problem), icon=":material/error:")


def _progress(status: TrainingStatus) -> None:
    """Show how far an active run is."""
    now = status.progress
    if status.state is TrainingState.QUEUED:
        # Of a long queue the first is the one that is being trained.
        more = f" and {status.n_ahead - 1:d} more" if status.n_ahead > 1 else ""
        st.progress(
            0.0, text=f"Waits for {as_text(status.ahead[0])}{more} to end." if status.ahead else "About to start."
        )
    elif status.state is TrainingState.STARTING or (status.state.is_at_work and now is None):
        st.progress(0.0, text="Starting: torch and the images are being loaded.")
    elif status.state.is_at_work and now is not None:
        steps = max(1, now.steps_per_epoch)
        fraction = min(1.0, max(0.0, (now.epoch - 1 + now.step / steps) / max(1, now.epochs)))
        is_training = now.phase is Phase.TRAINING
        is_stopping = status.state is TrainingState.STOPPING
        is_going_on = is_training and not is_stopping
        left = f", about {duration_in_words(now.seconds_left)} left" if is_going_on and now.seconds_left else ""
        rate = f" · {now.images_per_second:,.0f} images/s" if is_going_on and now.images_per_second else ""
        phase = f"Epoch {now.epoch:d} of {now.epochs:d}" if is_training else PHASES.get(now.phase, "Ending")
        doing = f"**{phase}**"
        stopping = " · saves after this step, and pauses" if is_stopping else ""
        st.progress(fraction if is_training else 1.0, text=f"{doing}{rate}{left}{stopping}")
    elif status.state is not TrainingState.FINISHED:
        st.progress(
            status.epoch / max(1, status.epochs), text=f"{status.epoch:d} of {status.epochs:d} epochs are done."
        )


def _actions(run: Run, status: TrainingStatus) -> None:
    name, state = run.name, status.state
    with st.container(horizontal=True):
        if state is TrainingState.QUEUED:
            _button("Take out of the queue", "playlist_remove", pause, status)
        elif state.is_at_work:
            _button("Pause", "pause", pause, status, disabled=state is TrainingState.STOPPING)
        elif state is TrainingState.FINISHED:
            _more_epochs(run, status)
        else:
            _button("Resume" if status.epoch else "Start", "play_arrow", resume, name, type="primary")
        _map_button(run, status)
        _button("Duplicate with changes", "content_copy", duplicate, name)
        why = "Pause it first: a run in training cannot be deleted." if state.is_at_work else None
        _button("Delete", "delete", delete, name, disabled=state.is_at_work, help=why)
    encoded = encoding(name).status()
    if encoded is not None and encoded.is_active:
        st.progress(
            encoded.fraction, text=f"**{as_text(name)}** is encoded as it is: {as_text(encoded.what or 'waiting')}."
        )
    elif encoded is not None and encoded.state is JobState.FAILED:
        st.error(f"It could not be encoded. {as_text(encoded.problem)}", icon=":material/error:")


def _more_epochs(run: Run, status: TrainingStatus) -> None:
    if run.is_finished() or run.config.training.schedule == "cosine":
        return
    with st.popover("More epochs", icon=":material/add_task:", width="content"):
        epochs = st.number_input("Epochs in all", status.epoch + 1, 100_000, value=2 * status.epochs, key="more-epochs")
        if st.button("Go on", type="primary", key="go-on"):
            resume(run.name, int(epochs))
            rerun_page()


def _map_button(run: Run, status: TrainingStatus) -> None:
    """Offer the map of a run that has one, or to make it of the weights as they are."""
    if not run.config.model.can_encode or status.state.is_active:
        return
    if summary(run).has_encoded:
        if st.button("Open its map", icon=":material/scatter_plot:", key="open-map"):
            choose_run(run.name)
            st.switch_page(PAGES / "latent_map.py")
    elif status.epoch:
        _button(
            "Encode it as it is",
            "blur_on",
            encode,
            run.name,
            disabled=_is_encoding(run.name),
            help="Encodes the test images with the weights of now, so that its map can be opened. Training can go on.",
        )


def _button(label: str, icon: str, do: Any, argument: Any, **look: Any) -> None:
    """Show a button that does something, after which the whole page is drawn again."""
    if st.button(label, icon=f":material/{icon}:", key=f"do-{label}", **look):
        do(argument)
        rerun_page()


def _is_encoding(name: str) -> bool:
    return is_under_way(encoding(name))


def _numbers(history: list[dict[str, Any]]) -> None:
    """Show the last epoch's numbers, and how each changed since the one before."""
    if not history:
        return
    last: Mapping[str, Any] = history[-1]["validation"]
    before: Mapping[str, Any] = history[-2]["validation"] if len(history) > 1 else {}
    shown = [name for name in FIGURES if name in last]
    with st.container(horizontal=True):
        for name in shown:
            title, explanation = FIGURES[name]
            is_count = name == "active_units"
            change = _rounded(last[name] - before.get(name, last[name]), is_count=is_count, sign="+")
            st.metric(
                title,
                _rounded(last[name], is_count=is_count),
                delta=change if float(change) else None,
                delta_color="off",
                help=f"{explanation} Below it: the change since the epoch before.",
                width=150,
            )


def _rounded(value: float, *, is_count: bool, sign: str = "") -> str:
    """Return a figure as it is shown; 0 has no sign but that of a change."""
    digits = 0 if is_count else 2
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def _curves(history: list[dict[str, Any]]) -> None:
    curves = training_curves(history)
    if not curves:
        st.caption("The curves begin with the end of the first epoch.")
        return
    for start in range(0, len(curves), 2):
        for curve, column in zip(curves[start : start + 2], st.columns(2, gap="large"), strict=False):
            with column:
                st.markdown(f"**{as_text(curve.title)}**")
                st.plotly_chart(
                    curve.figure, alt=curve.text, key=f"curve-{curve.title}", config={"displayModeBar": False}
                )


def _diagnosis(run: Run, status: TrainingStatus) -> None:
    """Say what is wrong with a run, each finding with changes that may fix it in a new run."""
    from explorer.analysis.evaluation.diagnosis import diagnose  # it needs torch, which the first screen does not

    with errors_in_words():
        history = read_history(run.path)
    findings = diagnose(run.config.model, history.records, diverged_in=history.diverged_in)
    if not findings:
        if status.epoch:
            st.caption(":material/check: No sign of collapse, divergence or over-fitting in what was recorded so far.")
        return
    findings_with_fixes(run, findings, rerun_page)
