"""One evaluation of the objective as a module, so that a wrapper around ``forward`` sees all of it."""

import torch
from torch import Tensor, nn

from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.elbo import elbo_terms


class TrainingStep(nn.Module):
    """Maps a batch to its loss and to the sums that history records."""

    def __init__(self, model: LatentModel, objective: ObjectiveConfig) -> None:
        """Join a model with what is maximised."""
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss (minus the mean objective, nats per image) and the batch's sums.

        Args:
            x: images in [0, 1], shape ``(B, C, H, W)``.
            y: classes, shape ``(B,)``.

        Returns:
            The loss, shape ``()``; and the sums over the batch of log_likelihood and kl, shape ``(2,)``, detached.
        """
        terms = elbo_terms(self.model, x, y)
        sums = torch.stack([terms.log_likelihood.sum(), terms.kl.sum()])
        loss = (self.objective.beta * sums[1] - sums[0]) / len(x)
        return loss, sums.detach()
