"""Decoding while a person points: cached models, one batch for what arrives together, and the HTTP routes."""
