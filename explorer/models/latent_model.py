"""The one interface of every model, and the way from a configuration to a model."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from explorer.errors import ConfigError
from explorer.models.config import MAX_PARAMETERS, ModelConfig
from explorer.models.distributions import Posterior
from explorer.models.likelihoods import build_likelihood
from explorer.models.networks import build_decoder, build_encoder


class LatentModel(nn.Module, ABC):
    """A decoder p(x|z) with an encoder in front of it. Images are in [0, 1]."""

    can_encode: ClassVar[bool] = True
    needs_label: ClassVar[bool] = False
    n_posterior_parameters: ClassVar[int] = 1

    def __init__(self, config: ModelConfig) -> None:
        """Build the networks that ``config`` asks for, with torch's default initial weights."""
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config, self.n_posterior_parameters * config.latent_dim)
        self.decoder = build_decoder(config)
        self.likelihood = build_likelihood(config)

    @property
    @abstractmethod
    def prior(self) -> Distribution | None:
        """p(z), batch ``()``, event ``(L,)``; None for a model that has none."""

    @abstractmethod
    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """Return q(z|x), batch ``(B,)``, event ``(L,)``, for images ``(B, C, H, W)`` and classes ``(B,)``."""

    def decode(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """Return p(x|z), batch ``(B,)``, event ``(C, H, W)``, for codes ``(B, L)`` and classes ``(B,)``.

        Raises:
            ConfigError: if the model needs classes and gets none.
        """
        distribution: Distribution = self.likelihood(self.decoder(z, self._checked_label(y)))
        return distribution

    def start_at_mean(self, mean: Tensor) -> None:
        """Set the decoder's output bias so that a zero input decodes to ``mean``, shape ``(C, H, W)``, in [0, 1]."""
        with torch.no_grad():
            self.decoder.bias.copy_(self.likelihood.raw_of_mean(mean))

    def _checked_label(self, y: Tensor | None) -> Tensor | None:
        if self.needs_label and y is None:
            raise ConfigError(
                f"A {self.config.family} encodes and decodes given a class and got none: "
                f"pass one of 0 to {(self.config.n_classes or 1) - 1} for each image."
            )
        return y if self.needs_label else None


def build_model(config: ModelConfig) -> LatentModel:
    """Return a model with random initial weights.

    Raises:
        ConfigError: if it would have more than ``MAX_PARAMETERS`` weights.
    """
    _check_size(empty_model(config))
    return _model_class(config)(config)


def empty_model(config: ModelConfig) -> LatentModel:
    """Return the model without memory for its weights (torch's meta device), to be filled by ``load_state_dict``.

    Raises:
        ConfigError: if it would have more than ``MAX_PARAMETERS`` weights.
    """
    with torch.device("meta"):
        model = _model_class(config)(config)
    _check_size(model)
    return model


def _model_class(config: ModelConfig) -> type[LatentModel]:
    from explorer.models.ae import AE
    from explorer.models.cvae import CVAE
    from explorer.models.vae import VAE

    return {"vae": VAE, "cvae": CVAE, "ae": AE}[config.family]


def _check_size(model: LatentModel) -> None:
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    if n_parameters > MAX_PARAMETERS:
        raise ConfigError(
            f"This model would have {n_parameters:,} weights; at most {MAX_PARAMETERS:,} are built. "
            f"Make hidden={list(model.config.hidden)} smaller, or use the conv network."
        )
