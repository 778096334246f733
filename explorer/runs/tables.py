"""Runs and codes as rows: for the list of runs and for other programs."""

from pathlib import Path
from typing import Any

from explorer.analysis.results import EncodedSet
from explorer.runs.run import RunSummary


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
