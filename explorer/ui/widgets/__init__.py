"""Pieces of a page, a file each."""
