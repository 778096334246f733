"""The training images on the device, and batches of them as the model sees them."""

import torch
from torch import Tensor

from explorer.data.batches import FRESH_STREAM, binarise, seeded, stream_seed, to_unit
from explorer.data.images import ImageSplit
from explorer.runs.config import TrainingConfig


class TrainingImages:
    """Images and classes, kept as bytes; a batch of them is made on the device, grey or binarised."""

    def __init__(self, split: ImageSplit, config: TrainingConfig, device: torch.device) -> None:
        """Move ``split`` to ``device``; with fixed binarisation, draw its pixels once."""
        self._config = config
        self._bytes = torch.from_numpy(split.images).to(device)
        self._labels = torch.from_numpy(split.labels).to(device)
        if config.binarisation == "fixed":
            with seeded(config.seed):
                self._bytes = binarise(self._bytes).to(torch.uint8)

    def __len__(self) -> int:
        return len(self._bytes)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return images in [0, 1], ``(B, C, H, W)``, and classes, ``(B,)``, of ``rows``, ``(B,)``."""
        chosen = self._bytes[rows]
        match self._config.binarisation:
            case "per-presentation":
                x = binarise(chosen)
            case "fixed":
                x = chosen.to(torch.float32)
            case "none":
                x = to_unit(chosen)
        return x, self._labels[rows]

    def fresh_batch(self, step: int, index: int) -> tuple[Tensor, Tensor]:
        """Return a batch of random images, the ``index``-th of those drawn beside training step ``step``."""
        generator = torch.Generator().manual_seed(stream_seed(self._config.seed, FRESH_STREAM, step, index))
        rows = torch.randint(len(self), (min(self._config.batch_size, len(self)),), generator=generator)
        return self.batch(rows.to(self._labels.device))
