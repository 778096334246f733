"""Generate: pick a class and see samples of it, or sample the prior of a model that knows no class."""

import streamlit as st

from explorer.ui import resources
from explorer.ui.checking import fitting_class_view
from explorer.ui.components.generator import class_samples, prior_samples, reconstructions
from explorer.ui.components.run_picker import describe_run, run_picker
from explorer.ui.guard import errors_in_words
from explorer.ui.state import current_view, show_problems

view = current_view()
show_problems()
with errors_in_words():
    with st.columns([5, 8])[0]:
        loaded = run_picker(view)
    view = fitting_class_view(loaded, current_view())
    names = resources.class_names(loaded)
    st.caption(describe_run(loaded.config, loaded.run.test_elbo()))
    match loaded.config.model.family:
        case "cvae":
            class_samples(loaded, view, names)
        case "vae" | "gan":
            prior_samples(loaded, view)
        case "ae":
            reconstructions(loaded, names)
