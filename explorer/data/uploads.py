"""An image that a person brings, turned into one of a model's shape, with words on what was done to it.

Nothing in it is executed, and no more is unpacked than its header may ask for.
"""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from explorer.data.picture_files import orientation, without_notes
from explorer.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP")
SUFFIXES = ("png", "jpg", "jpeg", "webp")
MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
"""160 MB as RGBA: more than the largest camera's usual photograph."""

LIGHT = 127
"""Grey of an image's edge above which it is dark on light: the grey data sets here are light on dark."""

HARDLY_SEEN = 16
"""Levels of 256 below which all of a picture is as good as one grey."""

FAINT = 64
"""Levels by which something must stand out from white to be left on it."""

SENSOR_LEVELS = 2**14
"""Values that the deepest sensors give. They lie in files of 16 bits as they are: what stays below uses their range."""


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
    pixels_only, notes = without_notes(content)
    image, values = _opened(pixels_only)
    said = [f"{image.format}, {image.width} x {image.height} pixels"]
    if values is not None:
        image = _eight_bits(values, image.info.get("transparency"), said)
    image = _turned(image, orientation(notes), said)
    contrast = _contrast(image.convert("RGBA"))
    image = _in_mode(image, _MODES[channels], said)
    image = _brightened(image, said)
    image = (_padded if channels == 1 else _cropped)(image, (width, height), said)
    pixels = np.asarray(image, np.uint8).reshape(height, width, channels)
    if channels == 1 and _edge(pixels[..., 0]) > LIGHT:
        said.append("inverted, because its edge is light and the model's images are light on dark")
        pixels = 255 - pixels
    said += _what_is_left(contrast, int(np.ptp(pixels, axis=(0, 1)).max()))
    return np.moveaxis(pixels, -1, 0).copy(order="C"), said


_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def _opened(content: bytes) -> tuple[Image.Image, NDArray[np.uint16] | None]:
    """Return the image of a file, decoded, its checksums looked at; and where it has 16 bits, its values."""
    if len(content) > MAX_BYTES:
        raise DataError(f"The file has {len(content):,} bytes; at most {MAX_BYTES:,} are read. Bring a smaller image.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            header = _header(content)
            _check_pixels(header)
            header.verify()
            image = _header(content)
            image.load()
            return image, _sixteen_bits(content)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(
            "The file is no PNG, JPEG or WebP image, or its beginning is damaged: bring another."
        ) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"The image has more than {MAX_PIXELS:,} pixels. Bring a smaller one.") from error
    # Pillow's readers raise whatever a damaged file leads them to, and nothing else is called above.
    except Exception as error:
        raise DataError(f"The image is damaged ({str(error)[:100]}). Save it anew, or bring another.") from error


def _header(content: bytes) -> Any:
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _sixteen_bits(content: bytes) -> NDArray[np.uint16] | None:
    """Return the values of a PNG of 16 bits, ``(H, W, C)``; None for other images.

    Pillow keeps the upper byte of colours alone, which says nothing where a sensor's 12 bits lie in the lower.
    """
    image = _header(content)
    layout = image.tile[0].args if image.format == "PNG" and image.tile else None
    if layout == "I;16B":
        return np.asarray(image, np.uint16)[..., None]
    if layout == "LA;16B":  # two bytes of grey and two of opacity are as many as those of RGBA
        upper, lower = np.moveaxis(_laid_out(content, "RGBA").reshape(image.height, image.width, 2, 2), -1, 0)
    elif layout in {"RGB;16B", "RGBA;16B"}:
        # Read as if the lower byte came last, which in a PNG it does not: the lower bytes.
        upper, lower = _laid_out(content, layout), _laid_out(content, layout.replace("16B", "16L"))
    else:
        return None
    return np.asarray(upper.astype(np.uint16) << 8 | lower, np.uint16)


def _laid_out(content: bytes, layout: str) -> NDArray[np.uint8]:
    """Return the samples of a PNG whose bytes are taken to lie as ``layout`` says, in Pillow's words."""
    image = _header(content)
    image.tile = [image.tile[0]._replace(args=layout)]
    return np.asarray(image, np.uint8)


def _check_pixels(header: Image.Image) -> None:
    if header.width * header.height > MAX_PIXELS:
        raise DataError(
            f"The image has {header.width:,} x {header.height:,} pixels; at most {MAX_PIXELS:,} are read. "
            "Bring a smaller one."
        )


def _eight_bits(values: NDArray[np.uint16], transparent: Any, said: list[str]) -> Image.Image:
    """Return an image of 8 bits of ``values``, ``(H, W, C)``, stretched where they use little of 16 bits.

    Args:
        values: of grey or three colours, and opacity where C is 2 or 4.
        transparent: a value, or one for each colour, that is not to be seen; None without one.
        said: is told what was done.
    """
    colours, opacity = (values, None) if values.shape[-1] in {1, 3} else (values[..., :-1], values[..., -1:])
    if transparent is not None:
        opacity = np.where((colours == np.array(transparent)).all(-1, keepdims=True), 0, 65535)
    low, high = int(colours.min()), int(colours.max())
    if low < high and (high < SENSOR_LEVELS or high - low < 257 * HARDLY_SEEN):
        said.append(_stretched(low, high, 65535))
    else:
        low, high = 0, 65535
        said.append("16 bits made 8")
    layers = [_levels(low, high)[colours]]
    if opacity is not None:
        most = int(opacity.max())
        layers.append(_levels(0, most if 0 < most < SENSOR_LEVELS else 65535)[opacity])
    levels = np.concatenate(layers, axis=-1)
    return Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)


def _levels(low: int, high: int) -> NDArray[np.uint8]:
    """Return for each value of 16 bits its level of 8: 0 up to ``low``, 255 from ``high`` on."""
    levels: NDArray[np.uint8] = (
        np.clip((np.arange(65536) - low) * (255 / (high - low)), 0, 255).round().astype(np.uint8)
    )
    return levels


def _stretched(low: int, high: int, most: int) -> str:
    return f"stretched, because its values are only {low:,} to {high:,} of {most:,}"


def _turned(image: Image.Image, tag: int, said: list[str]) -> Image.Image:
    """Return ``image`` turned and mirrored as an orientation of EXIF says."""
    if tag not in _TURNS:
        return image
    said.append("turned as the file says")
    return image.transpose(_TURNS[tag])


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _in_mode(image: Image.Image, mode: str, said: list[str]) -> Image.Image:
    """Return ``image`` in ``mode``, what is transparent laid on a ground on which it is seen."""
    is_grey = image.mode in {"L", "1", "LA"}
    if image.has_transparency_data:
        image = image.convert("RGBA")
        opacity: Any = image.getchannel("A").getextrema()
        least, most = opacity
        if not most:
            said.append("transparent all over: there is nothing to see in it")
        if mode != "RGBA" and least < 255:
            image = _laid(image, mode, said)
    if mode == "L" and not is_grey:
        said.append("made grey")
    return image.convert(mode)


def _laid(image: Image.Image, mode: str, said: list[str]) -> Image.Image:
    """Return ``image`` on white, as paper is, or on black where all of it would be as good as white."""
    on_white, on_black = (
        Image.alpha_composite(Image.new("RGBA", image.size, ground), image).convert(mode)
        for ground in ("white", "black")
    )
    if _contrast(on_white) < min(FAINT, _contrast(on_black)):
        said.append("laid on black, because it is hardly seen on white")
        return on_black
    said.append("laid on white")
    return on_white


def _contrast(image: Image.Image) -> int:
    """Return how many levels of 0 to 255 lie between the least and the greatest of an image, in its widest channel."""
    extrema: Any = image.getextrema()
    return int(max(high - low for low, high in (extrema if isinstance(extrema[0], tuple) else [extrema])))


def _brightened(image: Image.Image, said: list[str]) -> Image.Image:
    """Return ``image`` with its values stretched where all are next to black, as in masks of 0 and 1."""
    if image.mode == "RGBA":
        return image
    values = np.asarray(image, np.uint8)
    low, high = int(values.min()), int(values.max())
    if low == high or high >= HARDLY_SEEN:
        return image
    said.append(_stretched(low, high, 255))
    return Image.fromarray(_levels(low, high)[values])


def _what_is_left(before: int, after: int) -> list[str]:
    """Return words on an image without content, given the levels that it spanned at first and spans at last."""
    if not before:
        return ["all of it is one colour"]
    if not after:
        return ["nothing is left of it: all of it came out as one colour"]
    if after < HARDLY_SEEN <= before:
        return [f"hardly anything is left of it: {after} of 255 levels. Cut it to what it shows, or draw broader lines"]
    return []


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
