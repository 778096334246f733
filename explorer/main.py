"""The script behind every page: page configuration and navigation, nothing else."""

import streamlit as st

from explorer.locations import PAGES

st.set_page_config(page_title="Latent-space explorer", page_icon=":material/scatter_plot:", layout="wide")

st.navigation(
    [
        st.Page(PAGES / "latent_map.py", title="Latent map", icon=":material/scatter_plot:", default=True),
        st.Page(PAGES / "generate.py", title="Generate", icon=":material/auto_awesome:"),
    ],
    position="top",
).run()
