"""Images that people bring: what is made of any size and mode, and what is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from explorer.data.uploads import MAX_BYTES, read_image
from explorer.errors import DataError

GREY, RGB = (1, 28, 28), (3, 32, 32)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(pixels: np.ndarray) -> bytes:
    return encoded(Image.fromarray(pixels.astype(np.uint8)))


def noise(height: int, width: int) -> np.ndarray:
    """Grey noise with a dark edge."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)
    pixels[[0, -1]] = 0
    pixels[:, [0, -1]] = 0
    return pixels


def test_an_image_of_the_models_shape_comes_through_as_it_is():
    pixels = noise(28, 28)
    image, said = read_image(grey(pixels), GREY)
    assert np.array_equal(image, pixels[None])
    assert said == ["PNG, 28 x 28 pixels"]
    assert image.flags.c_contiguous


def test_a_colour_image_of_the_models_shape_comes_through_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    image, said = read_image(encoded(Image.fromarray(pixels)), RGB)
    assert np.array_equal(image, np.moveaxis(pixels, -1, 0))
    assert said == ["PNG, 32 x 32 pixels"]


def test_a_lossless_webp_is_read_too():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    image, said = read_image(encoded(Image.fromarray(pixels), "WEBP", lossless=True), RGB)
    assert np.array_equal(image, np.moveaxis(pixels, -1, 0))
    assert said[0].startswith("WEBP")


def test_a_larger_image_is_scaled_by_the_means_of_its_blocks():
    pixels = noise(28, 28).repeat(10, 0).repeat(10, 1)
    image, said = read_image(grey(pixels), GREY)
    assert np.array_equal(image[0], noise(28, 28))
    assert said[1:] == ["scaled to 28 x 28"]


def test_dark_on_light_is_inverted_and_said():
    image, said = read_image(grey(255 - noise(28, 28)), GREY)
    assert np.array_equal(image[0], noise(28, 28))
    assert said[1:] == ["inverted, because its edge is light and the model's images are light on dark"]


def test_a_tall_grey_image_is_padded_with_the_grey_of_its_edge_and_nothing_is_cut():
    pixels = np.full((56, 28), 20)
    pixels[10:46, 6:22] = 200
    image, said = read_image(grey(pixels), GREY)
    assert "padded to 28 x 28" in said
    assert (image[0, :, :7] == 20).all()
    assert (image[0, :, 21:] == 20).all()
    assert (image[0, 5:23, 10:18] == 200).all()


def test_a_wide_colour_image_is_cropped_to_its_middle():
    pixels = np.zeros((32, 96, 3), np.uint8)
    pixels[:, 32:64, 1] = 255
    image, said = read_image(encoded(Image.fromarray(pixels)), RGB)
    assert said[1:] == ["cropped to its middle"]
    assert (image[1] == 255).all()


def test_colours_are_made_grey_for_a_grey_model_and_grey_is_repeated_for_one_of_colours():
    image, said = read_image(encoded(Image.new("RGB", (28, 28), (90, 90, 90))), GREY)
    assert (image == 90).all()
    assert "made grey" in said
    image, _ = read_image(grey(np.full((32, 32), 90)), RGB)
    assert image.shape == RGB
    assert (image == 90).all()


def test_what_is_transparent_is_laid_on_white():
    drawing = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (8, 8, 20, 20))
    image, said = read_image(encoded(drawing), GREY)
    assert "laid on white" in said
    assert image[0, 14, 14] == 255  # black ink on white, inverted
    assert image[0, 0, 0] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_a_png_is_read_at_the_right_grey(mode):
    source = Image.new("L", (28, 28), 100)
    if mode == "I;16":
        source = Image.fromarray(np.full((28, 28), 100 * 257, np.uint16))
    elif mode == "1":
        source = Image.new("1", (28, 28), 0)
    else:
        source = source.convert(mode)
    image, _ = read_image(encoded(source), GREY)
    assert (image == (0 if mode == "1" else 100)).all()


def test_a_photograph_in_cmyk_that_was_taken_sideways_stands_upright():
    pixels = Image.new("RGB", (64, 32), "black")
    pixels.paste("white", (0, 0, 32, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    content = encoded(pixels.convert("CMYK"), "JPEG", exif=exif, quality=95)
    image, _ = read_image(content, RGB)  # 32 x 64 once turned, its middle half white above, half black below
    assert image[:, 4].mean() > 200
    assert image[:, -4].mean() < 50


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (5000, 1), (3, 7)])
@pytest.mark.parametrize("shape", [GREY, RGB, (4, 16, 9)], ids=str)
def test_any_size_becomes_the_models_shape(size, shape):
    image, _ = read_image(encoded(Image.new("RGB", size, (10, 20, 30))), shape)
    assert image.shape == shape
    assert image.dtype == np.uint8


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    image, _ = read_image(content, RGB)
    assert image[0].min() == 255
    assert image[2].max() == 0


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header asks for more than it holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


REFUSED = {
    "text": (b"hello", "The file is no PNG, JPEG or WebP image"),
    "nothing": (b"", "The file is no PNG, JPEG or WebP image"),
    "gif": (encoded(Image.new("L", (8, 8)), "GIF"), "The file is no PNG, JPEG or WebP image"),
    "script": (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "The file is no PNG, JPEG or WebP image"),
    "cut png": (grey(noise(200, 200))[:-3000], "The image is damaged"),
    "cut jpeg": (encoded(Image.fromarray(noise(200, 200)), "JPEG")[:3000], "The image is damaged"),
    "altered png": (grey(noise(200, 200)).replace(b"IDAT", b"IDAT\0", 1), "The image is damaged"),
    "too many bytes": (b"\0" * (MAX_BYTES + 1), "at most 20,000,000 are read"),
    "too many pixels": (bomb(8000, 8000), "8,000 x 8,000 pixels; at most 40,000,000 are read"),
    "a bomb": (bomb(10_000, 10_000), "more than 40,000,000 pixels"),
    "a large bomb": (bomb(60_000, 60_000), "more than 40,000,000 pixels"),
    "half an image": (bomb(2000, 2000), "The image is damaged"),
}


@pytest.mark.parametrize(("content", "text"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_image_or_too_much_of_one_is_refused_in_words(content, text):
    with pytest.raises(DataError, match=text):
        read_image(content, GREY)


def test_channels_that_are_no_colours_are_refused_in_words():
    with pytest.raises(DataError, match="cannot be turned into 2 channels"):
        read_image(grey(noise(8, 8)), (2, 8, 8))
