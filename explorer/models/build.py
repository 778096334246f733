"""Models from their configurations."""

import torch

from explorer.errors import ConfigError
from explorer.models.ae import AE
from explorer.models.config import MAX_PARAMETERS, Family, ModelConfig
from explorer.models.cvae import CVAE
from explorer.models.gan import GAN
from explorer.models.latent_model import LatentModel
from explorer.models.vae import VAE

FAMILIES: dict[Family, type[LatentModel]] = {"vae": VAE, "cvae": CVAE, "ae": AE, "gan": GAN}


def build_model(config: ModelConfig) -> LatentModel:
    """Return a model with random initial weights.

    Raises:
        ConfigError: if it would have more than ``MAX_PARAMETERS`` weights.
    """
    _check_size(empty_model(config))
    return FAMILIES[config.family](config)


def empty_model(config: ModelConfig) -> LatentModel:
    """Return the model without memory for its weights (torch's meta device), to be filled by ``load_state_dict``.

    Raises:
        ConfigError: if it would have more than ``MAX_PARAMETERS`` weights.
    """
    with torch.device("meta"):
        model = FAMILIES[config.family](config)
    _check_size(model)
    return model


def _check_size(model: LatentModel) -> None:
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    if n_parameters > MAX_PARAMETERS:
        raise ConfigError(
            f"This model would have {n_parameters:,} weights; at most {MAX_PARAMETERS:,} are built. "
            f"Make hidden={list(model.config.hidden)} smaller, or use the conv network."
        )
