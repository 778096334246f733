"""Generate: samples, styles, blends, traversals and manifolds of a model, and what a judge makes of them."""

import streamlit as st

from explorer.ui import session
from explorer.ui.errors import errors_in_words
from explorer.ui.generate.class_blend import class_blend
from explorer.ui.generate.controls import section_control
from explorer.ui.generate.manifold import manifold
from explorer.ui.generate.samples import samples
from explorer.ui.generate.style import style_transfer
from explorer.ui.generate.traversals import traversals
from explorer.ui.generate.view import validated_generate_view
from explorer.ui.view import current_view, show_problems
from explorer.ui.widgets.classifier import offer_judge
from explorer.ui.widgets.run_picker import describe_run, run_picker

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
    names = session.class_names(loaded)
    purpose = "**Make images that no data set has**, and see what the judge reads in them."
    st.markdown(f"{purpose}  \n:small[:gray[{describe_run(loaded.config, loaded.run.test_elbo())}]]")


@st.fragment
def generated() -> None:
    """Show the chosen part of the page; what is chosen in it reruns this part alone."""
    with errors_in_words():
        view = validated_generate_view(loaded, current_view())
        section_control(loaded, view)
        SECTIONS[view.generate](loaded, view, names)


generated()
with errors_in_words():
    offer_judge(loaded)
