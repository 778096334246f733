"""What a model is worth, in numbers: its bound taken apart, log p(x), and what its codes carry.

A number that does not exist for a model is absent, and ``reasons`` says why.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.coding import EVALUATION_SEED
from explorer.data.batches import EVALUATION_STREAM, evaluation_pixels, seeded
from explorer.data.images import ImageSplit
from explorer.errors import ConfigError
from explorer.models.distributions import DiagonalNormal, kl_per_dimension
from explorer.models.latent_model import LatentModel
from explorer.objectives.elbo import elbo_terms_given
from explorer.objectives.importance import estimate_evidence

BATCH = 200
MAX_COMPARED = 20_000_000
"""Numbers held at once where every sample is compared with every posterior: 80 MB in float32."""

ACTIVE_VARIANCE = 0.01
"""A unit is active if the variance over images of its posterior mean is above this (Burda et al. 2016, section 5.2)."""

NO_PRIOR = "an autoencoder has no prior, so no p(x), no bound and no KL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """A model on a set of images. Nats per image, means over the set; ``_se`` is the standard error over images.

    Attributes:
        n_images: images that were evaluated.
        n_samples: importance samples per image.
        squared_error: sum over pixels of (x - decoded mean code)^2.
        log_likelihood: E_q[log p(x|z)], one posterior sample per image.
        elbo, elbo_se: log_likelihood - kl.
        kl: KL(q(z|x) || p(z)).
        kl_per_dimension: the same before the sum over dimensions.
        log_px, log_px_se: the importance-weighted bound on log p(x).
        active_units: dimensions whose posterior mean varies over images by more than ``ACTIVE_VARIANCE``.
        mutual_information: between x and z under q, estimated within the set; never above its ceiling.
        mutual_information_ceiling: log of the number of images that the estimate compares.
        reasons: why a number is None, by its name.
    """

    n_images: int
    n_samples: int
    squared_error: float
    log_likelihood: float
    elbo: float | None = None
    elbo_se: float | None = None
    kl: float | None = None
    kl_per_dimension: list[float] | None = None
    log_px: float | None = None
    log_px_se: float | None = None
    active_units: int
    mutual_information: float | None = None
    mutual_information_ceiling: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)


@torch.inference_mode()
def evaluate(model: LatentModel, split: ImageSplit, *, is_binary: bool, n_samples: int = 50) -> Evaluation:
    """Evaluate ``model`` on every image of ``split``, with seed ``EVALUATION_SEED``.

    Raises:
        ConfigError: if ``n_samples`` is below 1, or the images are not of the model's shape.
    """
    if n_samples < 1:
        raise ConfigError(f"{n_samples} importance samples are too few: use at least 1.")
    if split.image_shape != model.config.image_shape:
        raise ConfigError(f"{split.name} has images of shape {split.image_shape}, not {model.config.image_shape}.")
    pixels = evaluation_pixels(torch.from_numpy(split.images), is_binary=is_binary, seed=EVALUATION_SEED)
    labels = torch.from_numpy(split.labels)
    with seeded(EVALUATION_SEED, EVALUATION_STREAM, 2):
        parts = [
            _evaluate_batch(model, x, y, n_samples)
            for x, y in zip(torch.split(pixels, BATCH), torch.split(labels, BATCH), strict=True)
        ]
        joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        numbers = _numbers(joined)
    return Evaluation(n_images=len(split), n_samples=n_samples, **numbers)


def mutual_information(posterior: DiagonalNormal) -> float:
    """Estimate I(x; z) under q in nats from one sample of each of N posteriors; never above log N.

    Each sample's density under its own posterior is compared with that under the mixture of all N.

    Source: Hoffman & Johnson (2016), ELBO surgery; the estimator of Dieng et al. (2019), https://arxiv.org/abs/1807.04863.
    """
    z = posterior.rsample()
    log_own = posterior.log_prob(z)
    n_rows = max(1, MAX_COMPARED // posterior.mu.numel())
    log_mixture = torch.cat([_log_mixture(posterior, rows) for rows in torch.split(z, n_rows)])
    return float((log_own - log_mixture).mean())


def _log_mixture(posterior: DiagonalNormal, z: Tensor) -> Tensor:
    """Log density of ``z``, shape ``(M, L)``, under the equal mixture of all posteriors, shape ``(M,)``."""
    return torch.logsumexp(posterior.log_prob(z[:, None]), dim=1) - math.log(len(posterior.mu))


def _evaluate_batch(model: LatentModel, x: Tensor, y: Tensor, n_samples: int) -> dict[str, Tensor]:
    posterior = model.encode(x, y)
    terms = elbo_terms_given(model, posterior, x, y)
    decoded = model.decode(posterior.mean, y).mean
    arrays = {
        "mu": posterior.mean,
        "squared_error": (x - decoded).square().flatten(1).sum(1),
        "log_likelihood": terms.log_likelihood,
    }
    prior = model.prior
    if isinstance(posterior, DiagonalNormal) and isinstance(prior, DiagonalNormal):
        evidence = estimate_evidence(model, x, y, n_samples=n_samples)
        arrays |= {
            "log_var": posterior.log_var,
            "kl_per_dimension": kl_per_dimension(posterior, prior),
            "log_px": evidence.log_px,
        }
    return arrays


def _numbers(joined: dict[str, Tensor]) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "squared_error": float(joined["squared_error"].mean()),
        "log_likelihood": float(joined["log_likelihood"].mean()),
        "active_units": int((joined["mu"].var(dim=0, correction=0) > ACTIVE_VARIANCE).sum()),
    }
    if "log_var" not in joined:
        absent = ("elbo", "kl", "log_px", "mutual_information")
        return numbers | {"reasons": dict.fromkeys(absent, NO_PRIOR)}
    per_dimension = joined["kl_per_dimension"]
    elbo, log_px = joined["log_likelihood"] - per_dimension.sum(1), joined["log_px"]
    return numbers | {
        "elbo": float(elbo.mean()),
        "elbo_se": _standard_error(elbo),
        "kl": float(per_dimension.sum(1).mean()),
        "kl_per_dimension": [float(number) for number in per_dimension.mean(0)],
        "log_px": float(log_px.mean()),
        "log_px_se": _standard_error(log_px),
        "mutual_information": mutual_information(DiagonalNormal(joined["mu"], joined["log_var"])),
        "mutual_information_ceiling": math.log(len(elbo)),
    }


def _standard_error(values: Tensor) -> float | None:
    return None if len(values) < 2 else float(values.std() / np.sqrt(len(values)))
