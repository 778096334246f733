"""The one interface of every model, and the way from a configuration to a model."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from explorer.errors import ConfigError
from explorer.models.config import ModelConfig
from explorer.models.distributions import Posterior
from explorer.models.likelihoods import build_likelihood
from explorer.models.networks import build_decoder, build_encoder, is_weights

NO_ENCODER = (
    "A {family} has no encoder: it makes images from codes and cannot find the code of an image. "
    "Generate from it, or choose a vae, a cvae or an ae."
)


class LatentModel(nn.Module, ABC):
    """A decoder p(x|z), mostly with an encoder in front of it. Images are in [0, 1]."""

    can_encode: ClassVar[bool] = True
    needs_label: ClassVar[bool] = False

    def __init__(self, config: ModelConfig) -> None:
        """Build the networks that ``config`` asks for, with torch's default initial weights."""
        super().__init__()
        self.config = config
        likelihood = build_likelihood(config)
        if self.can_encode:
            self.encoder = build_encoder(config, self.n_posterior_parameters)
        self.decoder = build_decoder(config, likelihood.n_heads)
        self.likelihood = likelihood

    @property
    @abstractmethod
    def n_posterior_parameters(self) -> int:
        """Numbers that the encoder puts out for each image."""

    @abstractmethod
    def posterior(self, parameters: Tensor) -> Posterior:
        """Return q(z|x), batch ``(B,)``, event ``(L,)``, from the encoder's output ``(B, n_posterior_parameters)``."""

    @abstractmethod
    def prior(self, y: Tensor | None = None) -> Distribution | None:
        """Return p(z), batch ``()``, or p(z|y) for classes ``(B,)``, batch ``(B,)``; event ``(L,)``.

        None for a model that has none.
        """

    def posterior_parameters(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the encoder's output, ``(B, n_posterior_parameters)``, for images ``(B, C, H, W)``.

        Raises:
            ConfigError: if the model has no encoder, or needs classes ``(B,)`` and gets none.
        """
        if not self.can_encode:
            raise ConfigError(NO_ENCODER.format(family=self.config.family))
        parameters: Tensor = self.encoder(x, self._checked_label(y))
        return parameters

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """Return q(z|x), batch ``(B,)``, event ``(L,)``, for images ``(B, C, H, W)`` and classes ``(B,)``.

        Raises:
            ConfigError: if the model has no encoder, or needs classes and gets none.
        """
        return self.posterior(self.posterior_parameters(x, y))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """Return p(x|z), batch ``(*batch,)``, event ``(C, H, W)``, for codes ``(*batch, L)`` and classes ``(*batch,)``.

        Between classes, ``y`` may be float32 weights ``(*batch, n_classes)``, rows that sum to 1. The first layer is
        linear in the one-hot class and takes them in its place; the model was trained with none.

        Raises:
            ConfigError: if the model needs classes and gets none, or weights of another number of classes.
        """
        labels = self._checked_label(y)
        if labels is not None:
            labels = labels.flatten(0, -2) if is_weights(labels) else labels.flatten()
        raw = self.decoder(z.flatten(0, -2), labels)
        distribution: Distribution = self.likelihood(raw.unflatten(0, z.shape[:-1]))
        return distribution

    def encoding_parameters(self) -> list[nn.Parameter]:
        """Return the weights phi of q(z|x): what an E step improves."""
        return list(self.encoder.parameters())

    def generative_parameters(self) -> list[nn.Parameter]:
        """Return the weights theta of p(x|z) and, where it is learned, of p(z): what an M step improves."""
        encoding = {id(parameter) for parameter in self.encoding_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in encoding]

    def start_with_decoder(self, tensors: Mapping[str, Tensor]) -> None:
        """Take decoder and likelihood from the state dictionary of another model, of any family.

        Raises:
            ConfigError: if its decoder is of other sizes.
        """
        try:
            for name, part in (("decoder.", self.decoder), ("likelihood.", self.likelihood)):
                part.load_state_dict(
                    {key.removeprefix(name): tensor for key, tensor in tensors.items() if key.startswith(name)}
                )
        except RuntimeError as error:
            config = self.config
            raise ConfigError(
                f"That decoder does not fit: a {config.family} with latent_dim={config.latent_dim}, "
                f"network={config.network}, hidden={list(config.hidden)} and likelihood={config.likelihood} needs one "
                "that was trained with the same."
            ) from error

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
        if self.needs_label and is_weights(y) and y.shape[-1] != self.config.n_classes:
            raise ConfigError(
                f"Weights of {y.shape[-1]} classes were given; this {self.config.family} has {self.config.n_classes}: "
                "pass a weight for each of them, rows that sum to 1."
            )
        return y if self.needs_label else None
