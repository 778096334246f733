"""Train: make a new run, and watch runs learn: their curves and their latent map, epoch by epoch."""

import streamlit as st

from explorer.locations import READONLY
from explorer.ui.errors import errors_in_words
from explorer.ui.train.actions import view_to_show
from explorer.ui.train.monitor import training_panel
from explorer.ui.train.new_run import new_training
from explorer.ui.train.runs import training_list
from explorer.ui.train.view import TrainView
from explorer.ui.view import current_view, show_problems

view = current_view(TrainView)
show_problems()
with errors_in_words():
    training_list(view_to_show(view))
    view = current_view(TrainView)
    if view.training_run:
        training_panel(view.training_run)
    elif READONLY:
        st.info(
            "This app only shows what is there (EXPLORER_READONLY is set): nothing is trained, changed or deleted. "
            "Choose a run above to see how it learned.",
            icon=":material/visibility:",
        )
    else:
        new_training()
