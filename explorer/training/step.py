"""One evaluation of what is trained as a module, so that a wrapper around ``forward`` sees all of it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.models.gan import GAN
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.objective import objective
from explorer.objectives.share import Share, WholeBatch


class TrainingStep(nn.Module):
    """Maps a batch to its loss and to the sums that history records."""

    def __init__(self, model: LatentModel) -> None:
        """Take a model."""
        super().__init__()
        self.model = model

    def forward(
        self, x: Tensor, y: Tensor, config: ObjectiveConfig, share: Share | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the loss (minus the mean objective, nats per image) and the batch's sums.

        Args:
            x: images in [0, 1], shape ``(B, C, H, W)``.
            y: classes, shape ``(B,)``.
            config: what is maximised, as it is now.
            share: the part of a batch that ``x`` is; if None, it is all.

        Returns:
            The loss, shape ``()``; and the sums over the batch of objective, log_likelihood and kl, shape ``(3,)``,
            detached.
        """
        held = share or WholeBatch(len(x))
        result = objective(self.model, x, y, config, share=held)
        sums = torch.stack([result.value, held.mean(result.log_likelihood), held.mean(result.kl)]) * held.weight
        return -result.value, sums.detach()


class CriticStep(nn.Module):
    """Maps real and generated images to the critic's loss."""

    def __init__(self, model: GAN, gradient_penalty: float) -> None:
        """Join a GAN with the weight of its critic's squared gradient at real images."""
        super().__init__()
        self.model = model
        self.gradient_penalty = gradient_penalty

    def forward(self, real: Tensor, generated: Tensor, share: Share | None = None) -> Tensor:
        """Return the critic's cross-entropy on real and generated images ``(B, C, H, W)``, and its penalty.

        Source: Goodfellow et al. (2014), equation 1; Mescheder, Geiger & Nowozin (2018), Which Training Methods for
        GANs do actually Converge?, equation 9 (R1), https://arxiv.org/abs/1801.04406.
        """
        held = share or WholeBatch(len(real))
        real = real.detach().requires_grad_(self.gradient_penalty > 0)
        on_real = self.model.criticise(real)
        loss = held.mean(F.softplus(-on_real) + F.softplus(self.model.criticise(generated.detach())))
        if self.gradient_penalty == 0:
            return loss
        (gradient,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
        return loss + 0.5 * self.gradient_penalty * held.mean(gradient.flatten(1).square().sum(1))


class GeneratorStep(nn.Module):
    """Maps codes to the generator's loss."""

    def __init__(self, model: GAN) -> None:
        """Take a GAN."""
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, share: Share | None = None) -> Tensor:
        """Return -log of the critic's belief that images of codes ``(B, L)`` are real: it does not saturate.

        Source: Goodfellow et al. (2014), section 3, https://arxiv.org/abs/1406.2661.
        """
        return (share or WholeBatch(len(z))).mean(F.softplus(-self.model.criticise(self.model.generate(z))))
