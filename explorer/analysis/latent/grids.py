"""Codes laid out in rows and columns: a plane of a prior, dimensions moved one by one, blends of classes, one style."""

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats
from explorer.errors import ConfigError


def manifold_codes(n_side: int, mean: Floats, scale: Floats) -> Floats:
    """Return codes that cut a normal p(z) of two dimensions into cells of equal probability, a code in each middle.

    Args:
        n_side: cells along either dimension.
        mean: of p(z), ``(2,)``.
        scale: its deviations, ``(2,)``.

    Returns:
        ``(n_side, n_side, 2)``: in a row the first dimension grows to the right, and the second grows upwards.

    Source: Kingma & Welling (2014), appendix A, figure 4, https://arxiv.org/abs/1312.6114.
    """
    from scipy.special import ndtri

    noise = ndtri((np.arange(n_side) + 0.5) / n_side)
    across, up = np.meshgrid(noise, noise[::-1])
    codes: Floats = (mean + scale * np.stack([across, up], axis=-1)).astype(np.float32)
    return codes


def traversal_codes(start: Floats, dims: NDArray[np.int64], values: Floats) -> Floats:
    """Return ``start`` with one dimension moved at a time.

    Args:
        start: a code, ``(L,)``.
        dims: the dimensions, ``(D,)``, a row each.
        values: that dimension ``dims[k]`` takes in row k, ``(D, T)``.

    Returns:
        ``(D, T, L)``.
    """
    n_rows, n_columns = values.shape
    codes = np.broadcast_to(start, (n_rows, n_columns, len(start))).astype(np.float32)
    codes[np.arange(n_rows), :, dims] = values
    return codes


def blend_weights(n_classes: int, ends: tuple[int, int], n_steps: int) -> Floats:
    """Return weights of the classes that go from one to another in equal steps, ``(n_steps, n_classes)``.

    Args:
        n_classes: of the model.
        ends: the first class and the last.
        n_steps: both ends among them, at least 2.

    Raises:
        ConfigError: if an end is no class, or there are fewer than 2 steps.
    """
    if n_steps < 2 or not all(0 <= end < n_classes for end in ends):
        raise ConfigError(
            f"A blend from class {ends[0]} to {ends[1]} in {n_steps} steps is none: use classes 0 to {n_classes - 1} "
            "and at least 2 steps."
        )
    share = np.linspace(0, 1, n_steps)[:, None]
    first, last = np.eye(n_classes)[list(ends)]
    weights: Floats = ((1 - share) * first + share * last).astype(np.float32)
    return weights


def same_style_codes(z: Floats, label: int, mean: Floats, scale: Floats) -> Floats:
    """Return the code that each class has the style of ``z`` by: the same noise under its own normal prior, ``(K, L)``.

    Where all classes have one prior that is ``z`` itself.

    Args:
        z: a code, ``(L,)``, of an image of class ``label``.
        label: its class.
        mean: of p(z|y), ``(K, L)``.
        scale: its deviations, ``(K, L)``.
    """
    noise = (z - mean[label]) / scale[label]
    codes: Floats = (mean + scale * noise).astype(np.float32)
    codes[label] = z
    return codes


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
