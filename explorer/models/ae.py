"""The plain autoencoder: a point for a posterior, no prior, no p(x)."""

from typing import final

from torch import Tensor

from explorer.models.distributions import PointMass
from explorer.models.latent_model import LatentModel


@final
class AE(LatentModel):
    """Autoencoder. Its decoder still parameterises a likelihood, which is what reconstruction maximises."""

    @property
    def n_posterior_parameters(self) -> int:
        """The code itself."""
        return self.config.latent_dim

    def posterior(self, parameters: Tensor) -> PointMass:
        """Return the codes as points, batch ``(B,)``, event ``(L,)``."""
        return PointMass(parameters)

    def prior(self, y: Tensor | None = None) -> None:
        """None: nothing shapes the codes of an autoencoder."""
        return
