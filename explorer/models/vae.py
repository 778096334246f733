"""The variational autoencoder.

Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114.
"""

from torch import Tensor
from torch.distributions import Distribution

from explorer.models.config import ModelConfig
from explorer.models.latent_model import LatentModel
from explorer.models.posteriors import build_posterior_family


class VAE(LatentModel):
    """p(z), p(x|z) by the decoder, q(z|x) by the encoder, of a family that goes with p(z): normal unless chosen."""

    def __init__(self, config: ModelConfig) -> None:
        """Build the networks that ``config`` asks for, with torch's default initial weights."""
        self.posterior_family = build_posterior_family(config)
        super().__init__(config)

    @property
    def n_posterior_parameters(self) -> int:
        """As many numbers as the posterior family takes: mean and log-variance of each dimension for a normal."""
        return self.posterior_family.n_parameters(self.config.latent_dim)

    def posterior(self, parameters: Tensor) -> Distribution:
        """Return q(z|x), batch ``(B,)``, event ``(L,)``, from the encoder's output ``(B, n_posterior_parameters)``."""
        return self.posterior_family.posterior(parameters)

    def prior(self, y: Tensor | None = None) -> Distribution:
        """Return p(z), batch ``()``, event ``(L,)``: the posterior family's matching one, or N(0, I)."""
        zeros = self.decoder.bias.new_zeros(self.config.latent_dim)
        if self.config.prior == "matching":
            return self.posterior_family.prior(zeros)
        return self.posterior_family.normal_prior(zeros, zeros)
