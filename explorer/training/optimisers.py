"""Optimisers and their step sizes."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from explorer.runs.config import TrainingConfig

STAGES_OF_IWAE = 8
GAN_BETAS = (0.5, 0.999)
"""Adam's decay rates against a critic (Radford et al. 2016, https://arxiv.org/abs/1511.06434)."""


def build_optimiser(
    parameters: Iterable[nn.Parameter], config: TrainingConfig, *, is_adversarial: bool = False
) -> torch.optim.Optimizer:
    """Return the optimiser that ``config`` names for ``parameters``, its loop over weights fused where torch can."""
    weights = list(parameters)
    is_fused = all(weight.device.type in {"cpu", "cuda"} for weight in weights)
    rate, decay = config.learning_rate, config.weight_decay
    match config.optimiser:
        case "sgd":
            return torch.optim.SGD(weights, lr=rate, weight_decay=decay, fused=is_fused)
        case "adagrad":
            is_fused = all(weight.device.type == "cpu" for weight in weights)
            return torch.optim.Adagrad(weights, lr=rate, eps=config.epsilon, weight_decay=decay, fused=is_fused)
        case "adam":
            betas = GAN_BETAS if is_adversarial else (0.9, 0.999)
            return torch.optim.Adam(
                weights, lr=rate, betas=betas, eps=config.epsilon, weight_decay=decay, fused=is_fused
            )


def learning_rate_at(epoch: float, config: TrainingConfig) -> float:
    """Return the step size ``epoch`` epochs, a fraction too, after training began."""
    match config.schedule:
        case "constant":
            return config.learning_rate
        case "cosine":
            return config.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / config.epochs))
        case "iwae-2016":
            return config.learning_rate * 10 ** (-_iwae_stage(int(epoch)) / 7)


def _iwae_stage(epoch: int) -> int:
    """Return i of the stage that holds ``epoch``, each of 3^i epochs; the last goes on for ever."""
    last = 0
    for stage in range(STAGES_OF_IWAE):
        last += 3**stage
        if epoch < last:
            return stage
    return STAGES_OF_IWAE - 1
