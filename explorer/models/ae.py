"""The plain autoencoder: a point for a posterior, no prior, no p(x)."""

from typing import final

from torch import Tensor

from explorer.models.distributions import PointMass
from explorer.models.latent_model import LatentModel


@final
class AE(LatentModel):
    """Autoencoder. Its decoder still parameterises a likelihood, which is what reconstruction maximises."""

    @property
    def prior(self) -> None:
        """None: nothing shapes the codes of an autoencoder."""
        return

    def encode(self, x: Tensor, y: Tensor | None = None) -> PointMass:
        """Return the code of each image as a point, batch ``(B,)``, event ``(L,)``."""
        return PointMass(self.encoder(x, None))
