"""What a run will take, in time and memory, before it is started; the page does not wait for it."""

import streamlit as st

from explorer.data.catalogue import data_set
from explorer.training.estimate import Estimate
from explorer.training.estimator import Outcome, estimator_of_app
from explorer.ui.text import as_text
from explorer.ui.train.draft import NewRun

SECONDS_BETWEEN_LOOKS = 1.0


def training_estimate(new_run: NewRun) -> None:
    """Show about what ``new_run`` takes. This part of the page alone runs again and again, and follows the machine.

    The rest must not: it would take away what is being typed into the form.
    """
    st.fragment(_watch, run_every=SECONDS_BETWEEN_LOOKS)(new_run)


def in_words(outcome: Estimate, epochs: int) -> str:
    """Return an estimate for a run of ``epochs`` as a sentence."""
    epoch, whole = (_span(*span) for span in (outcome.epoch_seconds, outcome.in_all(epochs)))
    return (
        f"{epoch[:1].upper()}{epoch[1:]} an epoch and {duration_in_words(outcome.once_seconds)} to start and to end: "
        f"**{whole}** in all on this machine, as busy as it is now. "
        f"A step needs {_memory(outcome.step_bytes)} of memory."
    )


def duration_in_words(seconds: float) -> str:
    """Return seconds as a person says them, to two figures or so: 0.3 s, 12 s, 4 min, 2 h 10 min, 3 days."""
    if seconds < 9.5:
        return f"{max(seconds, 0.01):.1g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours:d} h {rest:d} min" if rest and hours < 10 else f"{hours:d} h"
    return f"{hours // 24} days"


def _outcome(new_run: NewRun) -> Outcome | None:
    entry = data_set(new_run.config.training.data)
    return estimator_of_app().ask(new_run.config, entry.n_train, entry.n_validation)


def _watch(new_run: NewRun) -> None:
    outcome = _outcome(new_run)
    if outcome is None:
        st.caption(":material/hourglass_empty: Estimating how long this takes …")
    else:
        _show(outcome, new_run.config.training.epochs)


def _show(outcome: Outcome, epochs: int) -> None:
    if isinstance(outcome, Estimate):
        st.caption(f":material/timer: {in_words(outcome, epochs)}")
    else:
        st.warning(as_text(outcome), icon=":material/memory:")


def _span(least: float, most: float) -> str:
    """Return limits as a person says them: those that are within half of each other as one."""
    if most < 1.5 * least:
        return f"about {duration_in_words((least + most) / 2)}"
    return f"{duration_in_words(least)} to {duration_in_words(most)}"


def _memory(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.0f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"
