"""The aggregated posterior q(z) as a sample, beside the prior that it should be: marginals, moments, discrepancy."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from explorer.analysis.arrays import Doubles, Floats
from explorer.analysis.coding import BATCH, EVALUATION_SEED
from explorer.analysis.evaluation.evaluate import mean_of_mixture, variance_of_mixture
from explorer.analysis.latent.priors import normal_prior
from explorer.analysis.statistics.mmd import Discrepancy, discrepancy
from explorer.data.batches import EVALUATION_STREAM, evaluation_pixels, seeded
from explorer.data.images import ImageSplit
from explorer.errors import ConfigError
from explorer.jobs.progress import OnProgress
from explorer.models.latent_model import LatentModel

N_BINS = 40
N_PRIOR_DRAWS = 20_000
"""From which the density of a prior that is no normal distribution is drawn."""

N_PLACES = 161
"""At which the density of a normal prior is drawn."""

_AGGREGATE = 5
"""Keeps these draws apart from the others of the evaluation stream."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Marginal:
    """One dimension of the aggregated posterior, and of the prior.

    Attributes:
        edges: of the bins, shape ``(N_BINS + 1,)``.
        density: of the codes in each bin, shape ``(N_BINS,)``; its area is 1.
        places: where the prior's density is known, shape ``(T,)``.
        prior: the density there, shape ``(T,)``; None without a prior.
        mean, mean_se: of the codes.
        variance, variance_se: of the codes.
        prior_mean, prior_variance: of the prior; None without one, the variance also where it has none.
    """

    edges: Doubles
    density: Doubles
    places: Doubles
    prior: Doubles | None
    mean: float
    mean_se: float
    variance: float
    variance_se: float
    prior_mean: float | None
    prior_variance: float | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AggregateSample:
    """One code drawn from q(z|x) of each of N images.

    Attributes:
        codes: the draws, shape ``(N, L)``; an autoencoder's codes as they are.
        means: the means of the posteriors, shape ``(N, L)``.
        marginals: of each dimension.
        discrepancy: of the codes to as many draws of the prior; None without one.
        seed: of all draws.
    """

    codes: Floats
    means: Floats
    marginals: tuple[Marginal, ...]
    discrepancy: Discrepancy | None
    seed: int

    def order(self) -> list[int]:
        """Return the dimensions, first that whose posterior means vary most over images."""
        dims: list[int] = np.argsort(-self.means.var(axis=0), kind="stable").tolist()
        return dims


@torch.inference_mode()
def aggregate_sample(
    model: LatentModel, split: ImageSplit, *, is_binary: bool, on_progress: OnProgress | None = None
) -> AggregateSample:
    """Return a sample of the aggregated posterior of the images of ``split``, by ``EVALUATION_SEED``.

    With a prior for each class it is compared with the mixture of them that the images' classes make.

    Args:
        model: a model with an encoder.
        split: images of its shape.
        is_binary: whether it sees binarised pixels.
        on_progress: told of the permutations of the test; what it raises ends the computation.

    Raises:
        ConfigError: if the model has no encoder, or a code is not finite.
    """
    labels = torch.from_numpy(split.labels)
    with seeded(EVALUATION_SEED, EVALUATION_STREAM, _AGGREGATE):
        means, codes = _codes(model, split, labels, is_binary=is_binary)
        if not np.isfinite(codes).all():
            raise ConfigError("A code is not a finite number: the model has diverged.")
        prior = _prior_draws(model, labels, len(codes))
        many = None if prior is None else _prior_draws(model, labels, N_PRIOR_DRAWS)
    found = None
    if prior is not None:
        found = discrepancy(codes, prior, seed=EVALUATION_SEED, on_progress=on_progress)
    marginals = tuple(_marginal(model, split, codes, many, dim) for dim in range(codes.shape[1]))
    return AggregateSample(codes=codes, means=means, marginals=marginals, discrepancy=found, seed=EVALUATION_SEED)


def _codes(model: LatentModel, split: ImageSplit, labels: Tensor, *, is_binary: bool) -> tuple[Floats, Floats]:
    pixels = evaluation_pixels(torch.from_numpy(split.images), is_binary=is_binary, seed=EVALUATION_SEED)
    batches = zip(torch.split(pixels, BATCH), torch.split(labels, BATCH), strict=True)
    posteriors = [model.encode(x, y) for x, y in batches]
    means = torch.cat([posterior.mean for posterior in posteriors]).numpy()
    codes = torch.cat([posterior.rsample() for posterior in posteriors]).numpy()
    return means, codes


def _prior_draws(model: LatentModel, labels: Tensor, n: int) -> Floats | None:
    """Return ``n`` draws, ``(n, L)``, of the prior, or of those of the classes of the images in turn."""
    y = labels.repeat(-(-n // len(labels)))[:n]
    prior = model.prior(y)
    if prior is None:
        return None
    drawn: Floats = (prior.sample() if prior.batch_shape else prior.sample(torch.Size((n,)))).numpy()
    return drawn


def _marginal(model: LatentModel, split: ImageSplit, codes: Floats, prior: Floats | None, dim: int) -> Marginal:
    values = codes[:, dim].astype(np.float64)
    reach = np.quantile(values, (0, 1)).tolist()
    if prior is not None:
        # The outermost draws of a heavy-tailed prior would leave the rest a spike.
        low, high = np.quantile(prior[:, dim], (0.001, 0.999)).tolist()
        reach = [min(reach[0], low), max(reach[1], high)]
    if reach[0] == reach[1]:
        reach = [reach[0] - 0.5, reach[1] + 0.5]
    density, edges = np.histogram(values, bins=N_BINS, range=(reach[0], reach[1]), density=True)
    places, of_prior = _prior_density(model, split, prior, edges, dim)
    variance, n = float(values.var()), len(values)
    fourth = float(((values - values.mean()) ** 4).mean())
    return Marginal(
        edges=edges,
        density=density,
        places=places,
        prior=of_prior,
        mean=float(values.mean()),
        mean_se=float(np.sqrt(variance / n)),
        variance=variance,
        variance_se=float(np.sqrt(max(fourth - variance**2, 0.0) / n)),
        **_prior_moments(model, split, dim),
    )


def _prior_density(
    model: LatentModel, split: ImageSplit, prior: Floats | None, edges: Doubles, dim: int
) -> tuple[Doubles, Doubles | None]:
    """Return where the density of the prior in a dimension is known, and the density there."""
    if prior is None:
        return edges, None
    moments = normal_prior(model, split.labels)
    if moments is None:
        heights, _ = np.histogram(prior[:, dim], bins=edges)
        return (edges[1:] + edges[:-1]) / 2, heights / len(prior) / np.diff(edges)
    places = np.linspace(edges[0], edges[-1], N_PLACES)
    normals, counts = np.unique(np.stack([part[:, dim] for part in moments], axis=1), axis=0, return_counts=True)
    densities = stats.norm.pdf(places[:, None], normals[:, 0], normals[:, 1])
    return places, densities @ (counts / counts.sum())


def _prior_moments(model: LatentModel, split: ImageSplit, dim: int) -> dict[str, float | None]:
    prior = model.prior(torch.from_numpy(split.labels))
    if prior is None:
        return {"prior_mean": None, "prior_variance": None}
    mean, variance = mean_of_mixture(prior)[dim], variance_of_mixture(prior)[dim]
    return {"prior_mean": float(mean), "prior_variance": float(variance) if variance.isfinite() else None}
