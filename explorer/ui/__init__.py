"""What knows Streamlit: the state of the view, cached resources, and the pieces that pages are made of."""
