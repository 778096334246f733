"""Generate: samples, styles, blends, traversals and manifolds of a model, and what a classifier makes of them."""

import streamlit as st

from explorer.ui import session
from explorer.ui.errors import errors_in_words
from explorer.ui.generate.sections import SECTIONS, sections_of, validated_generate_view
from explorer.ui.generate.view import GenerateView
from explorer.ui.sections import section_control
from explorer.ui.view import current_view, show_problems
from explorer.ui.widgets.classifier import offer_classifier
from explorer.ui.widgets.run_picker import describe_loaded, run_picker

view = current_view(GenerateView)
show_problems()
with errors_in_words():
    with st.columns([5, 8])[0]:
        loaded = run_picker(view)
    names = session.class_names(loaded)
    purpose = "**Make images that no data set has**, and see what the judge reads in them."
    st.markdown(f"{purpose}  \n:small[:gray[{describe_loaded(loaded)}]]")


@st.fragment
def generated() -> None:
    """Show the chosen part of the page; what is chosen in it reruns this part alone."""
    with errors_in_words():
        view = validated_generate_view(loaded, current_view(GenerateView))
        section_control(SECTIONS, view, "generate", "What to generate", offered=sections_of(loaded))
        SECTIONS[view.generate].show(loaded, view, names)


generated()
with errors_in_words():
    offer_classifier(loaded)
