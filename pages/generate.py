"""Generate: samples, styles, blends, traversals and manifolds of a model, and what a judge makes of them."""

import streamlit as st

from explorer.ui import resources
from explorer.ui.checking import fitting_generate_view
from explorer.ui.components.class_blend import class_blend
from explorer.ui.components.generation_controls import section_control
from explorer.ui.components.generator import samples
from explorer.ui.components.judge import offer_judge
from explorer.ui.components.manifold import manifold
from explorer.ui.components.run_picker import describe_run, run_picker
from explorer.ui.components.style_transfer import style_transfer
from explorer.ui.components.traversals import traversals
from explorer.ui.guard import errors_in_words
from explorer.ui.state import current_view, show_problems

SECTIONS = {
    "samples": samples,
    "style": style_transfer,
    "blend": class_blend,
    "traverse": traversals,
    "manifold": manifold,
}

view = current_view()
show_problems()
with errors_in_words():
    with st.columns([5, 8])[0]:
        loaded = run_picker(view)
    names = resources.class_names(loaded)
    purpose = "**Make images that no data set has**, and see what the judge reads in them."
    st.markdown(f"{purpose}  \n:small[:gray[{describe_run(loaded.config, loaded.run.test_elbo())}]]")


@st.fragment
def generated() -> None:
    """Show the chosen part of the page; what is chosen in it reruns this part alone."""
    with errors_in_words():
        view = fitting_generate_view(loaded, current_view())
        section_control(loaded, view)
        SECTIONS[view.generate](loaded, view, names)


generated()
with errors_in_words():
    offer_judge(loaded)
