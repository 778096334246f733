"""The little that Streamlit's theme does not decide: margins of the page, and the icon of its tab."""

from pathlib import Path

import streamlit as st

# A file of ours: Streamlit's own icons are fetched from the network.
ICON = str(Path(__file__).with_name("icon.svg"))

_CSS = """
.stMainBlockContainer { padding-top: 4.2rem; padding-bottom: 2rem; max-width: 1500px; }
[data-testid="stElementContainer"]:has(.preload) { display: none; }
.stMainBlockContainer img { image-rendering: pixelated; }
@media (max-width: 640px) { .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; } }
"""


def apply_appearance() -> None:
    """Add the project's style and mark to the page."""
    st.logo(ICON)
    st.html(f"<style>{_CSS}</style>")
