"""Codes drawn from q(z|x) of one image: what the encoder leaves open about it."""

from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.arrays import Floats

if TYPE_CHECKING:
    from explorer.data.images import ImageSplit
    from explorer.models.latent_model import LatentModel

_RESAMPLING = 2
"""Keeps these draws apart from the others of the evaluation stream."""


def normal_samples(mu: Floats, log_var: Floats, n: int, *, seed: int) -> Floats:
    """Return ``n`` draws mu + exp(log_var / 2) epsilon, shape ``(n, L)``; draw k is the same whatever ``n`` is.

    Args:
        mu: mean, shape ``(L,)``.
        log_var: logarithm of the variances, shape ``(L,)``.
        n: how many.
        seed: of epsilon, from numpy's default generator.

    Source: Kingma & Welling (2014), section 2.4, https://arxiv.org/abs/1312.6114.
    """
    epsilon = np.random.default_rng(seed).standard_normal((n, len(mu)))
    codes: Floats = (mu + np.exp(0.5 * log_var.astype(np.float64)) * epsilon).astype(np.float32)
    return codes


def posterior_samples(
    model: "LatentModel", split: "ImageSplit", row: int, n: int, *, seed: int, is_binary: bool
) -> Floats:
    """Return ``n`` draws from q(z|x) of an image, shape ``(n, L)``, whatever its family: the image is encoded again.

    Args:
        model: a model with a posterior.
        split: the images that the model's encoded set was made of.
        row: of the image in ``split``.
        n: how many.
        seed: of the noise, which is torch's.
        is_binary: whether the model sees binarised pixels; they are those of the encoded set.
    """
    import torch

    from explorer.analysis.coding import EVALUATION_SEED
    from explorer.data.batches import EVALUATION_STREAM, evaluation_pixels, seeded

    # Binary pixels depend on the number of images, so all must be drawn to have those of one.
    images = split.images if is_binary else split.images[row : row + 1]
    pixels = evaluation_pixels(torch.from_numpy(images), is_binary=is_binary, seed=EVALUATION_SEED)
    x = pixels[row : row + 1] if is_binary else pixels
    with torch.inference_mode(), seeded(seed, EVALUATION_STREAM, _RESAMPLING):
        posterior = model.encode(x, torch.from_numpy(split.labels[row : row + 1]))
        codes: Floats = posterior.rsample((n,))[:, 0].numpy()
    return codes
