"""A grid of codes between four corners. numpy only."""

import numpy as np

from explorer.analysis.results import Floats
from explorer.errors import ConfigError

MAX_SIDE = 32
"""Rows, and columns, of a grid of images that can still be looked at; decoded as one request (1,024 codes)."""


def bilinear_grid(corners: Floats, n_rows: int, n_columns: int) -> Floats:
    """Return codes, shape ``(n_rows, n_columns, L)``, between four corners by bilinear interpolation.

    Rows and columns are straight lines at constant latent speed; the corners are exact, and the centre is their mean.

    Args:
        corners: top left, top right, bottom left, bottom right, shape ``(4, L)``.
        n_rows: 2 to ``MAX_SIDE``.
        n_columns: 2 to ``MAX_SIDE``.

    Raises:
        ConfigError: if there are too few or too many rows or columns.
    """
    if corners.ndim != 2 or len(corners) != 4:
        raise ValueError(f"corners have shape {corners.shape}, expected (4, L)")
    for name, n in (("rows", n_rows), ("columns", n_columns)):
        if not 2 <= n <= MAX_SIDE:
            raise ConfigError(f"A grid of {n} {name} between four corners cannot be shown: use 2 to {MAX_SIDE}.")
    down = np.linspace(0, 1, n_rows)[:, None, None, None]
    across = np.linspace(0, 1, n_columns)[:, None, None]
    top_left, top_right, bottom_left, bottom_right = corners.astype(np.float64)
    top = (1 - across) * top_left + across * top_right
    bottom = (1 - across) * bottom_left + across * bottom_right
    grid: Floats = ((1 - down) * top + down * bottom).astype(np.float32)
    return grid[:, :, 0]
