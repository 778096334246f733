"""The little that Streamlit's theme does not decide: margins of the page, and the icon of its tab."""

from pathlib import Path

import streamlit as st

# A file of ours: Streamlit's own icons are fetched from the network.
ICON = str(Path(__file__).with_name("icon.svg"))

# A page's own rules come later, by classes of their own: the element before ours makes it count for more.
STYLE = """
html .stMainBlockContainer { padding-top: 4.2rem; padding-bottom: 2rem; max-width: 1500px; }
html .stMainBlockContainer img { image-rendering: pixelated; }
@media (max-width: 640px) { html .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; } }
"""


def apply_appearance() -> None:
    """Add the project's mark to the page; its style is in the head of all."""
    st.logo(ICON)
