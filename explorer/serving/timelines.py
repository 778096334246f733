"""A run's timeline over HTTP: maps of its epochs as bytes, and what an epoch made of the same images as pictures.

Nothing is held between requests: a browser that follows training asks for the epochs that it does not have yet, which
is a listing of a folder and mostly one small file.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from explorer.errors import ProjectionError, ServingError
from explorer.runs.run import Run
from explorer.runs.timeline import FOLDER, Images, Timeline
from explorer.serving.pictures import grid_png

PICTURES = ("originals", "reconstructions", "samples")
COLUMNS = 8
GAP = 2
"""Pixels between two pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineAnswer:
    """Maps of epochs.

    Attributes:
        content: E x N x 2 float32, then N uint16 classes; little-endian.
        etag: changes when one of the files does.
        shape: E, N, 2.
        facts: ``sent``, the E epochs; ``kept``, all that are recorded; ``stride``, every how many epochs one is kept;
            ``sample``, which changes when the timeline was begun anew; and which ``pictures`` there are.
    """

    content: bytes
    etag: str
    shape: tuple[int, ...]
    facts: dict[str, Any]


def timeline_answer(run: Run, since: int) -> TimelineAnswer:
    """Return the maps of the epochs of ``run`` from ``since`` on.

    Raises:
        ProjectionError: if it has no timeline.
        CheckpointError: if a file of it is damaged.
    """
    timeline = opened(run)
    epochs, maps = timeline.maps(since)
    content = maps.astype("<f4").tobytes() + timeline.sample.labels.astype("<u2").tobytes()
    facts = {
        "sent": epochs,
        "kept": timeline.epochs,
        "stride": timeline.stride,
        "sample": str((timeline.folder / "sample.safetensors").stat().st_mtime_ns),
        "pictures": [name for name in PICTURES if picture_of(timeline, timeline.epochs[-1], name) is not None],
    }
    digest = hashlib.sha256(f"{facts}".encode() + content).hexdigest()[:16]
    return TimelineAnswer(content=content, etag=f'"{digest}"', shape=maps.shape, facts=facts)


def timeline_picture(run: Run, epoch: int, what: str) -> tuple[bytes, str]:
    """Return a PNG of eight columns of what ``epoch`` recorded, one of ``PICTURES``, and its entity tag.

    Raises:
        ServingError: if ``what`` is none of these.
        ProjectionError: if the run has no timeline, or its model makes no such pictures.
        CheckpointError: if the epoch is not recorded, or its file is damaged.
    """
    if what not in PICTURES:
        raise ServingError(f"There are no pictures {what[:40]!r} of an epoch: use what={', '.join(PICTURES)}.")
    images = picture_of(opened(run), epoch, what)
    if images is None:
        raise ProjectionError(f"{run.name} is of family {run.config.model.family!r}, which makes no {what}.")
    return grid_png(images, COLUMNS, gap=GAP), f'"{hashlib.sha256(images.tobytes()).hexdigest()[:16]}-{what}"'


def opened(run: Run) -> Timeline:
    """Return the timeline of ``run``.

    Raises:
        ProjectionError: if it has none.
    """
    timeline = run.timeline()
    if timeline is None:
        raise ProjectionError(
            f"{run.name} has no timeline: it was trained without recording one ({FOLDER}/ is not in its folder), or "
            "its training has not begun. Train it again to watch its map take shape."
        )
    return timeline


def picture_of(timeline: Timeline, epoch: int, what: str) -> Images | None:
    """Return the images of ``epoch`` that ``what`` names, shape ``(P, C, H, W)``; None where there are none."""
    if what == "originals":
        return timeline.sample.originals if len(timeline.sample.originals) else None
    record = timeline.record(epoch)
    return record.reconstructions if what == "reconstructions" else record.samples
