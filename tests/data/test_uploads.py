"""Images that people bring: what is made of any size and mode, and what is refused."""

import contextlib
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
    pixels[16:, 32:64, 1] = 255
    image, said = read_image(encoded(Image.fromarray(pixels)), RGB)
    assert said[1:] == ["cropped to its middle"]
    assert (image[1, 16:] == 255).all()


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


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def header(width: int, height: int, bits: int = 8, colours: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header asks for more than it holds."""
    return png(header(width, height), chunk(b"IDAT", zlib.compress(b"\0")))


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


# What a file says of its picture


def quadrants(kind: str, **options) -> bytes:
    """A picture whose upper left quarter alone is white."""
    image = Image.new("RGB", (32, 32))
    image.paste("white", (0, 0, 16, 16))
    return encoded(
        image, kind, **({"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}), **options
    )


def exif(orientation: int, order: str = ">", *, bad_tags: bool = True) -> bytes:
    """An EXIF block that has, around the orientation, a maker beyond its end and a tag of no known type."""
    bad = (
        [struct.pack(f"{order}HHII", 0x010F, 2, 10**6, 10**6)],
        [struct.pack(f"{order}HHII", 0x0132, 77, 2**32 - 1, 3)],
    )
    tags = [struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)]
    tags = bad[0] + tags + bad[1] if bad_tags else tags
    start = b"MM\0*" if order == ">" else b"II*\0"
    body = struct.pack(f"{order}IH", 8, len(tags)) + b"".join(tags) + struct.pack(f"{order}I", 0)
    return b"Exif\0\0" + start + body


def white_quarter(image: np.ndarray) -> tuple[int, int]:
    """Row and column, of two each, of the quarter that is white."""
    means = image.mean(0).reshape(2, 16, 2, 16).mean((1, 3))
    assert sorted(means.ravel())[2] < 20
    return divmod(int(means.argmax()), 2)


QUARTERS = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}
"""Where EXIF's orientations put the upper left quarter."""


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", QUARTERS)
def test_a_picture_is_turned_as_its_orientation_says_whatever_the_tags_beside_it(kind, orientation):
    for order in "<>":
        image, said = read_image(quadrants(kind, exif=exif(orientation, order)), RGB)
        assert white_quarter(image) == QUARTERS[orientation]
        assert ("turned as the file says" in said) == (orientation > 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    "note",
    [
        b"JUNKJUNKJUNK",
        b"Exif\0\0JUNKJUNK",
        b"Exif\0\0",
        b"Exif\0\0MM\0*",
        b"MM\0*\xff\xff\xff\xff",
        exif(9),
        exif(6)[:22],
    ],
    ids=repr,
)
def test_exif_that_cannot_be_read_costs_no_picture(kind, note):
    image, _ = read_image(quadrants(kind, exif=note), RGB)
    assert white_quarter(image) == (0, 0)


def with_chunk(kind: bytes, body: bytes, *, is_whole: bool = True) -> bytes:
    content = quadrants("PNG")
    added = chunk(kind, body)
    return content[:33] + (added if is_whole else added[:-1] + bytes([added[-1] ^ 1])) + content[33:]


NOTES = {
    "checksum": (b"tEXt", b"a\0b", False),
    "much text": (b"zTXt", b"a\0\0" + zlib.compress(bytes(3_000_000)), True),
    "unknown packing of text": (b"zTXt", b"a\0\7b", True),
    "unknown packing of colours": (b"iCCP", b"a\0\7b", True),
    "profile without a name": (b"iCCP", b"", True),
    "short density": (b"pHYs", b"1", True),
    "short chromaticities": (b"cHRM", b"1", True),
    "short animation": (b"acTL", b"1", True),
    "frame out of order": (b"fcTL", bytes(26).replace(b"\0", b"\7", 4), True),
}


@pytest.mark.parametrize(("kind", "body", "is_whole"), NOTES.values(), ids=list(NOTES))
def test_what_a_png_says_of_its_picture_costs_no_picture(kind, body, is_whole):
    image, said = read_image(with_chunk(kind, body, is_whole=is_whole), RGB)
    assert white_quarter(image) == (0, 0)
    assert said == ["PNG, 32 x 32 pixels"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation='6'/>"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<tiff:Orientation>6</tiff:Orientation>")),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  56\n" + exif(6).hex().encode() + b"\n")),
        (b"tEXt", b"Raw profile type exif\0\nexif\n  56\n" + exif(6).hex().encode() + b"\n"),
    ],
    ids=["xmp", "packed xmp", "packed profile", "profile"],
)
def test_a_png_may_say_its_orientation_in_text(kind, body):
    assert white_quarter(read_image(with_chunk(kind, body), RGB)[0]) == (0, 1)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0"),
        (0xEE, b"Adobe"),
        (0xE2, b"MPF\0junk"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xED, b"Photoshop 3.0\x008BIM"),
        (0xFE, b""),
    ],
)
def test_what_a_jpeg_says_of_its_picture_costs_no_picture(marker, body):
    content = quadrants("JPEG")
    image, said = read_image(content[:2] + segment(marker, body) + b"\xff\xff" + content[3:], RGB)
    assert white_quarter(image) == (0, 0)
    assert said == ["JPEG, 32 x 32 pixels"]


def test_a_webp_that_is_cut_in_its_notes_has_its_picture():
    content = quadrants("WEBP", exif=exif(6), xmp=b"<x/>" * 50)
    image, _ = read_image(content[:-100], RGB)
    assert white_quarter(image) == (0, 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_damaged_file_gives_a_picture_or_a_sentence(kind):
    rng = np.random.default_rng(0)
    content = np.frombuffer(quadrants(kind, exif=exif(6)), np.uint8)
    for _ in range(150):
        damaged = content.copy()
        damaged[rng.integers(0, len(content), 4)] = rng.integers(0, 256, 4)
        damaged = damaged[: rng.integers(len(content) // 2, len(content) * 2)]
        with contextlib.suppress(DataError):
            assert read_image(damaged.tobytes(), RGB)[0].shape == RGB


# What is left of a picture


def strokes(ink: tuple[int, ...], ground: tuple[int, ...] = (0, 0, 0, 0)) -> bytes:
    image = Image.new("RGBA", (280, 280), ground)
    image.paste(ink, (120, 40, 160, 240))
    return encoded(image)


@pytest.mark.parametrize("ink", [0, 60, 128, 200, 240, 255])
@pytest.mark.parametrize("shape", [GREY, RGB], ids=str)
def test_strokes_of_any_grey_on_a_clear_ground_are_seen(ink, shape):
    image, said = read_image(strokes((ink, ink, ink, 255)), shape)
    assert np.ptp(image.astype(int)) >= 64
    ground = "black, because it is hardly seen on white" if ink > 191 else "white"
    assert f"laid on {ground}" in said
    assert not any("left of it" in words for words in said)


def test_white_strokes_on_a_clear_ground_come_out_as_white_on_black():
    image, _ = read_image(strokes((255, 255, 255, 255)), GREY)
    assert image[0, 14, 14] == 255
    assert image[0, 0, 0] == 0


def test_dark_strokes_on_a_white_sheet_with_a_clear_margin_stay_on_white():
    sheet = Image.new("RGBA", (280, 280), (255, 255, 255, 0))
    sheet.paste((255, 255, 255, 255), (40, 40, 240, 240))
    sheet.paste((0, 0, 0, 255), (120, 80, 160, 200))
    image, said = read_image(encoded(sheet), GREY)
    assert "laid on white" in said
    assert image[0, 0, 0] == image[0, 5, 5] == 0
    assert image[0, 14, 14] == 255


def test_an_image_whose_opacity_is_full_is_laid_on_nothing():
    _, said = read_image(encoded(Image.new("RGBA", (28, 28), (90, 90, 90, 255))), GREY)
    assert not any("laid" in words for words in said)


SAID = {
    "one colour": (encoded(Image.new("RGB", (60, 60), "navy")), "all of it is one colour"),
    "clear": (
        encoded(Image.new("RGBA", (60, 60), (9, 9, 9, 0))),
        "transparent all over: there is nothing to see in it",
    ),
    "one colour of 16 bits": (encoded(Image.fromarray(np.full((9, 9), 4095, np.uint16))), "all of it is one colour"),
    "colours of one grey": (
        encoded(Image.fromarray(np.tile(np.array([[[255, 0, 0], [76, 76, 76]]], np.uint8), (28, 14, 1)))),
        "nothing is left of it: all of it came out as one colour",
    ),
    "a hair": (
        grey(np.eye(1, 2000, 900).repeat(2000, 0) * 255),
        "hardly anything is left of it: 4 of 255 levels. Cut it to what it shows, or draw broader lines",
    ),
}


@pytest.mark.parametrize(("content", "words"), SAID.values(), ids=list(SAID))
def test_a_picture_of_which_nothing_is_left_is_told_of(content, words):
    assert words in read_image(content, GREY)[1]


def test_a_clear_image_is_told_of_where_the_model_knows_opacity():
    assert "transparent all over" in read_image(SAID["clear"][0], (4, 16, 16))[1][1]


# The range of its values


def deep(values: np.ndarray) -> bytes:
    """A PNG of 16 bits of ``values``, ``(H, W, C)``."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(header(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels]), chunk(b"IDAT", zlib.compress(rows)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_values_of_any_depth_in_a_file_of_16_bits_span_black_to_white(bits, channels):
    most = 2**bits - 1
    values = np.round(noise(32, 32)[..., None].repeat(channels, -1) / 255 * most)
    if channels in {2, 4}:
        values[..., -1] = most
    image, said = read_image(deep(values), RGB)
    assert np.abs(image.astype(int) - noise(32, 32)).max() <= 1
    stretched = f"stretched, because its values are only 0 to {most:,} of 65,535"
    assert (stretched if bits < 16 else "16 bits made 8") in said


def test_values_that_differ_little_high_up_in_16_bits_are_stretched():
    values = np.full((28, 28, 1), 40_000)
    values[10:20, 10:20] = 40_300
    image, said = read_image(deep(values), GREY)
    assert image.min() == 0
    assert image.max() == 255
    assert "stretched, because its values are only 40,000 to 40,300 of 65,535" in said


def test_a_dim_picture_of_16_bits_stays_dim():
    values = np.zeros((28, 28, 1))
    values[10:20, 10:20] = 100 * 257
    image, said = read_image(deep(values), GREY)
    assert image.max() == 100
    assert said[1:] == ["16 bits made 8"]


@pytest.mark.parametrize("shape", [GREY, RGB], ids=str)
def test_a_mask_of_0_and_1_is_stretched(shape):
    mask = np.zeros((32, 32))
    mask[8:24, 8:24] = 1
    image, said = read_image(grey(mask), shape)
    assert set(np.unique(image)) >= {0, 255}
    assert "stretched, because its values are only 0 to 1 of 255" in said


def test_a_grey_of_16_bits_that_stands_for_clear_is_laid_on_a_ground():
    rows = np.full((28, 28), 65535)
    rows[10:20, 10:20] = 300
    body = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    content = png(header(28, 28, 16), chunk(b"tRNS", struct.pack(">H", 300)), chunk(b"IDAT", zlib.compress(body)))
    image, said = read_image(content, GREY)
    assert "laid on black, because it is hardly seen on white" in said
    assert image[0, 14, 14] == 255  # black on what is light, inverted
    assert image[0, 0, 0] == 0


@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 12, 12), (4, 12, 12)])
def test_what_was_read_can_be_written_to(shape):
    image = Image.fromarray(np.arange(144, dtype=np.uint8).reshape(12, 12))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    read = read_image(buffer.getvalue(), shape)[0]
    assert read.flags.writeable
    assert read.flags.c_contiguous
