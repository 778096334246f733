"""Train: make a new run, and watch runs learn: their curves and their latent map, epoch by epoch."""

import streamlit as st

from explorer.locations import READONLY
from explorer.ui.components.new_training import new_training
from explorer.ui.components.training_list import training_list
from explorer.ui.components.training_panel import training_panel
from explorer.ui.guard import errors_in_words
from explorer.ui.state import current_view, show_problems
from explorer.ui.training import current_watch

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
