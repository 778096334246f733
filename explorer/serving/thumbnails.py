"""Small pictures that stand for a run in a list."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.analysis.arrays import Floats
from explorer.analysis.latent.priors import prior_codes, spread_rows
from explorer.serving.decoder import DecodeService
from explorer.serving.run_cache import LoadedRun

N_PICTURES = 10
STRIP_SEED = 0
MIN_SIDE = 28


def run_strip(service: DecodeService, loaded: LoadedRun) -> tuple[bytes, str]:
    """Return a PNG of ten images that the run makes, and its entity tag.

    A model with a prior is sampled from it; an autoencoder, which has none, decodes test codes spread over the classes.
    """
    codes, labels = _strip_codes(loaded)
    images = service.decode(loaded, codes, labels)
    return grid_png(images, N_PICTURES), f'"{loaded.run.fingerprint()}-strip"'


def _strip_codes(loaded: LoadedRun) -> tuple[Floats, NDArray[np.int64] | None]:
    model = loaded.config.model
    if not model.has_prior:
        return loaded.encoded.mu[spread_rows(loaded.encoded.labels, N_PICTURES)], None
    labels = None if model.n_classes is None else np.arange(N_PICTURES, dtype=np.int64) % model.n_classes
    return prior_codes(loaded.model, N_PICTURES, seed=STRIP_SEED, labels=labels), labels


def grid_png(images: NDArray[np.uint8], n_columns: int, *, gap: int = 0) -> bytes:
    """Return a PNG of images ``(n, C, H, W)`` in rows of ``n_columns``; what no image covers is transparent.

    Images narrower than ``MIN_SIDE`` pixels are enlarged by a whole factor, without smoothing.

    Args:
        images: grey or RGB, at least one.
        n_columns: images in a row.
        gap: pixels of the PNG between two images.
    """
    n, channels, height, width = images.shape
    factor = -(-MIN_SIDE // width)
    down, across = height * factor + gap, width * factor + gap
    grid: Any = np.zeros((-(-n // n_columns) * down - gap, n_columns * across - gap, channels + 1), np.uint8)
    for k, image in enumerate(images):
        top, left = k // n_columns * down, k % n_columns * across
        cell = grid[top : top + height * factor, left : left + width * factor]
        cell[..., :-1] = np.moveaxis(image, 0, -1).repeat(factor, 0).repeat(factor, 1)
        cell[..., -1] = 255
    is_covered = bool((grid[..., -1] == 255).all())
    buffer = io.BytesIO()
    Image.fromarray((grid[..., :-1] if is_covered else grid).squeeze()).save(buffer, format="PNG")
    return buffer.getvalue()
