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
    return _to_png(images), f'"{loaded.run.fingerprint()}-strip"'


def _strip_codes(loaded: LoadedRun) -> tuple[Floats, NDArray[np.int64] | None]:
    model = loaded.config.model
    if not model.has_prior:
        return loaded.encoded.mu[spread_rows(loaded.encoded.labels, N_PICTURES)], None
    labels = None if model.n_classes is None else np.arange(N_PICTURES, dtype=np.int64) % model.n_classes
    return prior_codes(loaded.model, N_PICTURES, seed=STRIP_SEED, labels=labels), labels


def _to_png(images: NDArray[np.uint8]) -> bytes:
    factor = -(-MIN_SIDE // images.shape[-1])
    rows = [np.moveaxis(image, 0, -1).repeat(factor, 0).repeat(factor, 1) for image in images]
    strip: Any = np.concatenate(rows, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(strip.squeeze()).save(buffer, format="PNG")
    return buffer.getvalue()
