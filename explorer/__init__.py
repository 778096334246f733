"""Latent-space explorer: a library of latent-variable models and an app to move through what they learn."""
