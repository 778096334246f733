"""From uint8 images to batches in [0, 1], each a function of seeds alone.

A permutation depends on (seed, epoch) and noise on (seed, step), never on what was drawn before. That makes a run
that was stopped and resumed equal to one that never was.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

PERMUTATION_STREAM, NOISE_STREAM, EVALUATION_STREAM, FRESH_STREAM, RECORDING_STREAM = 0, 1, 2, 3, 4


def stream_seed(*key: int) -> int:
    """Return a 63-bit seed that is a hash of ``key``: neighbouring keys give unrelated streams."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """Return the order of ``n`` images in an epoch, shape ``(n,)`` int64."""
    generator = torch.Generator().manual_seed(stream_seed(seed, PERMUTATION_STREAM, epoch))
    return torch.randperm(n, generator=generator)


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Run a block whose random draws are a function of ``key``, and leave the outer random state as it was."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(stream_seed(*key))
        yield


def to_unit(images: Tensor) -> Tensor:
    """Turn uint8 pixels into float32 in [0, 1], same shape."""
    return images.to(torch.float32).div_(255)


def binarise(images: Tensor) -> Tensor:
    """Draw each pixel as 0 or 1 with its grey value as the probability of 1: uint8 in, float32 out, same shape."""
    return (torch.rand(images.shape, device=images.device).mul_(255) < images).to(torch.float32)


def evaluation_pixels(images: Tensor, *, is_binary: bool, seed: int = 0) -> Tensor:
    """Return pixels in [0, 1] as a model sees them in evaluation: grey, or binarised once with ``seed``.

    The draw depends on the seed and the number of images alone, so two runs are scored on the same binary images.
    """
    if not is_binary:
        return to_unit(images)
    with seeded(seed, EVALUATION_STREAM):
        return binarise(images)
