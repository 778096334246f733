import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.training.distributed import World
from explorer.training.images import TrainingImages
from tests.support import digits, run_config

SPLIT = digits("train", 90)

GREY = torch.from_numpy(SPLIT.images.astype(np.float64) / 255)
ROWS = torch.tensor([3, 89, 0, 3])


def images(binarisation: str, **changes) -> TrainingImages:
    return TrainingImages(SPLIT, run_config(binarisation=binarisation, **changes).training, World())


def pixels(source: TrainingImages, rows: Tensor = ROWS, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return source.batch(rows)[0]


@pytest.mark.parametrize("binarisation", ["none", "fixed", "per-presentation"])
def test_a_batch_has_the_classes_of_its_rows(binarisation):
    labels = images(binarisation).batch(ROWS).y
    assert labels.tolist() == SPLIT.labels[ROWS].tolist()


def test_grey_pixels_are_bytes_over_255():
    torch.testing.assert_close(pixels(images("none")).double(), GREY[ROWS], atol=1e-7, rtol=0)


def test_fixed_pixels_are_drawn_once_by_the_seed():
    source = images("fixed")
    first = pixels(source)
    assert torch.equal(first, pixels(source, seed=1))
    assert torch.equal(first[0], first[3])
    assert torch.equal(first, pixels(images("fixed"), seed=2))
    assert not torch.equal(first, pixels(images("fixed", seed=1)))
    assert set(first.unique().tolist()) == {0.0, 1.0}


def test_pixels_of_each_presentation_are_drawn_anew_by_the_noise_of_the_moment():
    source = images("per-presentation")
    first = pixels(source)
    assert torch.equal(first, pixels(source))
    assert not torch.equal(first, pixels(source, seed=1))
    assert not torch.equal(first[0], first[3])


def test_presentations_are_grey_on_average_and_never_in_between():
    source, n = images("per-presentation"), 2000
    rows = torch.arange(5).repeat_interleave(n)
    drawn = pixels(source, rows).view(5, n, 64)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    grey = GREY[:5].view(5, 64)
    error = (grey * (1 - grey) / n).sqrt()
    assert ((drawn.double().mean(1) - grey).abs() <= 5 * error + 1e-12).all()


def test_black_and_white_stay_what_they_are():
    rows = torch.arange(90).repeat(20)
    drawn, grey = pixels(images("per-presentation"), rows), GREY[rows]
    assert drawn[grey == 0].max() == 0
    assert drawn[grey == 1].min() == 1


def test_a_fresh_batch_is_a_function_of_seed_step_and_index():
    source = images("none")

    def fresh(step: int, index: int, of: TrainingImages = source) -> tuple[Tensor, Tensor]:
        torch.rand(step + index + 1)  # what was drawn before must not matter
        return of.fresh_batch(step, index)[:2]

    first, labels = fresh(4, 2)
    again, same_labels = fresh(4, 2)
    assert torch.equal(first, again)
    assert torch.equal(labels, same_labels)
    others = [fresh(4, 3), fresh(5, 2), fresh(2, 4), fresh(4, 2, images("none", seed=1))]
    assert all(not torch.equal(first, other) for other, _ in others)


def test_fresh_batches_are_of_the_batch_size_or_the_whole_set_and_reach_every_image():
    assert len(images("none", batch_size=7).fresh_batch(0, 0)[0]) == 7
    assert len(images("none", batch_size=5000).fresh_batch(0, 0)[0]) == len(SPLIT)
    source = images("none", batch_size=64)
    drawn = torch.cat([source.fresh_batch(0, index)[0] for index in range(40)])
    assert {image.numpy().tobytes() for image in drawn} == {image.numpy().tobytes() for image in GREY.float()}
