"""Paths between codes, their length and energy."""
