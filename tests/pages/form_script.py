"""A page that is the form of a new run and nothing else, for tests: what it returned is in the session."""

import os
from pathlib import Path

import streamlit as st

from explorer.ui.theme import apply_appearance
from explorer.ui.train.estimate import training_estimate
from explorer.ui.train.form import config_form

st.set_page_config(page_title="New run", layout="wide")
apply_appearance()
st.session_state["returned"] = new_run = config_form(Path(os.environ["EXPLORER_CHECKPOINTS"]))
if new_run is not None and "no-estimate" not in st.session_state:
    training_estimate(new_run)
