"""Reads images back from the pictures in which pages show them."""

import numpy as np
from numpy.typing import NDArray

from explorer.ui.widgets.images import GAP


def cells(picture: NDArray[np.uint8], n_rows: int, n_columns: int, side: int) -> NDArray[np.uint8]:
    """Return the images of a grid as they were before they were enlarged, shape ``(R, M, H, W)``."""
    height, width = picture.shape[0] // n_rows, picture.shape[1] // n_columns
    grid = picture[..., 0].reshape(n_rows, height, n_columns, width).swapaxes(1, 2)
    factor = (width - 2 * GAP) // side
    inner = grid[:, :, GAP : height - GAP, GAP : width - GAP]
    assert inner.shape[2:] == (factor * side, factor * side)
    return inner[:, :, factor // 2 :: factor, factor // 2 :: factor]


def small(picture: NDArray[np.uint8], side: int = 8) -> NDArray[np.uint8]:
    """Return an image that stands alone as it was before it was enlarged, shape ``(side, side)``."""
    factor = picture.shape[1] // side
    return picture[factor // 2 :: factor, factor // 2 :: factor, 0][:side, :side]
