"""A path of a run, asked for by its ends and its kind: found, decoded, measured, and made into a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.latent.neighbourhood import Verdict
from explorer.analysis.paths.interpolation import (
    KINDS,
    LatentPath,
    at_constant_speed,
    linear_path,
    path_times,
    spherical_path,
)
from explorer.analysis.paths.summary import PathFacts, fine_path, path_facts
from explorer.errors import ConfigError
from explorer.workflows.image_grids import images_npz
from explorer.workflows.video import KINDS as ANIMATIONS
from explorer.workflows.video import animation

if TYPE_CHECKING:
    from explorer.serving.run_cache import LoadedRun

SUFFIXES = (*(f".{kind}" for kind in ANIMATIONS), ".npz")
"""What an interpolation can be written as."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PathChoice:
    """What path is asked for.

    Attributes:
        kind: one of ``KINDS``.
        n_frames: from end to end, both counted.
        overshoot: how far beyond each end one more frame lies, as a share of the path; 0 for none.
        label: class to decode in, for a model that needs one.
        is_constant_speed: whether the image is to change equally from each frame to the next.
    """

    kind: str = "linear"
    n_frames: int = 16
    overshoot: float = 0.0
    label: int | None = None
    is_constant_speed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Interpolation:
    """A path with its images, uint8 ``(T, C, H, W)``, and its summary."""

    path: LatentPath
    images: NDArray[np.uint8]
    facts: PathFacts
    label: int | None

    def to_bytes(self, suffix: str, *, fps: float) -> bytes:
        """Return a file with that ``suffix``, one of ``SUFFIXES``.

        Raises:
            ConfigError: if there is no such file, or ``fps`` is out of range.
        """
        check_suffix(suffix)
        if suffix == ".npz":
            return images_npz(self.images, self.path.codes, labels=_labels(self.path, self.label), t=self.path.t)
        return animation(self.images, suffix[1:], fps=fps)

    def to_json(self) -> dict[str, Any]:
        """Summary of the path as JSON has it; ``t`` and what ``PathFacts`` has of each code are lists."""
        path = self.path
        fields = {name: getattr(path, name) for name in ("kind", "note", "iterations", "is_converged")}
        fields |= {"energy": path.energy, "straight_energy": path.straight_energy, "label": self.label}
        fields |= {"rows": None if path.rows is None else path.rows.tolist(), "t": path.t.tolist()}
        return fields | self.facts.to_json()

    def in_words(self) -> str:
        """Return a sentence or two on the path: its lengths, how near the data it stays, and its note."""
        facts = self.facts
        far = ""
        if facts.verdicts is not None:
            far = f"; {facts.verdicts.count(Verdict.OUT_OF_DISTRIBUTION)} of {len(self.path)} far from the data"
        note = f" {self.path.note}" if self.path.note else ""
        note += (
            "" if self.label is None else f" All are decoded as class {self.label}, that of the first end or as asked."
        )
        return (
            f"{len(self.path)} images on a {self.path.kind} path, {facts.latent_length:.2f} long in z and "
            f"{facts.image_length:.2f} in the image{far}.{note}"
        )


def check_suffix(suffix: str) -> None:
    """Raise a ConfigError if no file with that ``suffix`` can be made of an interpolation."""
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"A path cannot be written as {suffix or 'a file without a suffix'!r}: end its name in one of "
            f"{', '.join(SUFFIXES)}."
        )


def interpolate_rows(loaded: "LoadedRun", first: int, last: int, choice: PathChoice) -> Interpolation:
    """Return the path between two encoded images, by their rows; a model that needs a class gets that of the first.

    Raises:
        ConfigError: if there is no such row, kind or class.
    """
    from explorer.analysis.coding import decode_codes

    a, b = encoded_code(loaded, first), encoded_code(loaded, last)
    label = _checked_label(loaded, choice.label, int(loaded.encoded.labels[first]))
    path = find_path(loaded, a, b, choice, label=label)
    labels = _labels(path, label)
    return Interpolation(
        path=path,
        images=decode_codes(loaded.model, path.codes, labels),
        facts=path_facts(loaded.model, loaded.reliability_gauge, path, labels),
        label=label,
    )


def find_path(
    loaded: "LoadedRun", a: Floats, b: Floats, choice: PathChoice, *, label: int | None, **search: Any
) -> LatentPath:
    """Return the path that was chosen between codes ``a`` and ``b``, each ``(L,)``.

    Args:
        loaded: the run.
        a: first code.
        b: last code.
        choice: kind, frames and speed of the path.
        label: class to decode in; None for a model that needs none.
        search: ``on_progress`` and ``stop`` of ``geodesic_path``; the other kinds take no time.

    Raises:
        ConfigError: if there is no path of that kind, or a number is out of range.
    """
    t = path_times(choice.n_frames, overshoot=choice.overshoot)
    path = _found(loaded, (a, b), t, choice.kind, label=label, **search)
    if not choice.is_constant_speed:
        return path
    fine = fine_path(loaded.model, path, _labels(path, label))
    return at_constant_speed(path, fine.path, fine.images)


def _found(
    loaded: "LoadedRun", endpoints: tuple[Floats, Floats], t: Doubles, kind: str, *, label: int | None, **search: Any
) -> LatentPath:
    if kind == "linear":
        return linear_path(*endpoints, t)
    if kind == "spherical":
        return spherical_path(*endpoints, t)
    if kind == "data":
        return loaded.neighbour_graph(label).path(*endpoints, t)
    if kind == "geodesic":
        from explorer.analysis.paths.geodesics import geodesic_path

        return geodesic_path(loaded.model, *endpoints, t, label=label, **search)
    raise ConfigError(f"There is no path of kind {kind!r:.40}: use one of {', '.join(KINDS)}.")


def encoded_code(loaded: "LoadedRun", row: int) -> Floats:
    """Return the code, shape ``(L,)``, of an encoded image by its row.

    Raises:
        ConfigError: if there is no such row.
    """
    n = len(loaded.encoded)
    if not 0 <= row < n:
        raise ConfigError(f"{loaded.run.name} has no encoded image in row {row}: use 0 to {n - 1}.")
    code: Floats = loaded.encoded.mu[row]
    return code


def _checked_label(loaded: "LoadedRun", label: int | None, of_first: int) -> int | None:
    n_classes = loaded.config.model.n_classes
    if n_classes is None:
        if label is not None:
            raise ConfigError(f"{loaded.run.name} was trained without classes: leave out the class, or use a cvae.")
        return None
    if label is not None and not 0 <= label < n_classes:
        raise ConfigError(f"Class {label} does not exist in {loaded.run.name}: use 0 to {n_classes - 1}.")
    return of_first if label is None else label


def _labels(path: LatentPath, label: int | None) -> NDArray[np.int64] | None:
    return None if label is None else np.full(len(path), label, np.int64)


def write_interpolation(out: Path, found: Interpolation, *, fps: float) -> None:
    """Write ``found`` to ``out``, as its suffix says.

    Raises:
        CheckpointError: if it cannot be written.
        ConfigError: if there is no such kind of file.
    """
    from explorer.files import write_atomically

    write_atomically(out, found.to_bytes(out.suffix.lower(), fps=fps))
