"""What an encoded test set must be to be that of a run: of its model and data set, and codes that can be drawn."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from explorer.analysis.records import MAX_CODE, EncodedSet
from explorer.errors import CheckpointError
from explorer.models.config import ModelConfig
from explorer.runs.config import RunConfig

_MAX_CHARACTERS = 80


def model_and_data(config: RunConfig) -> dict[str, str]:
    """Return the metadata that say of which model and data set a file was computed."""
    return {"model": config.model.model_dump_json(exclude_defaults=True), "data": config.training.data}


def changed_since(metadata: Mapping[str, str], config: RunConfig) -> str:
    """Say what a file was computed of that ``config`` has otherwise; empty where nothing is, or it does not say."""
    if metadata.get("data", config.training.data) != config.training.data:
        return f"data {metadata['data'][:_MAX_CHARACTERS]!r}"
    if "model" not in metadata:
        return ""
    try:
        before, now = ModelConfig.model_validate_json(metadata["model"]).model_dump(), config.model.model_dump()
    except ValidationError:
        return "what this version cannot read"
    return ", ".join(f"{name} {value!r}" for name, value in before.items() if value != now[name])


def check_fits(encoded: EncodedSet, model: ModelConfig) -> None:
    """Check that a model of this configuration can have made an encoded set.

    Raises:
        ValueError: if none can: another number of dimensions, variances too many or missing, a class beyond its own.
    """
    if encoded.latent_dim != model.latent_dim:
        raise ValueError(f"its codes have {encoded.latent_dim} dimensions, config.json says {model.latent_dim}")
    if (encoded.log_var is not None) != model.has_bound:
        raise ValueError(f"it {'has' if encoded.log_var is not None else 'lacks'} variances")
    if model.n_classes is not None and encoded.labels.max() >= model.n_classes:
        raise ValueError(f"it has class {encoded.labels.max()}, config.json says {model.n_classes} classes")


def check_codes(path: Path, encoded: EncodedSet) -> None:
    """Check that the codes read from ``path`` are finite and small enough to be drawn.

    Raises:
        CheckpointError: if some are not, with how many.
    """
    n_lost = int((~(np.abs(encoded.mu) <= MAX_CODE).all(axis=1)).sum())
    if n_lost:
        raise CheckpointError(
            f"{path} has codes that are not finite numbers within {MAX_CODE:g}, for {n_lost:,} of {len(encoded):,} "
            "images: the model has diverged, or the file was changed. Encode it again, or train it anew with a smaller "
            "learning rate."
        )
