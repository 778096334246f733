"""The training images on the device, and batches of them as the model sees them."""

from typing import NamedTuple

import torch
from torch import Tensor

from explorer.data.batches import FRESH_STREAM, binarise, seeded, stream_seed, to_unit
from explorer.data.images import ImageSplit
from explorer.objectives.share import Share
from explorer.runs.config import TrainingConfig
from explorer.training.distributed import World


class Batch(NamedTuple):
    """What this process holds of a batch.

    Attributes:
        x: images in [0, 1], ``(B, C, H, W)``.
        y: classes, ``(B,)``.
        share: which of the batch's rows these are.
    """

    x: Tensor
    y: Tensor
    share: Share


class TrainingImages:
    """Images and classes, kept as bytes; a batch of them is made on the device, grey or binarised."""

    def __init__(self, split: ImageSplit, config: TrainingConfig, world: World) -> None:
        """Move ``split`` to the world's device; with fixed binarisation, draw its pixels once."""
        self._config, self._world = config, world
        self._bytes = torch.from_numpy(split.images).to(world.device)
        self._labels = torch.from_numpy(split.labels).to(world.device)
        if config.binarisation == "fixed":
            with seeded(config.seed):
                self._bytes = binarise(self._bytes).to(torch.uint8)

    def __len__(self) -> int:
        return len(self._bytes)

    def batch(self, rows: Tensor) -> Batch:
        """Return this process's share of the batch of images ``rows``, ``(n,)``."""
        share = self._world.share(len(rows))
        own = share.own(rows)
        match self._config.binarisation:
            case "per-presentation":
                # All of the batch is drawn, so that an image gets the same pixels however many processes there are.
                x = share.own(binarise(self._bytes[rows]))
            case "fixed":
                x = self._bytes[own].to(torch.float32)
            case "none":
                x = to_unit(self._bytes[own])
        return Batch(x, self._labels[own], share)

    def fresh_batch(self, step: int, index: int) -> Batch:
        """Return a batch of random images, the ``index``-th of those drawn beside training step ``step``."""
        generator = torch.Generator().manual_seed(stream_seed(self._config.seed, FRESH_STREAM, step, index))
        rows = torch.randint(len(self), (min(self._config.batch_size, len(self)),), generator=generator)
        return self.batch(rows.to(self._labels.device))
