"""Decoded images as a file: one picture, or numbers with what they were decoded from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from explorer.analysis.arrays import Floats, Images, Labels
    from explorer.serving.batches import ClassWeights

GRID_SIDE = 56
"""Pixels of an image's side in a grid that is to be looked at."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DecodedGrid:
    """Images with what they were decoded from.

    Attributes:
        images: uint8, ``(n, C, H, W)``, row by row.
        codes: shape ``(n, L)``.
        labels: classes ``(n,)``, or shares of every class ``(n, K)``; None for a model without classes.
        n_columns: of the picture; None: about as many as rows.
    """

    images: "Images"
    codes: "Floats"
    labels: "Labels | ClassWeights | None" = None
    n_columns: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GridFormat:
    """A kind of file.

    Attributes:
        title: what it is called, and what it holds.
        mime: its media type.
        to_bytes: makes it.
    """

    title: str
    mime: str
    to_bytes: Callable[[DecodedGrid], bytes]


def write_grid(path: Path, grid: DecodedGrid) -> None:
    """Write a file of the kind that its name ends in.

    Raises:
        ConfigError: if there is no such kind.
        CheckpointError: if it cannot be written.
    """
    from explorer.files import write_atomically

    if path.suffix[1:] not in FORMATS:
        kinds = " or ".join(f".{kind}" for kind in FORMATS)
        raise ConfigError(f"{path} cannot hold images: end its name in {kinds}.")
    write_atomically(path, FORMATS[path.suffix[1:]].to_bytes(grid))


def images_npz(images: "Images", codes: "Floats", **columns: "NDArray[Any] | None") -> bytes:
    """Return an .npz of images ``(n, C, H, W)``, codes ``(n, L)`` and ``columns`` of ``(n,)``, but for those None."""
    import io

    import numpy as np

    arrays: dict[str, Any] = {name: column for name, column in columns.items() if column is not None}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=images, codes=codes, **arrays)
    return buffer.getvalue()


def _png(grid: DecodedGrid) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(_joined(grid)).save(buffer, format="PNG")
    return buffer.getvalue()


def _joined(decoded: DecodedGrid) -> "NDArray[np.uint8]":
    """Join images into one, ``(height, width)`` or ``(height, width, C)``; empty places are black.

    Small images are enlarged by a whole factor, without smoothing, to about ``GRID_SIDE`` pixels each.
    """
    import math

    import numpy as np

    n, channels, height, width = decoded.images.shape
    n_columns = decoded.n_columns or math.ceil(math.sqrt(n))
    n_rows = math.ceil(n / n_columns)
    cells = np.zeros((n_rows * n_columns, channels, height, width), np.uint8)
    cells[:n] = decoded.images
    rows = cells.reshape(n_rows, n_columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    grid: NDArray[np.uint8] = rows.reshape(n_rows * height, n_columns * width, channels)
    factor = max(1, round(GRID_SIDE / width))
    large: NDArray[np.uint8] = grid.repeat(factor, 0).repeat(factor, 1)
    return large[..., 0] if channels == 1 else large


FORMATS = {
    "png": GridFormat(title="PNG, one grid", mime="image/png", to_bytes=_png),
    "npz": GridFormat(
        title="NPZ: images, codes and classes",
        mime="application/octet-stream",
        to_bytes=lambda grid: images_npz(grid.images, grid.codes, labels=grid.labels),
    ),
}
"""By the end of a file's name."""
