"""The script behind every page: page configuration and navigation, nothing else."""

import streamlit as st

from explorer.locations import PAGES
from explorer.ui.theme import ICON, apply_appearance
from explorer.ui.view import know_views
from explorer.ui.views import VIEWS

st.set_page_config(page_title="Latent-space explorer", page_icon=ICON, layout="wide")
apply_appearance()
know_views(*VIEWS)

st.navigation(
    [
        st.Page(PAGES / "latent_map.py", title="Latent map", icon=":material/scatter_plot:", default=True),
        st.Page(PAGES / "interpolate.py", title="Interpolate", icon=":material/timeline:"),
        st.Page(PAGES / "generate.py", title="Generate", icon=":material/auto_awesome:"),
        st.Page(PAGES / "compare.py", title="Compare", icon=":material/compare:"),
        st.Page(PAGES / "evaluate.py", title="Evaluate", icon=":material/query_stats:"),
        st.Page(PAGES / "train.py", title="Train", icon=":material/model_training:"),
    ],
    position="top",
).run()
