"""What training maximises, on one batch."""

from dataclasses import dataclass

from torch import Tensor

from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.elbo import elbo_terms, kl_after_free_bits
from explorer.objectives.importance import importance_weighted_bound, sample_weights
from explorer.objectives.share import Share, WholeBatch


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Objective:
    """An estimate of the objective on a batch, in nats per image.

    Attributes:
        value: what is maximised, the batch's mean, shape ``()``; of a share of a batch, its part of the mean.
        log_likelihood: log p(x|z) of each image, mean over its samples, shape ``(B,)``.
        kl: KL(q(z|x) || p(z)) of each image, or an estimate of it, shape ``(B,)``.
    """

    value: Tensor
    log_likelihood: Tensor
    kl: Tensor


def objective(
    model: LatentModel,
    x: Tensor,
    y: Tensor | None,
    config: ObjectiveConfig,
    *,
    share: Share | None = None,
) -> Objective:
    """Estimate the objective that ``config`` names on images ``(B, C, H, W)`` of classes ``(B,)``.

    Args:
        model: the model.
        x: images in [0, 1].
        y: classes, for a model that needs them.
        config: the estimator, its samples, its beta (no schedule is heeded) and its free bits.
        share: the part of a batch that ``x`` is; if None, it is all.

    Raises:
        ConfigError: if the model has no such objective.
    """
    held = share or WholeBatch(len(x))
    if config.estimator == "iwae":
        return _importance_weighted(model, x, y, config.n_samples, held)
    is_sampled = config.estimator == "sgvb-a"
    terms = elbo_terms(model, x, y, n_samples=config.n_samples, is_kl_sampled=is_sampled, share=held)
    kl = kl_after_free_bits(terms, config.free_bits, config.free_nats, held)
    value = held.mean(terms.log_likelihood) - config.beta * kl
    return Objective(value=value, log_likelihood=terms.log_likelihood, kl=terms.kl)


def _importance_weighted(model: LatentModel, x: Tensor, y: Tensor | None, n_samples: int, share: Share) -> Objective:
    weights = sample_weights(model, x, y, n_samples=n_samples, share=share)
    return Objective(
        value=share.mean(importance_weighted_bound(weights.total())),
        log_likelihood=weights.log_likelihood.mean(0),
        kl=-weights.log_ratio.mean(0),
    )
