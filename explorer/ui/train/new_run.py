"""A new run: its form, what it will take, and the button that starts it."""

import streamlit as st

from explorer.ui.text import as_text
from explorer.ui.train.actions import begin, said
from explorer.ui.train.estimate import training_estimate
from explorer.ui.train.form import config_form
from explorer.ui.view import rerun_page


def new_training() -> None:
    """Show the form of a new run; when it is started, the page shows its training instead."""
    st.subheader("Train a new model")
    new_run = config_form()
    # Filled last: a part that runs itself again may cut off what the script has not come to yet.
    estimate = st.container()
    label = "Download and start" if new_run is not None and new_run.download else "Start training"
    is_started = st.button(label, type="primary", icon=":material/play_arrow:", disabled=new_run is None, key="start")
    if new_run is not None:
        with estimate:
            training_estimate(new_run)
    if not is_started:
        return
    assert new_run is not None, "the button is disabled without one"
    with st.spinner(f"Making {as_text(new_run.name)} …"):
        begin(new_run)
    if said().refusal:
        st.error(as_text(said().refusal), icon=":material/error:")
        said().refusal = ""
    else:
        rerun_page()
