"""Images of a path as one file to take away: GIF, WebP and MP4 animations, and a PNG strip.

Codes and images as numbers are ``images_npz`` in ``image_grids.py``.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Images
from explorer.errors import ConfigError, ServingError


@dataclass(frozen=True, kw_only=True, slots=True)
class FileKind:
    """A kind of file that a path can be taken away as.

    Attributes:
        title: what it is called.
        mime: its media type.
        moves: whether it shows one frame after another.
    """

    title: str
    mime: str
    moves: bool = False


KINDS = {
    "mp4": FileKind(title="MP4 film", mime="video/mp4", moves=True),
    "gif": FileKind(title="GIF film", mime="image/gif", moves=True),
    "webp": FileKind(title="WebP film, lossless", mime="image/webp", moves=True),
    "png": FileKind(title="PNG strip", mime="image/png"),
}
"""What frames can be made into, by the end of a file's name."""

FPS = 12
MAX_FPS = 50
"""The shortest delay that browsers keep in a GIF is 2 hundredths of a second."""

FILM_SIDE, STRIP_SIDE = 224, 56
"""Pixels that the longer side of a frame is enlarged to, about: alone on the screen, and beside its neighbours."""

MAX_ENLARGE = 64
MAX_PIXELS = 200_000_000
"""Of all frames together: 600 MB of RGB. What is larger is refused before anything is made of it."""

MP4_SECONDS = 120
"""Until an encoder that does not end is stopped; 200 million pixels of noise take it 9 seconds on two cores."""

CODEC: Final = "libx264"
CRF = 12
"""Quality of H.264: 23 is usual, 18 looks like the original, and 12 keeps the hard edges of enlarged pixels."""

INDEX_BYTES, INDEX_BYTES_PER_FRAME = 4096, 64
"""Kept free for an MP4's index before the frames that it is of; it needs about 1,000, and 20 a frame."""


def animation(images: Images, kind: str, *, fps: float = FPS, loop: bool = True, enlarge: int | None = None) -> bytes:
    """Return images as an animation, or as a strip from left to right.

    GIF holds greys exactly and RGB in 256 colours a frame, WebP both exactly; MP4 is H.264 in yuv420p, which every
    player knows, with sides made even by repeating the last row or column. GIF and WebP merge frames that are equal to
    the one before into a longer one.

    Args:
        images: uint8, grey or RGB, shape ``(T, C, H, W)``.
        kind: one of ``KINDS``.
        fps: frames a second; nothing to a strip.
        loop: whether it goes forth and back, without showing the last and the first frame twice, and starts again
            for ever (an MP4 goes forth and back once: players repeat it). Nothing to a strip.
        enlarge: whole factor for both sides, without smoothing; by default so that images can be looked at.

    Raises:
        ConfigError: if a setting is out of bounds, or the animation would have more than ``MAX_PIXELS``.
    """
    if kind not in KINDS:
        raise ConfigError(f"There is no film of kind {kind!r:.40}: use one of {', '.join(KINDS)}.")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ConfigError(
            f"Images of shape {images.shape} and type {images.dtype} are no film: use uint8, grey or RGB."
        )
    if not 1 <= fps <= MAX_FPS:
        raise ConfigError(f"{fps:g} frames a second cannot be shown: use 1 to {MAX_FPS}.")
    order = forth_and_back(len(images)) if loop and KINDS[kind].moves else np.arange(len(images))
    factor = _factor(images, FILM_SIDE if KINDS[kind].moves else STRIP_SIDE) if enlarge is None else enlarge
    _check_size(images, len(order), factor)
    frames = _frames(images[order], factor)
    if kind == "png":
        return _strip(frames)
    return _mp4(frames, fps) if kind == "mp4" else _animation(frames, kind, fps, loop=loop)


def forth_and_back(n: int) -> NDArray[np.int64]:
    """Return the order of ``n`` frames there and back again, so that repeating it shows neither end twice."""
    return np.concatenate([np.arange(n), np.arange(n - 2, 0, -1)])


def durations(n: int, fps: float, unit: float) -> list[int]:
    """Return how long each of ``n`` frames is shown, in whole ``unit`` seconds; all together within one of n / fps."""
    endpoints = np.round(np.arange(n + 1) / (fps * unit)).astype(int)
    return [int(length) for length in np.diff(endpoints)]


def _factor(images: Images, side: int) -> int:
    return max(1, round(side / max(int(pixels) for pixels in images.shape[2:])))


def _check_size(images: Images, n_frames: int, factor: int) -> None:
    if not 1 <= factor <= MAX_ENLARGE:
        raise ConfigError(f"Frames cannot be enlarged {factor} times: use 1 to {MAX_ENLARGE}.")
    height, width = images.shape[2:]
    n_pixels = n_frames * height * width * factor**2
    if n_pixels > MAX_PIXELS:
        raise ConfigError(
            f"{n_frames:,} frames of {width * factor} x {height * factor} pixels are {n_pixels:,} pixels; at most "
            f"{MAX_PIXELS:,} are made. Use fewer frames, or enlarge them less."
        )


def _frames(images: Images, factor: int) -> Images:
    """Return images ``(T, C, H, W)`` as ``(T, factor H, factor W, C)``."""
    frames: Images = np.moveaxis(images, 1, -1).repeat(factor, 1).repeat(factor, 2)
    return frames


def _pictures(frames: Images) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in frames]


def _strip(frames: Images) -> bytes:
    return _saved(_pictures(np.concatenate(list(frames), axis=1)[None]), format="PNG")


def _animation(frames: Images, kind: str, fps: float, *, loop: bool) -> bytes:
    """Return a GIF, whose delays are hundredths of a second, or a WebP, whose delays are thousandths."""
    if kind == "gif":
        # Pillow takes thousandths too. A GIF that does not say how often it is shown is shown once.
        delays = [10 * delay for delay in durations(len(frames), fps, 0.01)]
        times = delays if len(delays) > 1 else delays[0]  # Pillow takes no list of one
        return _saved(_pictures(frames), format="GIF", duration=times, **({"loop": 0} if loop else {}))
    delays = durations(len(frames), fps, 0.001)
    return _saved(_pictures(frames), format="WEBP", duration=delays, lossless=True, loop=0 if loop else 1)


def _saved(pictures: Sequence[Any], **settings: Any) -> bytes:
    buffer = io.BytesIO()
    first, *rest = pictures
    first.save(buffer, **({"save_all": True, "append_images": rest} if rest else {}), **settings)
    return buffer.getvalue()


def _mp4(frames: Images, fps: float) -> bytes:
    """Return H.264 in MP4, with its index before its frames, so that it plays while it is fetched."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    frames = _with_even_sides(np.broadcast_to(frames, (*frames.shape[:-1], 3)))
    buffer, deadline = io.BytesIO(), time.monotonic() + MP4_SECONDS
    index_bytes = str(INDEX_BYTES + INDEX_BYTES_PER_FRAME * len(frames))
    try:
        with av.open(buffer, "w", format="mp4", options={"moov_size": index_bytes}) as container:
            rate = Fraction(fps).limit_denominator(1000)
            stream = container.add_stream(CODEC, rate=rate, options={"preset": "veryfast", "crf": str(CRF)})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            # Said in the file: untagged, players guess the matrix by the size of the picture.
            stream.codec_context.colorspace, stream.codec_context.color_range = Colorspace.ITU709, ColorRange.MPEG
            for frame in frames:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"it took more than {MP4_SECONDS} s")
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                coded = picture.reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
                container.mux(stream.encode(coded))
            container.mux(stream.encode())
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ServingError(
            f"The MP4 could not be made ({error}). Take the film as WebP or GIF, which need no encoder."
        ) from error
    return buffer.getvalue()


def _with_even_sides(frames: Images) -> Images:
    height, width = frames.shape[1:3]
    return np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
