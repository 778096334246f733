import numpy as np
import pytest

from explorer.ui.widgets.images import enlarged, error_image


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("n_pixels", "side", "factor"), [(8, 64, 8), (28, 64, 2), (28, 112, 4), (64, 8, 1), (5, 7, 1)])
def test_enlarging_repeats_pixels_and_keeps_their_values(n_pixels, side, factor):
    image = noise(1, n_pixels, n_pixels)
    large = enlarged(image, side)
    assert large.shape == (factor * n_pixels, factor * n_pixels, 3)
    for row in range(factor):
        for column in range(factor):
            np.testing.assert_array_equal(large[row::factor, column::factor], image[0][..., None].repeat(3, axis=-1))


def test_enlarging_keeps_colours():
    image = noise(3, 4, 4)
    np.testing.assert_array_equal(enlarged(image, 8)[::2, ::2], np.moveaxis(image, 0, -1))


def test_enlarging_keeps_the_shape_of_an_image_that_is_no_square():
    assert enlarged(noise(1, 4, 6), 12).shape == (8, 12, 3)


def test_the_error_of_an_image_against_itself_is_black():
    image = noise(1, 28, 28)
    assert not error_image(image, image).any()


def test_the_error_between_black_and_white_is_white_in_both_directions():
    black, white = np.zeros((1, 8, 8), np.uint8), np.full((1, 8, 8), 255, np.uint8)
    assert (error_image(black, white) == 255).all()
    assert (error_image(white, black) == 255).all()


def test_the_error_is_the_absolute_difference_whichever_comes_first():
    first, second = noise(1, 28, 28, seed=1), noise(1, 28, 28, seed=2)
    error = error_image(first, second)
    assert error.dtype == np.uint8
    np.testing.assert_array_equal(error, np.abs(first.astype(int) - second.astype(int)))
    np.testing.assert_array_equal(error, error_image(second, first))
