"""A run's timeline over HTTP: maps of its epochs as bytes, and what an epoch made of the same images as pictures.

Nothing is held between requests: a browser that follows training asks for the epochs that it does not have yet, which
is a listing of a folder and mostly one small file.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from explorer.analysis.arrays import Images
from explorer.errors import CheckpointError, ProjectionError, ServingError
from explorer.runs.run import Run
from explorer.runs.timeline import FOLDER, EpochRecord, Timeline, epoch_path
from explorer.serving.thumbnails import grid_png

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
    _, last = kept_record(timeline, timeline.epochs[-1])
    content = maps.astype("<f4").tobytes() + timeline.sample.labels.astype("<u2").tobytes()
    facts = {
        "sent": epochs,
        "kept": timeline.epochs,
        "stride": timeline.stride,
        "sample": str((timeline.folder / "sample.safetensors").stat().st_mtime_ns),
        "pictures": [name for name in PICTURES if picture_of(timeline, last, name) is not None],
    }
    digest = hashlib.sha256(f"{facts}".encode() + content).hexdigest()[:16]
    return TimelineAnswer(content=content, etag=f'"{digest}"', shape=maps.shape, facts=facts)


def timeline_picture(run: Run, epoch: int, what: str) -> tuple[bytes, str, int]:
    """Return a PNG of eight columns of what ``epoch`` recorded, one of ``PICTURES``, its entity tag, and its epoch.

    The last epoch of a run in training may be thinned out before a browser has asked for it: the nearest one that is
    kept stands in for any before the last.

    Raises:
        ServingError: if ``what`` is none of these.
        ProjectionError: if the run has no timeline, or its model makes no such pictures.
        CheckpointError: if its file is damaged.
    """
    if what not in PICTURES:
        raise ServingError(f"There are no pictures {what[:40]!r} of an epoch: use what={', '.join(PICTURES)}.")
    timeline = opened(run)
    if not 0 <= epoch <= timeline.epochs[-1]:
        raise ProjectionError(f"Epoch {epoch} of {run.name} is not recorded: use 0 to {timeline.epochs[-1]}.")
    found, record = kept_record(timeline, epoch)
    images = picture_of(timeline, record, what)
    if images is None:
        raise ProjectionError(f"{run.name} is of family {run.config.model.family!r}, which makes no {what}.")
    etag = f'"{hashlib.sha256(images.tobytes()).hexdigest()[:16]}-{what}"'
    return grid_png(images, COLUMNS, gap=GAP), etag, found


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


def kept_record(timeline: Timeline, epoch: int) -> tuple[int, EpochRecord]:
    """Return the epoch nearest to ``epoch`` that is still kept, and its record.

    Raises:
        CheckpointError: if its file is damaged, or none is kept any more.
    """
    *nearest, farthest = sorted(timeline.epochs, key=lambda other: abs(other - epoch))
    for known in nearest:
        try:
            return known, timeline.record(known)
        except CheckpointError:
            if epoch_path(timeline.folder, known).exists():
                raise
    return farthest, timeline.record(farthest)


def picture_of(timeline: Timeline, record: EpochRecord, what: str) -> Images | None:
    """Return the images of a ``record`` that ``what`` names, shape ``(P, C, H, W)``; None where there are none."""
    if what == "originals":
        return timeline.sample.originals if len(timeline.sample.originals) else None
    return record.reconstructions if what == "reconstructions" else record.samples
