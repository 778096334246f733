"""Densities of codes, fitted after training: what gives an autoencoder something to sample from.

It is a density over codes, not over images: a model without p(x) does not get one by it.

Source: Ghosh et al. (2020), From Variational to Deterministic Autoencoders, section 4,
https://arxiv.org/abs/1903.12436 (Gaussian and mixture); scikit-learn's estimators.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from explorer.analysis.arrays import Floats
from explorer.errors import ConfigError

KINDS = ("gaussian", "mixture", "kde")

MAX_KERNELS = 10_000
"""Codes that a kernel density keeps, drawn at random from more: each query looks at all of them."""


class CodeDensity:
    """A density over codes of ``latent_dim`` dimensions.

    Attributes:
        kind: gaussian (full covariance), mixture (of such) or kde (normal kernels).
        n_codes: codes that it was fitted to.
    """

    def __init__(self, codes: Floats, kind: str, *, n_components: int = 10, seed: int = 0) -> None:
        """Fit a density to ``codes``, shape ``(N, L)``.

        Args:
            codes: posterior means, or the codes of an autoencoder.
            kind: the family.
            n_components: of a mixture.
            seed: of the mixture's start, and of the codes that a kernel density keeps.

        Raises:
            ConfigError: if there is no such kind, or there are too few codes for it, or one is not finite.
        """
        if kind not in KINDS:
            raise ConfigError(f"There is no density {kind!r}: use one of {', '.join(KINDS)}.")
        if n_components < 1:
            raise ConfigError(f"A mixture of {n_components} components is none: use at least 1.")
        if not np.isfinite(codes).all():
            raise ConfigError("A code is not a finite number: the model has diverged, and its codes have no density.")
        least = {"gaussian": 2, "mixture": max(2, n_components), "kde": 2}[kind]
        if len(codes) < least:
            raise ConfigError(f"{len(codes)} codes are too few for a {kind} density: it needs at least {least}.")
        self.kind = kind
        self._mean, self._scale = _location_and_scale(codes)
        standard = (codes - self._mean) / self._scale
        self.n_codes = len(codes)
        if kind == "kde":
            rows = np.random.default_rng(seed).permutation(len(codes))[:MAX_KERNELS]
            self.n_codes = len(rows)
            self._kernels = KernelDensity(bandwidth="scott").fit(standard[rows])
        else:
            components = n_components if kind == "mixture" else 1
            self._mixture = GaussianMixture(components, covariance_type="full", random_state=seed)
            with warnings.catch_warnings():  # a mixture that stops at its last iteration is a density all the same
                warnings.simplefilter("ignore", ConvergenceWarning)
                self._mixture.fit(standard)

    def log_prob(self, codes: Floats) -> NDArray[np.float64]:
        """Return the log density of ``codes``, shape ``(M, L)``, in nats, shape ``(M,)``."""
        standard = (codes - self._mean) / self._scale
        estimator = self._kernels if self.kind == "kde" else self._mixture
        log_prob: NDArray[np.float64] = estimator.score_samples(standard) - np.log(self._scale).sum()
        return log_prob

    def sample(self, n: int, *, seed: int) -> Floats:
        """Return ``n`` codes, shape ``(n, L)``; a kernel density draws a code that it keeps, and moves it a little."""
        if self.kind == "kde":
            standard = self._kernels.sample(n, random_state=seed)
        else:
            self._mixture.set_params(random_state=seed)
            standard = self._mixture.sample(n)[0]
            np.random.default_rng(seed).shuffle(standard)  # scikit-learn's come sorted by component
        codes: Floats = (self._mean + self._scale * standard).astype(np.float32)
        return codes


def _location_and_scale(codes: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each dimension; 1 for one that does not vary, so that nothing divides by 0."""
    scale = codes.std(axis=0, dtype=np.float64)
    return codes.mean(axis=0, dtype=np.float64), np.where(scale > 1e-6, scale, 1.0)
