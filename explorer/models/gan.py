"""The generative adversarial network: a VAE's decoder, trained against a critic instead of with an encoder.

Source: Goodfellow et al. (2014), Generative Adversarial Nets, https://arxiv.org/abs/1406.2661.
"""

from typing import ClassVar, NoReturn, final

from torch import Tensor, nn

from explorer.models.config import ModelConfig
from explorer.models.distributions import DiagonalNormal, standard_normal
from explorer.models.latent_model import LatentModel
from explorer.models.networks import build_encoder


@final
class GAN(LatentModel):
    """Decoder and prior as in a VAE of the same configuration; no encoder, and no p(x) that could be evaluated.

    What the critic judges is the mean of p(x|z), the image that is shown. The decoder's weights have the names and
    shapes of a VAE's, so either algorithm can take up what the other has trained.
    """

    can_encode: ClassVar[bool] = False

    def __init__(self, config: ModelConfig) -> None:
        """Build the networks that ``config`` asks for; the critic has the body of an encoder and one output."""
        super().__init__(config)
        self.critic = build_encoder(config, 1)

    @property
    def n_posterior_parameters(self) -> int:
        """None: there is no encoder."""
        return 0

    def posterior(self, parameters: Tensor) -> NoReturn:
        """There is none: ``posterior_parameters`` has refused before."""
        raise NotImplementedError

    def prior(self, y: Tensor | None = None) -> DiagonalNormal:
        """Return N(0, I), batch ``()``, event ``(L,)``: the noise that the decoder is fed."""
        return standard_normal(self.decoder.bias.new_zeros(self.config.latent_dim))

    def generate(self, z: Tensor) -> Tensor:
        """Return the images ``(B, C, H, W)``, in [0, 1] for most likelihoods, that codes ``(B, L)`` decode to."""
        image: Tensor = self.decode(z).mean
        return image

    def criticise(self, x: Tensor) -> Tensor:
        """Return the critic's logits, shape ``(B,)``, that images ``(B, C, H, W)`` are real."""
        logits: Tensor = self.critic(x, None)
        return logits.squeeze(-1)

    def encoding_parameters(self) -> list[nn.Parameter]:
        """None: the critic is no q(z|x)."""
        return []

    def generative_parameters(self) -> list[nn.Parameter]:
        """Return the weights of the decoder and its likelihood."""
        return [*self.decoder.parameters(), *self.likelihood.parameters()]
