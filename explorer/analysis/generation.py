"""Codes to generate from: draws from a prior, and which encoded images to show for a set."""

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.results import Floats


def prior_codes(n: int, latent_dim: int, *, seed: int, temperature: float = 1.0) -> Floats:
    """Return ``n`` draws from N(0, temperature^2 I), shape ``(n, latent_dim)``.

    A temperature of 1 is the prior; below it the draws keep to its middle, which is no longer the model's distribution.
    Draw k is the same whatever ``n`` is.
    """
    noise = np.random.default_rng(seed).standard_normal((n, latent_dim))
    return (temperature * noise).astype(np.float32)


def spread_rows(labels: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return ``n`` rows that take the classes in turn, in the order in which they stand; fewer if there are fewer."""
    occurrence = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        occurrence[members] = np.arange(len(members))
    return np.lexsort((labels, occurrence))[:n]
