"""Plotly figures: results in, go.Figure out. Nothing here computes a number or knows a page."""
