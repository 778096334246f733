"""Small pictures that stand for a run in a list."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.analysis.generation import prior_codes, spread_rows
from explorer.analysis.results import Floats
from explorer.serving.atlas import LoadedRun
from explorer.serving.service import DecodeService

N_PICTURES = 10
STRIP_SEED = 0
MIN_SIDE = 28


def run_strip(service: DecodeService, name: str) -> tuple[bytes, str]:
    """Return a PNG of ten images that the run makes, and its entity tag.

    A model with a prior is sampled from it; an autoencoder, which has none, decodes test codes spread over the classes.
    """
    loaded = service.atlas.run(name)
    codes, labels = _strip_codes(loaded)
    images = service.decode(name, codes, labels)
    return grid_png(images, N_PICTURES), f'"{loaded.run.fingerprint()}-strip"'


def _strip_codes(loaded: LoadedRun) -> tuple[Floats, NDArray[np.int64] | None]:
    model = loaded.config.model
    if not model.has_prior:
        return loaded.encoded.mu[spread_rows(loaded.encoded.labels, N_PICTURES)], None
    labels = None if model.n_classes is None else np.arange(N_PICTURES, dtype=np.int64) % model.n_classes
    return prior_codes(loaded.model, N_PICTURES, seed=STRIP_SEED, labels=labels), labels


def grid_png(images: NDArray[np.uint8], n_columns: int) -> bytes:
    """Return a PNG of images ``(n, C, H, W)`` in rows of ``n_columns``; places left over are black.

    Images narrower than ``MIN_SIDE`` pixels are enlarged by a whole factor, without smoothing.
    """
    n, channels, height, width = images.shape
    n_rows = -(-n // n_columns)
    cells = np.zeros((n_rows * n_columns, channels, height, width), np.uint8)
    cells[:n] = images
    rows = cells.reshape(n_rows, n_columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    factor = -(-MIN_SIDE // width)
    grid: Any = rows.reshape(n_rows * height, n_columns * width, channels).repeat(factor, 0).repeat(factor, 1)
    buffer = io.BytesIO()
    Image.fromarray(grid[..., 0] if channels == 1 else grid).save(buffer, format="PNG")
    return buffer.getvalue()
