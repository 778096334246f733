"""How a model does on images that it is not trained on, after every epoch."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.data.batches import stream_seed
from explorer.models.gan import GAN
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.elbo import elbo_terms_given
from explorer.objectives.importance import estimate_evidence
from explorer.objectives.information import n_active_units, surgery_of

BATCH = 1000
N_COMPARED = 1000
"""Images whose codes are compared for the mutual information: its ceiling is log 1000, 6.9 nats."""

N_PAIRED = 500
"""Images whose distances in pairs tell how diverse they are."""


@torch.inference_mode()
def validate(model: LatentModel, x: Tensor, y: Tensor, config: ObjectiveConfig, *, seed: int) -> dict[str, Any]:
    """Return figures of ``model`` on images ``(N, C, H, W)`` and classes ``(N,)``: means in nats per image.

    The noise is that of ``seed`` after every epoch, so that a change is a change of the model.
    """
    model.eval()
    torch.manual_seed(stream_seed(seed))
    if isinstance(model, GAN):
        return _validate_gan(model, x)
    batches = list(zip(torch.split(x, BATCH), torch.split(y, BATCH), strict=True))
    parameters = torch.cat([model.posterior_parameters(*batch) for batch in batches])
    terms = [
        elbo_terms_given(model, model.posterior(raw), *batch)
        for raw, batch in zip(torch.split(parameters, BATCH), batches, strict=True)
    ]
    log_likelihood, kl = _mean([part.log_likelihood for part in terms]), _mean([part.kl for part in terms])
    figures: dict[str, Any] = {
        "log_likelihood": log_likelihood,
        "kl": kl,
        "active_units": n_active_units(model.posterior(parameters).mean),
    }
    if not model.config.has_bound:
        return figures | {"objective": log_likelihood}
    figures |= {"elbo": log_likelihood - kl, "objective": log_likelihood - config.beta * kl}
    if config.estimator == "iwae":
        n_samples = config.n_samples
        figures["objective"] = _mean([estimate_evidence(model, *it, n_samples=n_samples).log_px for it in batches])
    per_dimension = [part.kl_per_dimension for part in terms if part.kl_per_dimension is not None]
    if per_dimension:
        figures["kl_per_dimension"] = [round(nats, 5) for nats in torch.cat(per_dimension).mean(0).tolist()]
    parts = surgery_of(model, parameters[:N_COMPARED], y[:N_COMPARED])
    return figures | {
        "mutual_information": parts.mutual_information,
        "mutual_information_ceiling": parts.ceiling,
    }


def _mean(parts: list[Tensor]) -> float:
    """Mean over images of what was computed in batches; in float64, for a sum of thousands."""
    return float(torch.cat(parts).double().mean())


def _validate_gan(model: GAN, x: Tensor) -> dict[str, float]:
    """Both losses, and how far apart samples are beside real images: near 0 the decoder makes one image only."""
    real = x[:BATCH]
    generated = model.generate(model.prior().rsample((len(real),)))
    on_real, on_generated = model.criticise(real), model.criticise(generated)
    return {
        "critic_loss": float(F.softplus(-on_real).mean() + F.softplus(on_generated).mean()),
        "generator_loss": float(F.softplus(-on_generated).mean()),
        "diversity": _mean_distance(generated[:N_PAIRED]) / _mean_distance(real[:N_PAIRED]),
    }


def _mean_distance(images: Tensor) -> float:
    """Mean Euclidean distance of two different images."""
    return float(F.pdist(images.flatten(1).double()).mean().clamp(min=1e-12))
