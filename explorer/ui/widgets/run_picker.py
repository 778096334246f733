"""The model picker: a gallery of runs behind one button, the same on every page."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import NoReturn

import streamlit as st

from explorer.errors import CheckpointError, ExplorerError
from explorer.runs.config import RunConfig
from explorer.runs.listing import RunSummary, shown_first, summary
from explorer.serving.run_cache import LoadedRun
from explorer.ui import session
from explorer.ui.text import as_text
from explorer.ui.view import View, change_view, forget_steps, held_view

FAMILIES = {"vae": "VAE", "cvae": "CVAE", "ae": "AE", "gan": "GAN"}


def run_picker(view: View) -> LoadedRun:
    """Show the picker and return the chosen run, or end the page with what to do where there is none.

    A run that does not exist or is damaged is told in words, and the default one shown.
    """
    entries = session.run_summaries()
    loaded = _chosen_run(view, entries)
    name = loaded.run.name if loaded else ""
    with st.popover(
        f"**{as_text(name or 'Choose a model')}**", icon=":material/deployed_code:", width="stretch", key=f"runs-{name}"
    ):
        for entry in sorted(entries, key=lambda entry: (entry.name != name, entry.error is not None)):
            _gallery_row(entry, is_chosen=entry.name == name)
    if loaded is None:
        stop_without_models("There is no trained model yet.")
    return loaded


def stop_without_models(problem: str) -> NoReturn:
    """End the page with ``problem``, a sentence, and how a model is made."""
    st.info(
        f"{problem} Make one in a minute: "
        "`python -m explorer train --data digits --family vae --latent-dim 2 --epochs 60`"
    )
    st.stop()


def _chosen_run(view: View, entries: list[RunSummary]) -> LoadedRun | None:
    default = default_run(entries)
    if view.run:
        try:
            damage = next((entry.error for entry in entries if entry.name == view.run), None)
            if damage is not None:
                raise CheckpointError(damage)
            return session.loaded_run(view.run)
        except CheckpointError as error:
            shown = f" {default} is shown instead." if default else ""
            st.error(as_text(f"{error}{shown}"), icon=":material/error:")
            choose_run("")
    return session.loaded_run(default) if default else None


def default_run(entries: Sequence[RunSummary]) -> str | None:
    """Return the first of the runs to show whose encoded set can be read; the first of all where none can."""
    names = shown_first(entries)
    return next((name for name in names if can_be_shown(name)), next(iter(names), None))


def can_be_shown(name: str) -> bool:
    """Return whether the encoded set of the run called ``name`` can be read: the list looks at its header alone."""
    try:
        return len(session.loaded_run(name).encoded) > 0
    except ExplorerError:
        return False


def describe_loaded(loaded: LoadedRun) -> str:
    """Return what ``describe_run`` says of a run, with its test ELBO where it has a finite one."""
    return describe_run(loaded.config, summary(loaded.run).test_elbo)


def describe_run(config: RunConfig, elbo: float | None) -> str:
    """Return family, data set, latent size and test ELBO, in nats, as a line of markdown."""
    model = config.model
    bound = "no p(x), so no ELBO" if not model.has_bound else "not scored yet" if elbo is None else None
    score = bound or f"test ELBO {elbo:.1f} nats"
    beta = config.training.objective.beta
    parts = [FAMILIES[model.family], config.training.data, f"{model.latent_dim}-D", model.network, score]
    if model.posterior != "normal":
        parts.append(f"{model.posterior} posterior")
    if model.prior != "matching":
        parts.append(f"{model.prior} prior")
    return as_text(" · ".join(parts if beta == 1 else [*parts, f"trained with β = {beta:g}"]))


def _gallery_row(entry: RunSummary, *, is_chosen: bool) -> None:
    if entry.config is None:
        st.markdown(f"**{as_text(entry.name)}**")
        st.caption(f":material/error: {as_text(entry.error)}")
        return
    st.button(
        as_text(entry.name),
        key=f"run-{entry.name}",
        type="primary" if is_chosen else "secondary",
        on_click=choose_run,
        args=(entry.name,),
        width="stretch",
    )
    source = f"api/runs/{escape(entry.name)}/strip.png"
    st.html(
        f'<img src="{source}" alt="Ten images that {escape(entry.name)} makes" loading="lazy" '
        'style="width:100%;image-rendering:pixelated;border-radius:4px;display:block">'
    )
    st.caption(describe_run(entry.config, entry.test_elbo))
    for problem in entry.problems:
        st.caption(f":material/warning: {as_text(problem)}")


def choose_run(name: str) -> None:
    """Change the view to the run called ``name`` (empty for the default), and forget what belonged to another."""
    view = held_view(View)
    change_view(replace(view, run=name, pins=(), active_pin=-1, reference=-1, dims=(0, 1), decode_as=-1))
    forget_steps()
