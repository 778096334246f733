"""The timeline of a run: what its model made of the same images and the same noise after every epoch.

``timeline/sample.safetensors`` holds what never changes, ``timeline/000012.safetensors`` what epoch 12 made of it;
epoch 0 is the model before training. Every file is written whole or not at all. A long timeline is thinned out, so
that its size has a bound however long a run is trained.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats, Images
from explorer.errors import CheckpointError
from explorer.files import array_bytes, clear_unfinished, make_folder, read_arrays, read_bounded, write_atomically
from explorer.models.config import ModelConfig

FOLDER = "timeline"
MAX_POINTS = 2000
"""Images of the sample."""

MAX_CODE_NUMBERS = 2**17
"""Numbers in the codes of an epoch: of many dimensions fewer images are kept."""

N_PICTURES = 8
N_SAMPLES = 64
MAX_EPOCHS = 200
MAX_BYTES = 256 * 1024**2
"""Of a whole timeline; the larger an epoch's file, the fewer are kept, but at least ``MIN_EPOCHS``."""

MIN_EPOCHS = 8
MAX_FILE_BYTES = 64 * 1024**2
_FILE = re.compile(r"(\d{6})\.safetensors")
_LAST_EPOCH = 999_999
_AGAIN = f"Delete the folder {FOLDER}, or train the run again."


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TimelineSample:
    """What is shown again after every epoch.

    Attributes:
        labels: classes of the validation images whose codes are recorded, shape ``(N,)``; none of a model that cannot
            encode.
        originals: eight of these images as the model sees them, shape ``(P, C, H, W)``.
    """

    labels: NDArray[np.int64]
    originals: Images

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        return {"labels": self.labels.astype(np.uint16), "originals": self.originals}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EpochRecord:
    """What one epoch's model makes of the sample. What a model does not have is None.

    Attributes:
        codes: means of q(z|x), shape ``(N, L)``, to the three digits of float16.
        points: their map, shape ``(N, 2)``, aligned to that of the epoch before.
        reconstructions: of the originals, shape ``(P, C, H, W)``.
        samples: decoded draws from the prior, of the same noise in every epoch, shape ``(64, C, H, W)``.
    """

    codes: Floats | None = None
    points: Floats | None = None
    reconstructions: Images | None = None
    samples: Images | None = None

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to store; a map of two dimensions is the codes themselves, and stored once."""
        arrays: dict[str, np.ndarray] = {}
        if self.codes is not None and self.points is not None:
            narrow = np.float16 if np.abs(self.codes).max(initial=0.0) < 6e4 else np.float32
            arrays["codes"] = self.codes.astype(narrow)
            if self.codes.shape[1] != 2:
                arrays["points"] = self.points.astype(np.float32)
        pictures = {"reconstructions": self.reconstructions, "samples": self.samples}
        return arrays | {name: images for name, images in pictures.items() if images is not None}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Timeline:
    """The recorded epochs of a run, read one at a time when they are asked for.

    Attributes:
        folder: where they lie.
        epochs: which are recorded, rising; 0 is the model before training.
        sample: what is shown after each.
        model: the configuration that every file must fit.
    """

    folder: Path
    epochs: tuple[int, ...]
    sample: TimelineSample
    model: ModelConfig

    @property
    def stride(self) -> int:
        """Every how many epochs one is kept: 1 until the timeline has been thinned out."""
        return max(1, int(np.diff(self.epochs[:-1]).max(initial=1)))

    def record(self, epoch: int) -> EpochRecord:
        """Return what ``epoch`` recorded.

        Raises:
            CheckpointError: if it is not recorded, or its file is damaged or does not fit config.json.
        """
        path = epoch_path(self.folder, epoch)
        if not path.exists():
            raise CheckpointError(f"{path} is not there: that epoch was not recorded, or was thinned out.")
        arrays, _ = read_arrays(path, MAX_FILE_BYTES, _AGAIN)
        n, shape = len(self.sample.labels), self.model.image_shape
        codes = _floats(path, arrays, "codes", (n, self.model.latent_dim))
        points = codes if self.model.latent_dim == 2 else _floats(path, arrays, "points", (n, 2))
        if (codes is None) != (n == 0) or (points is None) != (n == 0):
            raise _damaged(path, f"it lacks the codes, or their map, of {n} images")
        return EpochRecord(
            codes=codes,
            points=points,
            reconstructions=_images(path, arrays, "reconstructions", (len(self.sample.originals), *shape)),
            samples=_images(path, arrays, "samples", (N_SAMPLES, *shape)),
        )

    def maps(self, since: int = 0) -> tuple[tuple[int, ...], Floats]:
        """Return the recorded epochs from ``since`` on, E of them, and their maps, shape ``(E, N, 2)``.

        One that training has thinned out since the timeline was opened is passed over.

        Raises:
            CheckpointError: if a file is damaged.
        """
        epochs, maps = [], []
        for epoch in self.epochs:
            if epoch < since or not epoch_path(self.folder, epoch).exists():
                continue
            points = self.record(epoch).points
            epochs.append(epoch)
            maps.append(np.zeros((0, 2), np.float32) if points is None else points)
        stacked = np.stack(maps) if maps else np.zeros((0, len(self.sample.labels), 2), np.float32)
        return tuple(epochs), stacked


def epoch_path(folder: Path, epoch: int) -> Path:
    """Return where ``epoch`` is recorded in the timeline ``folder``."""
    return folder / f"{epoch:06d}.safetensors"


def recorded_epochs(folder: Path) -> tuple[int, ...]:
    """Return the epochs that have a file in the timeline ``folder``, rising; none where there is no folder."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(int(match[1]) for path in folder.iterdir() if (match := _FILE.fullmatch(path.name))))


def read_timeline(folder: Path, model: ModelConfig) -> Timeline | None:
    """Return the timeline in ``folder`` of a run of ``model``, or None where none was recorded.

    Raises:
        CheckpointError: if its sample is damaged or does not fit ``model``, or it has absurdly many files.
    """
    path, epochs = folder / "sample.safetensors", recorded_epochs(folder)
    if not epochs or not path.exists():
        return None
    if len(epochs) > MAX_EPOCHS:
        raise CheckpointError(f"{folder} holds {len(epochs):,} epochs; at most {MAX_EPOCHS} are read. Delete it.")
    arrays, _ = read_arrays(path, MAX_FILE_BYTES, _AGAIN)
    labels = arrays.get("labels", np.zeros(0))
    if labels.ndim != 1 or labels.dtype != np.uint16 or len(labels) > MAX_POINTS:
        raise _damaged(path, f"its labels are {labels.dtype} of shape {labels.shape}")
    n = min(N_PICTURES, len(labels))
    originals = _images(path, arrays, "originals", (n, *model.image_shape))
    if originals is None:
        raise _damaged(path, "it lacks the originals")
    sample = TimelineSample(labels=labels.astype(np.int64), originals=originals)
    return Timeline(folder=folder, epochs=epochs, sample=sample, model=model)


def open_for_recording(folder: Path, sample: TimelineSample, epoch: int) -> None:
    """Make the timeline ``folder`` ready to go on behind ``epoch``, with what later epochs left there removed.

    A timeline of another sample is begun anew.
    """
    make_folder(folder, with_parents=False)
    clear_unfinished(folder)
    path, content = folder / "sample.safetensors", array_bytes(sample.to_arrays())
    is_same = _holds(path, content)
    for recorded in recorded_epochs(folder):
        if recorded > epoch or not is_same:
            epoch_path(folder, recorded).unlink(missing_ok=True)
    if not is_same:
        write_atomically(path, content)


def save_epoch(folder: Path, epoch: int, record: EpochRecord) -> None:
    """Write what ``epoch`` made of the sample, and thin out the epochs before it where they have become too many."""
    if not 0 <= epoch <= _LAST_EPOCH:
        raise ValueError(f"epoch {epoch} is not between 0 and {_LAST_EPOCH}")
    content = array_bytes(record.to_arrays())
    write_atomically(epoch_path(folder, epoch), content)
    most = min(MAX_EPOCHS, max(MIN_EPOCHS, MAX_BYTES // len(content)))
    for recorded in recorded_epochs(folder):
        if recorded % stride_at(epoch, most) and recorded != epoch:
            epoch_path(folder, recorded).unlink(missing_ok=True)


def stride_at(epoch: int, most: int) -> int:
    """Return every how many epochs one is kept after ``epoch``, a power of two: ``most`` files, the last included."""
    stride = 1
    while epoch // stride + 2 > most:  # epoch 0, and the last, which need not be a multiple
        stride *= 2
    return stride


def _holds(path: Path, content: bytes) -> bool:
    try:
        return read_bounded(path, len(content)) == content
    except CheckpointError:
        return False


def _floats(path: Path, arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> Floats | None:
    array = arrays.get(name)
    if array is None:
        return None
    if array.shape != shape or array.dtype not in (np.float16, np.float32) or not np.isfinite(array).all():
        raise _damaged(path, f"{name} are {array.dtype} of shape {array.shape}; expected {shape} finite numbers")
    return array.astype(np.float32)


def _images(path: Path, arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> Images | None:
    array = arrays.get(name)
    if array is not None and (array.shape != shape or array.dtype != np.uint8):
        raise _damaged(path, f"{name} are {array.dtype} of shape {array.shape}; expected uint8 of {shape}")
    return array


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged: {what}. {_AGAIN}")
