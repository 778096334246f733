"""The variational autoencoder.

Source: Kingma & Welling (2014), Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114.
"""

from typing import ClassVar

from torch import Tensor

from explorer.models.distributions import DiagonalNormal, standard_normal
from explorer.models.latent_model import LatentModel


class VAE(LatentModel):
    """p(z) = N(0, I), p(x|z) by the decoder, q(z|x) a diagonal normal by the encoder."""

    n_posterior_parameters: ClassVar[int] = 2

    @property
    def prior(self) -> DiagonalNormal:
        """N(0, I), batch ``()``, event ``(L,)``."""
        return standard_normal(self.decoder.bias.new_zeros(self.config.latent_dim))

    def encode(self, x: Tensor, y: Tensor | None = None) -> DiagonalNormal:
        """Return q(z|x), batch ``(B,)``, event ``(L,)``, for images ``(B, C, H, W)`` and classes ``(B,)``."""
        mu, log_var = self.encoder(x, self._checked_label(y)).chunk(2, dim=-1)
        return DiagonalNormal(mu, log_var)
