"""Images of a data set on the page: enlarged without smoothing, with alt text."""

import io

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from explorer.analysis.arrays import Images
from explorer.ui.text import as_text

GAP = 2
MARK = (213, 94, 0, 255)
"""Of the frame around an image that is marked: Okabe and Ito's vermilion, seen on white and on black."""


def picture(image: Images, caption: str, *, side: int, alt: str | None = None) -> None:
    """Show one image, uint8 ``(C, H, W)``, about ``side`` pixels wide."""
    st.image(enlarged(image, side), caption=as_text(caption), width=side, alt=alt or caption, output_format="PNG")


def grid_picture(rows: Images, alt: str, *, side: int, is_marked: NDArray[np.bool_] | None = None) -> None:
    """Show images in rows as one picture.

    Args:
        rows: uint8 ``(R, M, C, H, W)``.
        alt: what it shows, to be read instead of seen.
        side: about how many pixels wide an image is.
        is_marked: which of them, ``(R, M)``, have a frame in the gap around them; none if left out.
    """
    marks = np.zeros(rows.shape[:2], bool) if is_marked is None else is_marked
    lines = [
        _line([_with_gap(enlarged(image, side), is_marked=bool(mark)) for image, mark in zip(row, own, strict=True)])
        for row, own in zip(rows, marks, strict=True)
    ]
    st.image(_png(np.concatenate(lines)), alt=alt, output_format="PNG", width="content")


def wrapped_picture(images: Images, alt: str, *, n_columns: int, side: int) -> None:
    """Show images, uint8 ``(M, C, H, W)``, as one picture, ``n_columns`` in a row; after the last it is transparent."""
    cells = [_with_gap(enlarged(image, side)) for image in images]
    n_columns = min(n_columns, len(cells))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % n_columns)
    lines = [_line(cells[start : start + n_columns]) for start in range(0, len(cells), n_columns)]
    st.image(_png(np.concatenate(lines)), alt=alt, output_format="PNG", width="content")


def captioned_pictures(images: Images, captions: list[str], *, side: int) -> None:
    """Show images, uint8 ``(M, C, H, W)``, side by side with a caption under each; they wrap where it is narrow."""
    shown = [_with_gap(enlarged(image, side)) for image in images]
    # Streamlit smooths an image that it makes narrower.
    st.image(
        shown,
        caption=[as_text(caption) for caption in captions],
        alt=captions,
        width=shown[0].shape[1],
        output_format="PNG",
    )


def enlarged(image: Images, side: int) -> Images:
    """Return ``image``, uint8 ``(C, H, W)``, as RGB ``(h, w, 3)`` with every pixel repeated to reach ``side``."""
    factor = max(1, round(side / image.shape[-1]))
    channels = np.moveaxis(image, 0, -1)
    rgb = channels.repeat(3, axis=-1) if channels.shape[-1] == 1 else channels[..., :3]
    large: Images = rgb.repeat(factor, 0).repeat(factor, 1)
    return large


def error_image(original: Images, reconstruction: Images) -> Images:
    """Return |original - reconstruction| on the fixed scale of the images: 0 is black, a whole range is white."""
    error: Images = np.abs(original.astype(np.int16) - reconstruction).astype(np.uint8)
    return error


def _with_gap(rgb: Images, *, is_marked: bool = False) -> Images:
    """Add an opaque alpha channel and a margin: a frame, or transparent, which shows the page whatever its theme."""
    height, width, _ = rgb.shape
    padded: Images = np.zeros((height + 2 * GAP, width + 2 * GAP, 4), np.uint8)
    if is_marked:
        padded[...] = MARK
    inner = padded[GAP:-GAP, GAP:-GAP]
    inner[..., :3], inner[..., 3] = rgb, 255
    return padded


def _png(rgba: Images) -> bytes:
    """Return a picture as PNG, packed as fast as can be: repeated pixels pack well at any level."""
    buffer = io.BytesIO()
    Image.fromarray(rgba).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _line(images: list[Images]) -> Images:
    line: Images = np.concatenate(images, axis=1)
    return line
