"""Train: make a new run, and watch runs learn: their curves and their latent map, epoch by epoch."""

import streamlit as st

from explorer.locations import READONLY
from explorer.ui.errors import errors_in_words
from explorer.ui.train.actions import current_watch
from explorer.ui.train.monitor import training_panel
from explorer.ui.train.new_run import new_training
from explorer.ui.train.runs import training_list
from explorer.ui.view import current_view, show_problems

view = current_view()
show_problems()
with errors_in_words():
    training_list(current_watch(view))
    view = current_view()
    if view.watch:
        training_panel(view.watch)
    elif READONLY:
        st.info(
            "This app only shows what is there (EXPLORER_READONLY is set): nothing is trained, changed or deleted. "
            "Choose a run above to see how it learned.",
            icon=":material/visibility:",
        )
    else:
        new_training()
