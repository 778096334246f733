"""The conditional variational autoencoder: everything given the class y.

Source: Sohn, Lee & Yan (2015), Learning Structured Output Representation using Deep Conditional Generative Models.
"""

from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from explorer.errors import ConfigError
from explorer.models.config import ModelConfig
from explorer.models.networks import is_weights
from explorer.models.vae import VAE


@final
class CVAE(VAE):
    """A VAE whose encoder and decoder are both joined by the one-hot class.

    Its prior is that of a VAE, or a normal p(z|y) with a learned mean and variance for each class. That is the most
    that a network could make of a one-hot class, so it is a table.
    """

    needs_label: ClassVar[bool] = True

    def __init__(self, config: ModelConfig) -> None:
        """Build the networks that ``config`` asks for; a conditional prior starts at N(0, I) in every class."""
        super().__init__(config)
        self.class_prior: nn.Parameter | None = None
        if config.prior == "conditional":
            self.class_prior = nn.Parameter(torch.zeros(config.n_classes or 0, 2, config.latent_dim))

    def prior(self, y: Tensor | None = None) -> Distribution:
        """Return p(z), batch ``()``, or a conditional p(z|y), batch ``(B,)`` for classes ``(B,)``; event ``(L,)``.

        Between classes, for weights ``(B, n_classes)``, means and log-variances are weighted so: linear in y, as every
        layer that takes a class is, so that a one-hot row gives the prior of its class. Nothing was trained there.

        Raises:
            ConfigError: if the prior is conditional and no class is given.
        """
        if self.class_prior is None:
            return super().prior(y)
        if y is None:
            raise ConfigError(
                f"This cvae has a prior for each class: pass classes, 0 to {(self.config.n_classes or 1) - 1}."
            )
        rows = torch.tensordot(y, self.class_prior, dims=1) if is_weights(y) else self.class_prior[y]
        mu, log_var = rows.unbind(dim=-2)
        return self.posterior_family.normal_prior(mu, log_var)
