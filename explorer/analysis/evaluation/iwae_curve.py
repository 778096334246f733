"""How the importance-weighted bound on log p(x) rises with the number of its samples, and what the samples are worth.

The estimators are those of ``objectives/importance.py``; here is what is asked of them for a set of images.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.analysis.arrays import Doubles
from explorer.analysis.coding import EVALUATION_SEED
from explorer.data.batches import EVALUATION_STREAM, evaluation_pixels, seeded
from explorer.data.images import ImageSplit
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress, Stages
from explorer.models.latent_model import LatentModel
from explorer.objectives.importance import MAX_DECODED, importance_weighted_bound, sample_weights

IMAGES_AT_ONCE = 50
_GROWTH = 3
"""Keeps these draws apart from the others of the evaluation stream."""

WEIGHING = "batches of samples weighed"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoundGrowth:
    """The bound L_k of each of N images for each of K numbers of samples.

    Attributes:
        k: numbers of samples, ascending from 1, int64, shape ``(K,)``.
        bounds: L_k of each image in nats, a mean over as many disjoint groups of k as there are samples for,
            shape ``(K, N)``. In expectation each is a lower bound on log p(x), L_1 is the ELBO, and they rise with k.
        effective: effective number of samples of each image among the most, from 1 to the last k, shape ``(N,)``.
        seed: of pixels and samples.
    """

    k: NDArray[np.int64]
    bounds: Doubles
    effective: Doubles
    seed: int

    def gains(self) -> Doubles:
        """Return L_k - L_1 of each image, in nats, shape ``(K, N)``: from the same samples, so the noise is shared."""
        gains: Doubles = self.bounds - self.bounds[0]
        return gains


def sample_counts(most: int) -> list[int]:
    """Return 1, 2, 5, 10, 20, … up to ``most``, and ``most``.

    Raises:
        ConfigError: if ``most`` is below 1.
    """
    if most < 1:
        raise ConfigError(f"{most} importance samples are too few: use at least 1.")
    steps = (factor * 10**power for power in range(len(str(most))) for factor in (1, 2, 5))
    return [*(step for step in steps if step < most), most]


@torch.inference_mode()
def bound_growth(
    model: LatentModel,
    split: ImageSplit,
    *,
    is_binary: bool,
    n_samples: int,
    on_progress: OnProgress | None = None,
) -> BoundGrowth:
    """Return the bounds of the images of ``split`` with up to ``n_samples`` samples each, by ``EVALUATION_SEED``.

    Args:
        model: a model with a prior and an encoder.
        split: images of its shape.
        is_binary: whether it sees binarised pixels; they depend on the number of images.
        n_samples: of each image, the most.
        on_progress: told after each batch of samples; what it raises ends the computation.

    Raises:
        ConfigError: if the model has no prior or no encoder, or ``n_samples`` is below 1.

    Source: Burda, Grosse & Salakhutdinov (2016), theorem 1, https://arxiv.org/abs/1509.00519.
    """
    counts = sample_counts(n_samples)
    log_weights = _log_weights(model, split, is_binary=is_binary, n_samples=n_samples, on_progress=on_progress)
    return BoundGrowth(
        k=np.array(counts),
        bounds=np.stack([grouped_bound(log_weights, k).numpy() for k in counts]),
        effective=effective_samples(log_weights).numpy(),
        seed=EVALUATION_SEED,
    )


def grouped_bound(log_weights: Tensor, k: int) -> Tensor:
    """Return the mean over disjoint groups of ``k`` of their bound L_k, in nats: shape ``(S, N)`` to ``(N,)``.

    What is left over after the last whole group is not used.
    """
    n_groups = len(log_weights) // k
    groups = log_weights[: n_groups * k].view(n_groups, k, -1).transpose(0, 1)
    return importance_weighted_bound(groups).mean(0)


def effective_samples(log_weights: Tensor) -> Tensor:
    """Return the effective number of samples, (sum w)^2 / sum w^2, from 1 to S: shape ``(S, N)`` to ``(N,)``.

    Source: Kong (1992), A note on importance sampling using standardized weights; Elvira, Martino & Robert (2022),
    https://arxiv.org/abs/1809.04129, on what it does not say.
    """
    return (2 * torch.logsumexp(log_weights, 0) - torch.logsumexp(2 * log_weights, 0)).exp()


def _log_weights(
    model: LatentModel, split: ImageSplit, *, is_binary: bool, n_samples: int, on_progress: OnProgress | None
) -> Tensor:
    """Return the logarithms of the weights in nats, float64, shape ``(S, N)``."""
    pixels = evaluation_pixels(torch.from_numpy(split.images), is_binary=is_binary, seed=EVALUATION_SEED)
    labels = torch.from_numpy(split.labels)
    stages = Stages({WEIGHING: 1.0}, on_progress or (lambda _: None))
    parts = list(_parts(len(split), n_samples))
    log_weights = torch.empty(n_samples, len(split), dtype=torch.float64)
    with seeded(EVALUATION_SEED, EVALUATION_STREAM, _GROWTH):
        for n_done, (rows, samples) in enumerate(parts):
            stages.count(WEIGHING, n_done, len(parts))
            weights = sample_weights(model, pixels[rows], labels[rows], n_samples=samples.stop - samples.start)
            log_weights[samples, rows] = weights.total().double()
    return log_weights


def _parts(n_images: int, n_samples: int) -> Iterator[tuple[slice, slice]]:
    """Return the images and the samples of each batch."""
    for row in range(0, n_images, IMAGES_AT_ONCE):
        rows = slice(row, min(row + IMAGES_AT_ONCE, n_images))
        n_at_once = max(1, MAX_DECODED // (rows.stop - rows.start))
        for start in range(0, n_samples, n_at_once):
            yield rows, slice(start, min(start + n_at_once, n_samples))
