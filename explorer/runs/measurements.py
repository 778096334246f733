"""What was measured of a run: ``measures/DIGEST.safetensors`` in its folder, for each setting. Its reader and writer.

A file is found by everything that its numbers depend on, so it cannot be out of date: what was measured with other
weights, another classifier or other settings has another name. The last few are kept.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from explorer.analysis.comparison.measurements import VERSION, Measurements
from explorer.errors import CheckpointError
from explorer.files import array_bytes, make_folder, modification_times, read_arrays, write_atomically
from explorer.runs.run import Run

FOLDER = "measures"
MAX_FILES = 4
"""Settings of which a run keeps what was measured, the last ones: 150 kB each at 1,000 resamples."""

MAX_BYTES = 4 * 1024**2


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheKey:
    """Everything that the measures of a run depend on.

    Attributes:
        weights: their fingerprint.
        model: its configuration, as JSON.
        is_binary: whether it sees binarised pixels.
        data: its data set.
        judge: the fingerprint of the classifier of that, by the name that stored keys have; empty where there is none.
        seconds: that training took; None where that is not known.
        n_images: test images, the first ones, that were asked for.
        n_samples: importance samples of each.
        n_resamples, seed, confidence: of the intervals.
        version: of what measures.
    """

    weights: str
    model: str
    is_binary: bool
    data: str
    judge: str
    seconds: float | None
    n_images: int
    n_samples: int
    n_resamples: int
    seed: int
    confidence: float
    version: int = VERSION

    def to_json(self) -> str:
        """Return the fields as JSON."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)


def measurements_path(run: Run, cache_key: CacheKey) -> Path:
    """Return where what was measured of ``run`` under ``cache_key`` is kept, whether it is there or not."""
    return run.path / FOLDER / f"{hashlib.sha256(cache_key.to_json().encode()).hexdigest()[:16]}.safetensors"


def read_measurements(run: Run, cache_key: CacheKey, *, group: str) -> Measurements | None:
    """Return what was measured of ``run``, one of ``group``, under ``cache_key``; None where nothing was.

    Raises:
        CheckpointError: if the file is too large or damaged.
    """
    path = measurements_path(run, cache_key)
    if not path.exists():
        return None
    arrays, metadata = read_arrays(path, MAX_BYTES)
    try:
        if metadata["basis"] != cache_key.to_json():
            raise ValueError("it is of other settings")
        measured = Measurements.from_arrays(arrays, metadata, name=run.name, group=group)
        _check_fits(measured, cache_key)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged ({error}). It is measured again when it is asked for.") from error
    return measured


def save_measurements(run: Run, cache_key: CacheKey, measured: Measurements) -> None:
    """Keep ``measured`` with ``run``, and of those before it the last few.

    Raises:
        CheckpointError: if it cannot be written, or is too large to be read again.
    """
    path = measurements_path(run, cache_key)
    arrays, metadata = measured.to_arrays()
    content = array_bytes(arrays, metadata | {"basis": cache_key.to_json()})
    if len(content) > MAX_BYTES:
        raise CheckpointError(
            f"{path} would have {len(content):,} bytes; at most {MAX_BYTES:,} are kept. Use fewer resamples."
        )
    make_folder(path.parent, with_parents=False)
    write_atomically(path, content)
    _forget_oldest(path)


def _check_fits(measured: Measurements, cache_key: CacheKey) -> None:
    counts = {len(each.replicates) for each in measured.figures.values() if each.replicates is not None}
    if not counts <= {cache_key.n_resamples}:
        raise ValueError(f"it has {sorted(counts)} resamples, not {cache_key.n_resamples:,}")
    if not 1 <= measured.conditions.n_images <= cache_key.n_images:
        raise ValueError(f"it is of {measured.conditions.n_images:,} images, not of {cache_key.n_images:,}")


def _forget_oldest(newest: Path) -> None:
    """Remove all files beside ``newest`` but the last ones written."""
    others = [path for path in newest.parent.glob("*.safetensors") if path != newest]
    last_first = sorted(others, key=lambda path: modification_times([path]), reverse=True)
    for path in last_first[MAX_FILES - 1 :]:
        path.unlink(missing_ok=True)
