"""What every data set becomes: uint8 images with their classes, checked once.

Where images come from is in ``catalogue.py``, how they become batches in ``batches.py``. NumPy alone, because the
first screen reads image shapes and class names and must not import torch for it.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from explorer.errors import DataError

Part = Literal["train", "validation", "test"]

PARTS: tuple[Part, ...] = ("train", "validation", "test")
"""The parts of a data set: to fit, to choose, to report."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ImageSplit:
    """One part of a data set.

    Attributes:
        name: the data set, as in the catalogue.
        part: which of its parts.
        images: uint8 in [0, 255], shape ``(N, C, H, W)``, C-contiguous, N >= 1.
        labels: class of each image, int64 in [0, n_classes), shape ``(N,)``.
        class_names: a name per class, in the order of the labels.

    Raises:
        DataError: an array has the wrong type, shape or length, or a label has no class name.
    """

    name: str
    part: Part
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_part(self)
        _check_images(self)
        _check_labels(self)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width in pixels."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def n_classes(self) -> int:
        """Number of classes, whether or not each has an image here."""
        return len(self.class_names)

    def head(self, n: int) -> Self:
        """Return the first ``n`` images, or all of them where there are fewer; the arrays are shared.

        Raises:
            DataError: ``n`` is below 1.
        """
        if n < 1:
            raise DataError(f"{n} images of {_title(self)} were asked for; ask for at least 1.")
        return replace(self, images=self.images[:n], labels=self.labels[:n])


def _title(split: ImageSplit) -> str:
    return f"{split.name} ({split.part})"


def _check_part(split: ImageSplit) -> None:
    if split.part not in PARTS:
        raise DataError(f"{split.name} has no part {split.part!r}; use one of {', '.join(PARTS)}.")


def _check_images(split: ImageSplit) -> None:
    images = split.images
    if images.dtype != np.uint8 or images.ndim != 4:
        raise DataError(
            f"The images of {_title(split)} are {images.dtype} of shape {images.shape}; expected uint8 (N, C, H, W). "
            f"Scale pixels to 0..255 and add the missing axes."
        )
    if 0 in images.shape:
        raise DataError(
            f"The images of {_title(split)} have shape {images.shape}: there is nothing in them. Give at least one "
            f"image of at least one pixel."
        )
    if not images.flags.c_contiguous:
        raise DataError(
            f"The images of {_title(split)} are not C-contiguous (strides {images.strides}). "
            f"Pass numpy.ascontiguousarray(images)."
        )


def _check_labels(split: ImageSplit) -> None:
    labels = split.labels
    if labels.dtype != np.int64 or labels.shape != (len(split.images),):
        raise DataError(
            f"The labels of {_title(split)} are {labels.dtype} of shape {labels.shape}; expected int64 "
            f"({len(split.images)},), one class index per image."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= split.n_classes:
        raise DataError(
            f"The labels of {_title(split)} run from {low} to {high}; expected 0 to {split.n_classes - 1}, because "
            f"class_names names {split.n_classes} classes. Correct the labels, or name every class."
        )
