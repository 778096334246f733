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
    _show_cells(_cells(rows.reshape(-1, *rows.shape[2:]), side, marks.ravel()), alt, n_columns=rows.shape[1])


def wrapped_picture(images: Images, alt: str, *, n_columns: int, side: int) -> None:
    """Show images, uint8 ``(M, C, H, W)``, as one picture, ``n_columns`` in a row; after the last it is transparent."""
    n_columns = min(n_columns, len(images))
    cells = _cells(images, side)
    empty = np.zeros((-len(cells) % n_columns, *cells.shape[1:]), np.uint8)
    _show_cells(np.concatenate([cells, empty]), alt, n_columns=n_columns)


def captioned_pictures(images: Images, captions: list[str], *, side: int) -> None:
    """Show images, uint8 ``(M, C, H, W)``, side by side with a caption under each; they wrap where it is narrow."""
    shown = _cells(images, side, has_colour=True)  # as Streamlit takes arrays
    # Streamlit smooths an image that it makes narrower.
    st.image(
        list(shown),
        caption=[as_text(caption) for caption in captions],
        alt=captions,
        width=shown.shape[2],
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


def _cells(
    images: Images, side: int, is_marked: NDArray[np.bool_] | None = None, *, has_colour: bool = False
) -> Images:
    """Return images ``(M, C, H, W)`` enlarged to about ``side``, each opaque in a gap around it, ``(M, h, w, K)``.

    The gap is a frame where an image is marked, otherwise transparent: it shows the page whatever its theme. The last
    channel is alpha, before it are three of colour; or one of grey, which packs in half the time, where there is
    nothing but grey and ``has_colour`` does not ask for more.
    """
    n, n_channels, height, width = images.shape
    factor = max(1, round(side / width))
    marks = np.zeros(n, bool) if is_marked is None else is_marked
    n_colours = 1 if n_channels == 1 and not has_colour and not marks.any() else 3
    cells: Images = np.zeros((n, height * factor + 2 * GAP, width * factor + 2 * GAP, n_colours + 1), np.uint8)
    if marks.any():
        cells[marks] = MARK
    inner = cells[:, GAP:-GAP, GAP:-GAP]
    inner[..., :-1] = np.moveaxis(images[:, :3], 1, -1).repeat(factor, 1).repeat(factor, 2)
    inner[..., -1] = 255
    return cells


def _show_cells(cells: Images, alt: str, *, n_columns: int) -> None:
    """Show cells ``(M, h, w, K)`` as one picture, ``n_columns`` in a row; there are as many as fill the rows."""
    _, height, width, n_channels = cells.shape
    rows = cells.reshape(-1, n_columns, height, width, n_channels).swapaxes(1, 2)
    st.image(_png(rows.reshape(-1, n_columns * width, n_channels)), alt=alt, output_format="PNG", width="content")


def _png(pixels: Images) -> bytes:
    """Return a picture ``(h, w, K)`` as PNG, packed as fast as can be: repeated pixels pack well at any level."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
