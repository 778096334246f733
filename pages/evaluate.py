"""Evaluate: one run in numbers: its bound taken apart, log p(x), dimensions, extremes, and how codes meet the prior."""

import streamlit as st

from explorer.ui.errors import errors_in_words
from explorer.ui.evaluate.sections import evaluation
from explorer.ui.evaluate.view import EvaluateView
from explorer.ui.view import current_view, show_problems
from explorer.ui.widgets.run_picker import describe_loaded, run_picker

view = current_view(EvaluateView)
show_problems()
with errors_in_words():
    with st.columns([5, 8])[0]:
        loaded = run_picker(view)
    purpose = "**What is this model worth?** Its bound taken apart, and how its codes and its prior fit."
    st.markdown(f"{purpose}  \n:small[:gray[{describe_loaded(loaded)}]]")


@st.fragment
def evaluated() -> None:
    """Show the chosen part of the page; what is chosen in it reruns this part alone."""
    with errors_in_words():
        evaluation(loaded, current_view(EvaluateView))


evaluated()
