"""The model picker: a gallery of runs behind one button, the same on every page."""

from html import escape

import streamlit as st

from explorer.errors import CheckpointError
from explorer.runs.config import RunConfig
from explorer.runs.run import RunSummary, default_run
from explorer.serving.atlas import LoadedRun
from explorer.ui import resources
from explorer.ui.state import View, change_view

FAMILIES = {"vae": "VAE", "cvae": "CVAE", "ae": "AE"}


def run_picker(view: View) -> LoadedRun:
    """Show the picker and return the chosen run, or end the page with what to do where there is none.

    Raises:
        CheckpointError: if the view names a run that does not exist or is damaged.
    """
    entries = resources.run_summaries()
    chosen = view.run or default_run(entries)
    with st.popover(f"**{chosen or 'Choose a model'}**", icon=":material/deployed_code:", width="stretch"):
        for entry in entries:
            _gallery_row(entry, is_chosen=entry.name == chosen)
    if chosen is None:
        st.info(
            "There is no trained model yet. Make one in a minute: "
            "`python -m explorer train --data digits --family vae --latent-dim 2 --epochs 60`"
        )
        st.stop()
    shown = next((entry for entry in entries if entry.name == chosen), None)
    if shown is not None and shown.error is not None:
        raise CheckpointError(shown.error)
    return resources.loaded_run(chosen)


def describe_run(config: RunConfig, elbo: float | None) -> str:
    """Return family, data set, latent size and test ELBO, in nats, in a line."""
    model = config.model
    bound = "no p(x), so no ELBO" if model.family == "ae" else "not scored yet" if elbo is None else None
    score = bound or f"test ELBO {elbo:.1f} nats"
    return f"{FAMILIES[model.family]} · {config.training.data} · {model.latent_dim}-D · {score}"


def _gallery_row(entry: RunSummary, *, is_chosen: bool) -> None:
    if entry.config is None:
        st.markdown(f"**{entry.name}**")
        st.caption(f":material/error: {entry.error}")
        return
    st.button(
        entry.name,
        key=f"run-{entry.name}",
        type="primary" if is_chosen else "secondary",
        on_click=_choose,
        args=(entry.name,),
        width="stretch",
    )
    source = f"api/runs/{escape(entry.name)}/strip.png"
    st.html(
        f'<img src="{source}" alt="Ten images that {escape(entry.name)} makes" loading="lazy" '
        'style="width:100%;image-rendering:pixelated;border-radius:4px;display:block">'
    )
    st.caption(describe_run(entry.config, entry.test_elbo))


def _choose(name: str) -> None:
    change_view(run=name, pin=None, reference=-1, dims=(0, 1), decode_as=-1)
