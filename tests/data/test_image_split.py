from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from explorer.data.images import ImageSplit
from explorer.errors import DataError


def split(**changes: Any) -> ImageSplit:
    fields: dict[str, Any] = {
        "name": "shapes",
        "part": "train",
        "images": np.arange(5 * 3 * 4 * 6, dtype=np.uint64).astype(np.uint8).reshape(5, 3, 4, 6),
        "labels": np.array([0, 1, 1, 0, 1]),
        "class_names": ("circle", "square", "star"),
    }
    return ImageSplit(**fields | changes)


def test_shape_length_and_classes_are_read_from_the_arrays():
    assert (len(split()), split().image_shape, split().n_classes) == (5, (3, 4, 6), 3)


def test_a_split_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        split().part = "test"


def test_head_keeps_the_first_images_with_their_labels():
    head = split().head(3)
    assert np.array_equal(head.images, split().images[:3])
    assert head.labels.tolist() == [0, 1, 1]
    assert (head.name, head.part, head.class_names) == ("shapes", "train", split().class_names)


def test_head_of_more_than_all_is_all():
    assert len(split().head(99)) == 5


@pytest.mark.parametrize("n", [0, -1])
def test_a_head_of_nothing_is_refused(n):
    with pytest.raises(DataError, match=rf"{n} images of shapes \(train\).*at least 1"):
        split().head(n)


def pixels(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.uint8)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"part": "extra"}, r"shapes has no part 'extra'; use one of train, validation, test"),
        ({"images": np.zeros((5, 1, 4, 4), np.float32)}, r"float32 of shape \(5, 1, 4, 4\); expected uint8"),
        ({"images": pixels(5, 4, 4)}, r"uint8 of shape \(5, 4, 4\); expected uint8 \(N, C, H, W\)"),
        ({"images": pixels(0, 1, 4, 4), "labels": np.zeros(0, np.int64)}, r"\(0, 1, 4, 4\).*at least one image"),
        ({"images": pixels(5, 0, 4, 4)}, r"\(5, 0, 4, 4\): there is nothing in them"),
        ({"images": pixels(5, 4, 4, 3).transpose(0, 3, 1, 2)}, r"not C-contiguous.*ascontiguousarray"),
        ({"labels": np.zeros(5, np.int32)}, r"int32 of shape \(5,\); expected int64 \(5,\)"),
        ({"labels": np.zeros(4, np.int64)}, r"int64 of shape \(4,\); expected int64 \(5,\)"),
        ({"labels": np.array([0, 1, 2, 3, 0])}, r"run from 0 to 3; expected 0 to 2"),
        ({"labels": np.array([0, -1, 2, 1, 0])}, r"run from -1 to 2; expected 0 to 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_words(changes, text):
    with pytest.raises(DataError, match=text):
        split(**changes)
