"""An image that a person brings, turned into one of a model's shape, with words on what was done to it.

Nothing in it is executed, and no more is unpacked than its header may ask for.
"""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from explorer.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP")
SUFFIXES = ("png", "jpg", "jpeg", "webp")
MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
"""160 MB as RGBA: more than the largest camera's usual photograph."""

LIGHT = 127
"""Grey of an image's edge above which it is dark on light: the grey data sets here are light on dark."""


def read_image(content: bytes, image_shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], list[str]]:
    """Return an image file's first frame as a model sees images, uint8 ``(C, H, W)``, and what was done, in words.

    Grey images keep all that they show: they are padded to the shape's proportions with the grey of their edge, and
    inverted where that is light. Images in colour are cropped to their middle.

    Args:
        content: of a PNG, JPEG or WebP file of any size and mode.
        image_shape: ``(C, H, W)``: 1 channel is grey, 3 are RGB, 4 are RGBA.

    Raises:
        DataError: if it is too large, no such image, damaged, or the shape's channels mean no colours.
    """
    channels, height, width = image_shape
    if channels not in _MODES:
        raise DataError(f"An image cannot be turned into {channels} channels: only into 1 (grey), 3 (RGB) or 4 (RGBA).")
    image = _opened(content)
    said = [f"{image.format}, {image.width} x {image.height} pixels"]
    image = ImageOps.exif_transpose(image)
    image = _in_mode(image, _MODES[channels], said)
    image = (_padded if channels == 1 else _cropped)(image, (width, height), said)
    pixels = np.asarray(image, np.uint8).reshape(height, width, channels)
    if channels == 1 and _edge(pixels[..., 0]) > LIGHT:
        said.append("inverted, because its edge is light and the model's images are light on dark")
        pixels = 255 - pixels
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), said


_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def _opened(content: bytes) -> Image.Image:
    """Return the image of a file, decoded, after its header and its checksums were looked at."""
    if len(content) > MAX_BYTES:
        raise DataError(f"The file has {len(content):,} bytes; at most {MAX_BYTES:,} are read. Bring a smaller image.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            header = Image.open(io.BytesIO(content), formats=FORMATS)
            _check_pixels(header)
            header.verify()
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            image.load()
    except UnidentifiedImageError as error:
        raise DataError("The file is no PNG, JPEG or WebP image. Bring one of these.") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"The image has more than {MAX_PIXELS:,} pixels. Bring a smaller one.") from error
    # Pillow's readers raise whatever a damaged file leads them to.
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, IndexError, KeyError, TypeError) as error:
        raise DataError(f"The image is damaged ({str(error)[:100]}). Save it anew, or bring another.") from error
    return image


def _check_pixels(header: Image.Image) -> None:
    if header.width * header.height > MAX_PIXELS:
        raise DataError(
            f"The image has {header.width:,} x {header.height:,} pixels; at most {MAX_PIXELS:,} are read. "
            "Bring a smaller one."
        )


def _in_mode(image: Image.Image, mode: str, said: list[str]) -> Image.Image:
    """Return ``image`` in ``mode``; what is transparent is laid on white, as paper is."""
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        values = np.asarray(image, np.float64)
        # A PNG of 16 bits opens as one of these; its range is that of the file, not of what it happens to hold.
        image = Image.fromarray(np.clip(values / 257, 0, 255).round().astype(np.uint8))
        said.append("16 bits made 8")
    if image.has_transparency_data and mode != "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        said.append("laid on white")
    if mode == "L" and image.mode not in {"L", "1"}:
        said.append("made grey")
    return image.convert(mode)


def _padded(image: Image.Image, size: tuple[int, int], said: list[str]) -> Image.Image:
    """Return ``image`` scaled into the middle of a frame of ``size``, in the grey of its edge."""
    scale = min(size[0] / image.width, size[1] / image.height)
    # Scaled before it is framed: a frame around an image of one row would be as many times larger.
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    ground = round(_edge(np.asarray(image, np.uint8)))
    image = _scaled(image, inner, said)
    if inner == size:
        return image
    said.append(f"padded to {size[0]} x {size[1]}")
    frame = Image.new("L", size, ground)
    frame.paste(image, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return frame


def _cropped(image: Image.Image, size: tuple[int, int], said: list[str]) -> Image.Image:
    """Return the middle of ``image``, in the proportions of ``size``, scaled to it."""
    aspect = size[0] / size[1]
    width = min(image.width, max(1, round(image.height * aspect)))
    height = min(image.height, max(1, round(image.width / aspect)))
    if (width, height) != image.size:
        said.append("cropped to its middle")
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image = image.crop((left, top, left + width, top + height))
    return _scaled(image, size, said)


def _scaled(image: Image.Image, size: tuple[int, int], said: list[str]) -> Image.Image:
    """Return ``image`` of ``size``: each pixel the mean of those that it stands for, or between them where it grows."""
    if image.size == size:
        return image
    said.append(f"scaled to {size[0]} x {size[1]}")
    return image.resize(size, Image.Resampling.BOX if size[0] <= image.width else Image.Resampling.BICUBIC)


def _edge(grey: NDArray[np.uint8]) -> float:
    """Return the median grey of an image's outermost pixels, ``(H, W)``."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
