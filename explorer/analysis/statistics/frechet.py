"""How far apart two sets of images are: the Frechet distance of normal distributions fitted to their features.

The features are those of a classifier of the data set, not of Inception: distances compare runs of one data set, and
with nothing that is published. The fewer images, the larger the distance: even two halves of one set are apart, and the
less so the more there are. So distances are compared at one number of images. numpy only, but for where the classifier
is asked.

Source: Heusel et al. (2017), GANs Trained by a Two Time-Scale Update Rule, equation 6, https://arxiv.org/abs/1706.08500;
Dowson & Landau (1982), https://doi.org/10.1016/0047-259X(82)90077-X.
"""

from dataclasses import dataclass

import numpy as np

from explorer.analysis.arrays import Doubles, Numbers
from explorer.analysis.statistics.bootstrap import CHUNK, Estimate, Resampling, centred_estimate
from explorer.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Moments:
    """Mean and covariance of features, of one set or of a batch of them.

    Attributes:
        mean: shape ``(*batch, D)``.
        factor: F with F F^T the covariance (that of the items as a population), shape ``(*batch, D, D)``.
    """

    mean: Doubles
    factor: Doubles

    @classmethod
    def of(cls, mean: Doubles, covariance: Doubles) -> "Moments":
        """Return the moments of means ``(*batch, D)`` and symmetric covariances ``(*batch, D, D)``."""
        variances, axes = np.linalg.eigh(covariance)
        # Rounding leaves the least of a singular covariance a little below 0.
        return cls(mean=mean, factor=axes * np.sqrt(np.maximum(variances, 0))[..., None, :])


def moments(features: Numbers) -> Moments:
    """Return the moments of features ``(N, D)``.

    Raises:
        ConfigError: if there are fewer than two, or one is not finite.
    """
    _check(features)
    doubles = features.astype(np.float64)
    mean = doubles.mean(axis=0)
    return Moments.of(mean, (doubles - mean).T @ (doubles - mean) / len(doubles))


def resampled_moments(features: Numbers, resampling: Resampling) -> Moments:
    """Return the moments of features ``(N, D)`` in each resample, batch ``(R,)``."""
    _check(features)
    doubles = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    counts, parts = resampling.counts(len(doubles)), []
    for start in range(0, len(counts), CHUNK):
        weights = counts[start : start + CHUNK].astype(np.float64) / len(doubles)
        means = weights @ doubles
        seconds = np.stack([(doubles * row[:, None]).T @ doubles for row in weights])
        parts.append(Moments.of(means, seconds - means[:, :, None] * means[:, None, :]))
    shift = features.mean(axis=0, dtype=np.float64)
    return Moments(
        mean=np.concatenate([part.mean for part in parts]) + shift,
        factor=np.concatenate([part.factor for part in parts]),
    )


def frechet_distance(a: Moments, b: Moments) -> Doubles:
    """Return |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), never below 0, shape ``(*batch,)``.

    The eigenvalues of the symmetric F_a^T C_b F_a are those of C_a C_b, and their roots the singular values of
    F_a^T F_b: taken there, no root is drawn of what rounding has left, however singular the covariances are.
    """
    roots = np.linalg.svd(np.swapaxes(a.factor, -1, -2) @ b.factor, compute_uv=False).sum(axis=-1)
    spreads = np.square(a.factor).sum(axis=(-2, -1)) + np.square(b.factor).sum(axis=(-2, -1))
    distance: Doubles = np.maximum(np.square(a.mean - b.mean).sum(axis=-1) + spreads - 2 * roots, 0)
    return distance


def frechet_estimate(features: Numbers, real: Numbers, real_resampled: Moments, resampling: Resampling) -> Estimate:
    """Return the distance of generated features to real ones, ``(N, D)`` and ``(M, D)``, with its interval.

    Both sets are drawn again. The interval is centred: it is one for other sets of as many images, and too wide where
    the two distributions are the same, where the distance is all bias.

    Args:
        features: of generated images.
        real: of real ones.
        real_resampled: the moments of ``real`` in each resample, drawn with another seed than ``resampling`` has.
        resampling: of the generated ones, as many times.
    """
    value = float(frechet_distance(moments(features), moments(real)))
    return centred_estimate(value, frechet_distance(resampled_moments(features, resampling), real_resampled), least=0.0)


def _check(features: Numbers) -> None:
    if len(features) < 2:
        raise ConfigError(f"A covariance takes at least two images; there are {len(features)}.")
    if not np.isfinite(features).all():
        raise ConfigError("A feature is not a finite number: the model generates pixels that are none.")
