"""What differences of codes say: arithmetic on codes, class means, and the direction of an attribute. numpy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles, Floats
from explorer.errors import ConfigError

MIN_SIDE = 2
"""Images with, and without, an attribute that its direction needs: one to find it by, one to try it on."""

Booleans = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AttributeDirection:
    """Where codes with an attribute lie from those without, and how well that tells them apart.

    The two figures are of a direction that was found in the same way on half of the images, tried on the other half.

    Attributes:
        direction: of unit length, towards the codes with the attribute, shape ``(L,)``.
        scale: distance between the two means: how far along it one walks from a typical code without to one with.
        auc: chance that of two held-out images, one with and one without, the one with lies farther along; 0.5 is
            what any direction gives of an attribute that the codes do not show.
        balanced_accuracy: mean of the shares of held-out images with, and without, that lie on their side of the
            middle between the means.
        n_with, n_without: held-out images of each side.
    """

    direction: Floats
    scale: float
    auc: float
    balanced_accuracy: float
    n_with: int
    n_without: int


def latent_arithmetic(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return a - b + c for codes of shape ``(..., L)``: what tells a from b, put upon c.

    Source: Radford, Metz & Chintala (2016), Unsupervised Representation Learning with DCGANs, section 6.3.2,
    https://arxiv.org/abs/1511.06434.
    """
    code: Floats = (a.astype(np.float64) - b + c).astype(np.float32)
    return code


def class_means(codes: Floats, labels: NDArray[np.int64]) -> dict[int, Floats]:
    """Return the mean code, shape ``(L,)``, of each class that has one among codes ``(N, L)`` of classes ``(N,)``."""
    return {label: _mean(codes[labels == label]).astype(np.float32) for label in np.unique(labels).tolist()}


def attribute_direction(codes: Floats, is_member: Booleans, *, seed: int) -> AttributeDirection:
    """Return the difference of the mean codes with and without an attribute, and how well it separates the two.

    Source: Larsen et al. (2016), Autoencoding beyond pixels using a learned similarity metric, section 5.3.1,
    https://arxiv.org/abs/1512.09300; White (2016), Sampling Generative Networks, section 3.1,
    https://arxiv.org/abs/1609.04468.

    Args:
        codes: shape ``(N, L)``.
        is_member: whether each image has the attribute, shape ``(N,)``.
        seed: of the halves, each of which has half of both sides.

    Raises:
        ConfigError: if fewer than ``MIN_SIDE`` images have the attribute or lack it, or the two means coincide.
    """
    is_member = np.asarray(is_member, bool)
    if codes.ndim != 2 or is_member.shape != (len(codes),):
        raise ValueError(f"codes have shape {codes.shape} and is_member {is_member.shape}, expected (N, L) and (N,)")
    _check_sides(is_member)
    is_held_out = _halves(is_member, seed)
    tried, _, middle = _between_means(codes[~is_held_out], is_member[~is_held_out])
    scores, is_with = codes[is_held_out] @ tried, is_member[is_held_out]
    direction, scale, _ = _between_means(codes, is_member)
    return AttributeDirection(
        direction=direction.astype(np.float32),
        scale=scale,
        auc=area_under_curve(scores[is_with], scores[~is_with]),
        balanced_accuracy=float(((scores[is_with] > middle).mean() + (scores[~is_with] <= middle).mean()) / 2),
        n_with=int(is_with.sum()),
        n_without=int((~is_with).sum()),
    )


def area_under_curve(positive: Doubles, negative: Doubles) -> float:
    """Return the chance that a score of ``positive``, ``(P,)``, exceeds one of ``negative``, ``(M,)``; ties are halves.

    Source: Hanley & McNeil (1982), The meaning and use of the area under a ROC curve,
    https://doi.org/10.1148/radiology.143.1.7063747: Mann and Whitney's statistic over the number of pairs.
    """
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(positive, negative, method="asymptotic").statistic / (len(positive) * len(negative)))


def _check_sides(is_member: Booleans) -> None:
    n_with = int(is_member.sum())
    n_without = len(is_member) - n_with
    if min(n_with, n_without) < MIN_SIDE:
        raise ConfigError(
            f"{n_with:,} of {len(is_member):,} images have this attribute and {n_without:,} do not: a direction needs "
            f"at least {MIN_SIDE} of each. Choose a column with both values."
        )


def _halves(is_member: Booleans, seed: int) -> Booleans:
    """Return which images are held out, shape ``(N,)``: half of each side, rounded down, at least one."""
    rng = np.random.default_rng(seed)
    is_held_out = np.zeros(len(is_member), bool)
    for side in (is_member, ~is_member):
        rows = rng.permutation(np.flatnonzero(side))
        is_held_out[rows[: len(rows) // 2]] = True
    return is_held_out


def _between_means(codes: Floats, is_member: Booleans) -> tuple[Doubles, float, float]:
    """Return the unit direction ``(L,)`` from the mean without to the mean with, their distance, and their middle."""
    there, here = _mean(codes[is_member]), _mean(codes[~is_member])
    distance = float(np.linalg.norm(there - here))
    if not distance > 0:
        raise ConfigError(
            "The images with this attribute and those without have the same mean code: there is no direction from one "
            "to the other. Choose another column."
        )
    direction = (there - here) / distance
    return direction, distance, float(direction @ (there + here) / 2)


def _mean(codes: Floats) -> Doubles:
    mean: Doubles = codes.mean(axis=0, dtype=np.float64)
    return mean
