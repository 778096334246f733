"""Runs and codes as rows: for the list of runs and for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.analysis.results import EncodedSet
from explorer.errors import CheckpointError
from explorer.runs.listing import RunSummary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRID_SIDE = 56
"""Pixels of an image's side in a grid that is to be looked at."""


def describe(entry: RunSummary) -> dict[str, Any]:
    """Return a run as a flat dictionary, the same on the command line and over HTTP."""
    model = entry.config.model if entry.config else None
    return {
        "name": entry.name,
        "family": model.family if model else None,
        "data": entry.config.training.data if entry.config else None,
        "image_shape": list(model.image_shape) if model else None,
        "latent_dim": model.latent_dim if model else None,
        "n_classes": model.n_classes if model else None,
        "likelihood": model.likelihood if model else None,
        "elbo": entry.test_elbo,
        "projections": list(entry.projections),
        "error": entry.error,
    }


def write_codes(path: Path, encoded: EncodedSet) -> None:
    """Write a Parquet file: row, label, mu_0 …, log_var_0 … (not for an autoencoder), reconstruction and kl in nats."""
    import io

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from explorer.runs.files import write_atomically

    columns: dict[str, Any] = {"row": np.arange(len(encoded)), "label": encoded.labels}
    columns |= {f"mu_{i}": encoded.mu[:, i] for i in range(encoded.latent_dim)}
    if encoded.log_var is not None:
        columns |= {f"log_var_{i}": encoded.log_var[:, i] for i in range(encoded.latent_dim)}
    columns |= {"reconstruction": encoded.reconstruction, "kl": encoded.kl}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    write_atomically(path, buffer.getvalue())


def write_images(
    path: Path, images: "NDArray[np.uint8]", codes: "NDArray[np.float32]", labels: "NDArray[np.int64] | None"
) -> None:
    """Write images ``(n, C, H, W)`` as a .png grid of about as many rows as columns, or as an .npz with their codes.

    Raises:
        CheckpointError: if the file is neither, or cannot be written.
    """
    import io

    import numpy as np
    from PIL import Image

    from explorer.runs.files import write_atomically

    buffer = io.BytesIO()
    if path.suffix == ".npz":
        arrays: dict[str, Any] = {"images": images, "codes": codes}
        np.savez_compressed(buffer, **arrays if labels is None else arrays | {"labels": labels})
    elif path.suffix == ".png":
        Image.fromarray(_grid(images)).save(buffer, format="PNG")
    else:
        raise CheckpointError(f"{path} is neither a .png nor an .npz: end its name in one of them.")
    write_atomically(path, buffer.getvalue())


def _grid(images: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Join images ``(n, C, H, W)`` into one, ``(height, width)`` or ``(height, width, C)``; empty places are black.

    Small images are enlarged by a whole factor, without smoothing, to about ``GRID_SIDE`` pixels each.
    """
    import math

    import numpy as np

    n, channels, height, width = images.shape
    n_columns = math.ceil(math.sqrt(n))
    n_rows = math.ceil(n / n_columns)
    cells = np.zeros((n_rows * n_columns, channels, height, width), np.uint8)
    cells[:n] = images
    rows = cells.reshape(n_rows, n_columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    grid: NDArray[np.uint8] = rows.reshape(n_rows * height, n_columns * width, channels)
    factor = max(1, round(GRID_SIDE / width))
    large: NDArray[np.uint8] = grid.repeat(factor, 0).repeat(factor, 1)
    return large[..., 0] if channels == 1 else large
