"""Summary of a path: how long it is for the code and for the image, and how near the data it stays."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats, Labels
from explorer.analysis.latent.neighbourhood import Verdict
from explorer.analysis.latent.reliability import rows_of_classes
from explorer.analysis.paths.interpolation import LatentPath, step_lengths
from explorer.errors import ConfigError

if TYPE_CHECKING:
    from explorer.analysis.latent.reliability import ReliabilityGauge
    from explorer.models.latent_model import LatentModel


BATCH = 256
"""Codes that are decoded at once while a path is measured."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FinePath:
    """A path sampled finely from end to end, and decoded: what its length and its speed in images are measured by.

    Attributes:
        path: ``LatentPath.finely()``, F codes.
        images: what they decode to, ``(F, D)``, as ``mean_images`` has them.
    """

    path: LatentPath
    images: Floats


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PathFacts:
    """Summary of a path and of each of its T codes. Lengths and energy are from end to end, without overshoot.

    Attributes:
        n_steps: of the fine sampling that lengths and energy are measured by, the same for every kind of path.
        latent_length: in z.
        image_length: sum of the distances between the decoded means g(z), pixels in [0, 1]: the length in the metric
            J^T J of the decoder.
        image_energy: 1/2 sum |dg|^2 / dt for the curve as it is walked; at least ``image_length``^2 / 2, which a walk
            at constant speed in images has.
        n_near: encoded images within ``radius`` of each code, shape ``(T,)``; None without an encoded set.
        nearest: distance of each code to the nearest encoded image, shape ``(T,)``; None without an encoded set.
        verdicts: of each code, as a ``Reliability`` has them; None without an encoded set.
        radius, n_typical: half of the encoded images have that many others within that distance; None without a set.
        log_prior: log p(z), or log p(z|y), of each code in nats, -inf off the prior's support; None without a prior.
    """

    n_steps: int
    latent_length: float
    image_length: float
    image_energy: float
    n_near: NDArray[np.int64] | None
    nearest: Doubles | None
    verdicts: tuple[Verdict, ...] | None
    radius: float | None
    n_typical: int | None
    log_prior: Doubles | None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON has them: lists for arrays, and None for what is not finite."""
        return {name: _as_json(getattr(self, name)) for name in self.__slots__}


def fine_path(model: "LatentModel", path: LatentPath, labels: Labels | None = None) -> FinePath:
    """Return ``path`` sampled finely and decoded by ``model``; ``labels`` as in ``path_facts``.

    Raises:
        ConfigError: if the model needs classes and gets none.
    """
    _check_labels(model, path, labels)
    fine = path.finely()
    return FinePath(path=fine, images=mean_images(model, fine.codes, labels_at(fine.t, path.t, labels)))


def path_facts(
    model: "LatentModel",
    gauge: "ReliabilityGauge | None",
    path: LatentPath,
    labels: Labels | None = None,
    fine: FinePath | None = None,
) -> PathFacts:
    """Return the summary of ``path``.

    Args:
        model: that decodes it.
        gauge: of the model and its encoded set; None for a model that cannot encode.
        path: the path.
        labels: class that each code is decoded in, shape ``(T,)``, for a model that needs classes.
        fine: the same curve by ``fine_path``, where that is at hand; it does not depend on the times of ``path``.

    Raises:
        ConfigError: if the model needs classes and gets none.
    """
    fine = fine or fine_path(model, path, labels)
    steps, n_steps = step_lengths(fine.images), len(fine.path) - 1
    around: dict[str, Any] = dict.fromkeys(("n_near", "nearest", "verdicts", "radius", "n_typical"))
    return PathFacts(
        n_steps=n_steps,
        latent_length=float(step_lengths(fine.path.codes).sum()),
        image_length=float(steps.sum()),
        image_energy=float(0.5 * n_steps * np.square(steps).sum()),
        log_prior=_log_prior(model, path.codes, labels),
        **(around if gauge is None else around | _neighbours(gauge, path.codes, labels)),
    )


def mean_images(model: "LatentModel", codes: Floats, labels: Labels | None = None) -> Floats:
    """Return the means of p(x|z), not clamped, as ``(F, D)``, of codes ``(F, L)``: images that distances are between.

    Args:
        model: that decodes.
        codes: shape ``(F, L)``.
        labels: classes, shape ``(F,)``, for a model that needs them.
    """
    import torch

    weight = next(model.decoder.parameters())
    z = torch.from_numpy(codes).to(weight)
    y = None if labels is None else torch.from_numpy(labels)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(z), BATCH):
            batch = slice(start, start + BATCH)
            parts.append(model.decode(z[batch], None if y is None else y[batch]).mean.flatten(1).float())
    images: Floats = torch.cat(parts).numpy()
    return images


def labels_at(t: Doubles, known: Doubles, labels: Labels | None) -> Labels | None:
    """Return the classes at times ``t``, ``(F,)``: each that of the nearest in ``known``, rising, ``(T,)``."""
    if labels is None:
        return None
    changes = (known[1:] + known[:-1]) / 2
    found: Labels = labels[np.searchsorted(changes, t)]
    return found


def _check_labels(model: "LatentModel", path: LatentPath, labels: Labels | None) -> None:
    if labels is not None and labels.shape != (len(path),):
        raise ValueError(f"labels have shape {labels.shape}, expected ({len(path)},)")
    if model.needs_label and labels is None:
        raise ConfigError(f"A {model.config.family} decodes given a class: pass one for each code of the path.")


def _neighbours(gauge: "ReliabilityGauge", codes: Floats, labels: Labels | None) -> dict[str, Any]:
    nearest, n_near = np.empty(len(codes)), np.empty(len(codes), np.int64)
    verdicts = [Verdict.OUT_OF_DISTRIBUTION] * len(codes)
    for label, rows in rows_of_classes(labels, len(codes)):
        around = gauge.neighbourhood(label)
        nearest[rows], n_near[rows] = around.around(codes[rows])
        for row in rows.tolist():
            verdicts[row] = around.verdict(float(nearest[row]))
    first = gauge.neighbourhood(None if labels is None else int(labels[0]))
    return {
        "n_near": n_near,
        "nearest": nearest,
        "verdicts": tuple(verdicts),
        "radius": first.radius,
        "n_typical": first.n_typical,
    }


def _log_prior(model: "LatentModel", codes: Floats, labels: Labels | None) -> Doubles | None:
    import torch

    from explorer.analysis.latent.reliability import log_density

    with torch.inference_mode():
        y = torch.from_numpy(labels) if model.needs_label and labels is not None else None
        prior = model.prior(y)
        return None if prior is None else log_density(prior, torch.from_numpy(codes))


def _as_json(value: Any) -> Any:
    if isinstance(value, np.ndarray | tuple):
        return [_as_json(item) for item in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
