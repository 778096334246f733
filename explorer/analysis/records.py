"""What analyses return: records of arrays that know their shapes and how they are stored. numpy only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats

MIN_IMAGES = 2
"""Images below which an encoded set has no neighbours, no spread and no map."""

MAX_CODE = 1e6
"""Of a code's numbers: beyond it float32 networks overflow; the data lie within a few units of 0."""

MAX_LABEL = 999
"""The last class of the 1,000 that a model may have."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EncodedSet:
    """A set of images as codes, with the two terms of the bound for each.

    Attributes:
        mu: posterior means (or codes of an autoencoder), shape ``(N, L)``.
        log_var: logarithm of the posterior variances, shape ``(N, L)``; None for an autoencoder.
        labels: classes, shape ``(N,)`` int64.
        reconstruction: -log p(x|z) at one seeded posterior sample, nats, shape ``(N,)``.
        kl: KL(q(z|x) || p(z)), nats, shape ``(N,)``; zero for an autoencoder.
        fingerprint: of the weights that encoded them.
    """

    mu: Floats
    log_var: Floats | None
    labels: NDArray[np.int64]
    reconstruction: Floats
    kl: Floats
    fingerprint: str

    def __post_init__(self) -> None:
        """Check that all parts speak of the same images."""
        n = len(self.mu)
        if self.mu.ndim != 2 or (self.log_var is not None and self.log_var.shape != self.mu.shape):
            raise ValueError(f"mu has shape {self.mu.shape}, expected (N, L), and log_var the same")
        for name in ("labels", "reconstruction", "kl"):
            if getattr(self, name).shape != (n,):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, expected ({n},)")

    def __len__(self) -> int:
        return len(self.mu)

    @property
    def latent_dim(self) -> int:
        """Number of latent dimensions L."""
        return int(self.mu.shape[1])

    def elbo(self) -> float | None:
        """Return the mean ELBO in nats per image, which may be infinite; None for an autoencoder, without a bound."""
        return None if self.log_var is None else float(-(self.reconstruction.astype(float) + self.kl).mean())

    def mean_code(self) -> Floats:
        """Return the mean of the codes, shape ``(L,)``."""
        mean: Floats = self.mu.mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean

    def neighbours(self, z: Floats, n: int) -> tuple[NDArray[np.int64], Floats]:
        """Return rows and Euclidean distances, each ``(n,)``, of the codes nearest to ``z``, shape ``(L,)``."""
        distances = np.linalg.norm(self.mu - z, axis=1)
        n = min(n, len(self))
        rows = np.argpartition(distances, n - 1)[:n]
        rows = rows[np.argsort(distances[rows], kind="stable")]
        return rows, distances[rows]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to store: codes in float16 (3 digits, for a map), labels in the least integer type."""
        codes = np.float16 if np.abs(self.mu).max(initial=0.0) < 6e4 else np.float32
        arrays: dict[str, np.ndarray] = {
            "mu": self.mu.astype(codes),
            "labels": self.labels.astype(np.min_scalar_type(int(self.labels.max(initial=0)))),
            "reconstruction": self.reconstruction,
            "kl": self.kl,
        }
        if self.log_var is not None:
            arrays["log_var"] = np.clip(self.log_var, -6e4, 6e4).astype(np.float16)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], *, fingerprint: str) -> Self:
        """Return the set that ``to_arrays`` stored.

        Codes may be any numbers, and the terms of the bound infinite: what a diverged model makes is told by who reads
        it.

        Raises:
            KeyError: if an array is missing.
            ValueError: if one is of another type or shape, there are fewer than two images, a class is none of a
                thousand, or a variance is no number.
        """
        labels = arrays["labels"]
        if labels.dtype.kind not in "iu" or (labels.size and not 0 <= labels.min() <= labels.max() <= MAX_LABEL):
            raise ValueError(f"its labels are not whole numbers from 0 to {MAX_LABEL}")
        log_var = _floats(arrays, "log_var") if "log_var" in arrays else None
        if log_var is not None and not np.isfinite(log_var).all():
            raise ValueError("it has variances that are not numbers")
        stored = cls(
            mu=_floats(arrays, "mu"),
            log_var=log_var,
            labels=labels.astype(np.int64),
            reconstruction=_floats(arrays, "reconstruction"),
            kl=_floats(arrays, "kl"),
            fingerprint=fingerprint,
        )
        if len(stored) < MIN_IMAGES or stored.latent_dim < 1:
            raise ValueError(f"it has {len(stored)} images of {stored.latent_dim} dimensions")
        return stored


def _floats(arrays: Mapping[str, np.ndarray], name: str) -> Floats:
    if arrays[name].dtype.kind != "f":
        raise ValueError(f"{name} is of {arrays[name].dtype}, not of floating-point numbers")
    with np.errstate(over="ignore"):  # of float64 beyond float32: infinite, and told so
        return arrays[name].astype(np.float32)
