"""What a command and a page both ask for: no HTTP, no Streamlit."""
