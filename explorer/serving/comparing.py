"""From runs to their comparison, and from a comparison to a file."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from explorer.analysis.comparison import Comparison
from explorer.analysis.comparison_tables import FORMATS
from explorer.analysis.groups import groups
from explorer.analysis.measures import Contestant
from explorer.data.catalogue import load_split
from explorer.data.images import ImageSplit
from explorer.runs.judges import Judge, find_judge, read_judge
from explorer.runs.run import Run

N_IMAGES = 1000


def contestants_of(runs: Sequence[Run], checkpoints: Path, *, n_images: int = N_IMAGES) -> list[Contestant]:
    """Return ``runs`` as they are compared: on their first ``n_images`` test images, by the judge of their data.

    Raises:
        CheckpointError: if a run or a judge is damaged.
        DataError: if images are not here, or fewer than 1 are asked for.
    """

    @cache
    def split(data: str, part: str) -> ImageSplit:
        loaded = load_split(data, part)
        return loaded.head(n_images) if part == "test" else loaded

    @cache
    def judge(data: str) -> Judge | None:
        path = find_judge(data, checkpoints)
        return None if path is None else read_judge(path)

    return [_contestant(run, split, judge) for run in runs]


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison and its groups of seeds."""
    return comparison.to_json() | {"groups": [group.to_json() for group in groups(comparison)]}


def comparison_bytes(comparison: Comparison, suffix: str) -> bytes:
    """Return a comparison as the file with that suffix: .json, or one of ``FORMATS``."""
    text = json.dumps(as_json(comparison), indent=2) if suffix == ".json" else FORMATS[suffix](comparison)
    return text.encode()


def _contestant(run: Run, split: Callable[[str, str], ImageSplit], judge: Callable[[str], Judge | None]) -> Contestant:
    data, seconds = run.config.training.data, [record["seconds"] for record in run.history()]
    found = judge(data)
    without_seed = run.config.training.model_copy(update={"seed": 0})
    return Contestant(
        name=run.name,
        group=run.config.model_copy(update={"training": without_seed}).model_dump_json(),
        model=run.model(),
        is_binary=run.config.is_binary,
        test=split(data, "test"),
        train=split(data, "train"),
        classifier=None if found is None else found.classifier,
        seconds=float(sum(seconds)) if seconds else None,
    )
