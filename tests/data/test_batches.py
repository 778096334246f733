import numpy as np
import pytest
import torch

from explorer.data.batches import binarise, evaluation_pixels, permutation, seeded, stream_seed, to_unit


def grey(n: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 1, 5, 6), generator=generator).to(torch.uint8)


def test_a_stream_seed_is_that_of_numpys_seed_sequence_in_63_bits():
    expected = int(np.random.SeedSequence((3, 1, 4)).generate_state(1, np.uint64)[0]) >> 1
    assert stream_seed(3, 1, 4) == expected
    assert all(0 <= stream_seed(k) < 2**63 for k in range(100))


def test_keys_that_differ_anywhere_give_different_streams():
    keys = {(a, b, c) for a in range(8) for b in range(8) for c in range(8)}
    assert len({stream_seed(*key) for key in keys}) == len(keys)


def test_a_permutation_holds_every_row_once():
    assert permutation(1000, seed=0, epoch=0).sort().values.tolist() == list(range(1000))


def test_a_permutation_is_a_function_of_seed_and_epoch_alone():
    torch.manual_seed(1)
    first = permutation(50, seed=3, epoch=7)
    torch.manual_seed(2)
    assert torch.equal(permutation(50, seed=3, epoch=7), first)
    assert not torch.equal(permutation(50, seed=3, epoch=8), first)
    assert not torch.equal(permutation(50, seed=4, epoch=7), first)


def test_a_permutation_leaves_the_outer_random_state():
    before = torch.get_rng_state()
    permutation(50, seed=3, epoch=7)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seeded_block_draws_the_same_whatever_was_drawn_before():
    with seeded(1, 2):
        first = torch.rand(3)
    torch.rand(100)
    with seeded(1, 2):
        assert torch.equal(torch.rand(3), first)
    with seeded(1, 3):
        assert not torch.equal(torch.rand(3), first)


def test_a_seeded_block_leaves_the_outer_random_state_even_when_it_fails():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(1):
        torch.rand(3).view(4)
    assert torch.equal(torch.get_rng_state(), before)


def test_unit_pixels_are_the_bytes_over_255():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8)
    torch.testing.assert_close(to_unit(images), torch.tensor([0.0, 0.2, 1.0]))
    assert images.tolist() == [0, 51, 255]


def test_binarised_pixels_are_one_with_their_grey_value_for_the_probability():
    torch.manual_seed(0)
    images = torch.tensor([0, 1, 64, 128, 254, 255], dtype=torch.uint8).expand(100_000, 6)
    drawn = binarise(images)
    p = images[0] / 255
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert ((drawn.mean(0) - p).abs() <= 4 * (p * (1 - p) / 100_000).sqrt()).all()


def test_evaluation_pixels_are_grey_for_a_model_of_grey_images():
    assert torch.equal(evaluation_pixels(grey(), is_binary=False), to_unit(grey()))


def test_evaluation_pixels_are_drawn_once_and_for_all():
    torch.manual_seed(1)
    first = evaluation_pixels(grey(), is_binary=True)
    before = torch.get_rng_state()
    assert torch.equal(evaluation_pixels(grey(), is_binary=True), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(evaluation_pixels(grey(), is_binary=True, seed=1), first)
