"""Images to codes and codes to images: the one place where numpy and torch meet."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.records import EncodedSet
from explorer.data.batches import EVALUATION_STREAM, evaluation_pixels, seeded, to_unit
from explorer.data.images import ImageSplit
from explorer.errors import ConfigError
from explorer.models.distributions import DiagonalNormal
from explorer.models.latent_model import LatentModel
from explorer.objectives.elbo import elbo_terms_given

BATCH = 1000
EVALUATION_SEED = 0
"""Seed of binarised pixels and of posterior samples wherever a test set is scored."""

Labels = NDArray[np.int64] | NDArray[np.float32]
"""Classes, ``(M,)`` int64, or between them weights of all classes, ``(M, n_classes)`` float32, rows that sum to 1."""


@torch.inference_mode()
def encode_split(
    model: LatentModel, split: ImageSplit, *, is_binary: bool, fingerprint: str, rows: range | None = None
) -> EncodedSet:
    """Encode the images of ``split`` and estimate the two terms of their bound.

    What comes of an image does not depend on which others are asked for: noise is drawn for each ``BATCH`` anew.

    Args:
        model: the model, which must be able to encode.
        split: images of the model's shape.
        is_binary: whether the model sees binarised pixels (drawn once, with ``EVALUATION_SEED``).
        fingerprint: of the model's weights.
        rows: a shard of the images, as ``shard_rows`` cuts them; all if left out.

    Raises:
        ConfigError: if the model has no encoder, or the images are not of its shape.
    """
    if split.image_shape != model.config.image_shape:
        raise ConfigError(
            f"{split.name} has images of shape {split.image_shape}; the model was made for {model.config.image_shape}."
        )
    rows = range(len(split)) if rows is None else rows
    # All pixels are drawn, also for a shard: an image gets the same ones however many processes there are.
    pixels = evaluation_pixels(torch.from_numpy(split.images), is_binary=is_binary, seed=EVALUATION_SEED)
    labels = torch.from_numpy(split.labels)
    # torch's distributions know no empty batches: a shard without images encodes one, and keeps nothing of it.
    needed = rows or range(1)
    batches = (slice(start, min(start + BATCH, needed.stop)) for start in range(needed.start, needed.stop, BATCH))
    parts = [_encode_batch(model, pixels, labels, batch) for batch in batches]
    joined = {name: torch.cat([part[name] for part in parts])[: len(rows)].numpy() for name in parts[0]}
    arrays: dict[str, Any] = {"log_var": None, **joined}
    return EncodedSet(labels=split.labels[rows.start : rows.stop], fingerprint=fingerprint, **arrays)


def shard_rows(n: int, rank: int, size: int) -> range:
    """Return the rows of ``n`` images that process ``rank`` of ``size`` encodes: neighbours, in whole batches.

    With more processes than batches some have none.
    """
    n_batches = -(-n // BATCH)
    first, end = (BATCH * (n_batches * k // size) for k in (rank, rank + 1))
    return range(min(first, n), min(end, n))


def _encode_batch(model: LatentModel, pixels: Tensor, labels: Tensor, rows: slice) -> dict[str, Tensor]:
    x, y = pixels[rows], labels[rows]
    with seeded(EVALUATION_SEED, EVALUATION_STREAM, 1, rows.start // BATCH):
        posterior = model.encode(x, y)
        terms = elbo_terms_given(model, posterior, x, y)
    arrays = {"mu": posterior.mean, "reconstruction": -terms.log_likelihood, "kl": terms.kl}
    if isinstance(posterior, Distribution):
        arrays["log_var"] = posterior.log_var if isinstance(posterior, DiagonalNormal) else posterior.variance.log()
    return arrays


@torch.inference_mode()
def encode_images(model: LatentModel, images: Images, labels: NDArray[np.int64] | None = None) -> Floats:
    """Return the mean of q(z|x) for each image, shape ``(M, L)``.

    Greys are encoded as they are, in [0, 1], by a model of binary images too: a drawing is not binarised.

    Args:
        model: a model with an encoder.
        images: uint8, shape ``(M, C, H, W)``.
        labels: classes, shape ``(M,)``, for a model that needs them.

    Raises:
        ConfigError: if the model has no encoder, or needs classes and gets none.
    """
    y = None if labels is None else torch.from_numpy(labels)
    codes: Floats = model.encode(to_unit(torch.from_numpy(images.copy())), y).mean.numpy()
    return codes


def decode_codes(model: LatentModel, z: Floats, labels: Labels | None = None) -> Images:
    """Return the mean image of p(x|z) for each code, uint8 of shape ``(M, C, H, W)``.

    Args:
        model: the model.
        z: codes, shape ``(M, L)``.
        labels: classes, or weights of them, for a model that needs them.
    """
    return as_pixels(decoded_means(model, z, labels))


@torch.inference_mode()
def decoded_means(model: LatentModel, z: Floats, labels: Labels | None = None) -> Tensor:
    """Return the mean of p(x|z), clamped to [0, 1], for codes ``(M, L)``, shape ``(M, C, H, W)``."""
    y = None if labels is None else torch.from_numpy(labels)
    mean: Tensor = model.decode(torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32)), y).mean
    return mean.clamp(0, 1)


@torch.inference_mode()
def as_pixels(means: Tensor) -> Images:
    """Return images in [0, 1] as uint8 of the same shape."""
    images: Images = means.mul(255).round().to(torch.uint8).numpy()
    return images
