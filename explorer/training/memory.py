"""What a training step needs of memory, before it is taken."""

import psutil
import torch
from torch import Tensor, nn

from explorer.errors import ConfigError
from explorer.models.build import empty_model
from explorer.models.config import LIKELIHOODS
from explorer.models.gan import GAN
from explorer.models.latent_model import LatentModel
from explorer.runs.config import RunConfig

BYTES = 4
SHARE = 0.8
"""Of the memory that is free, the most that a step may need: others live here too."""


def check_memory(config: RunConfig, device: torch.device) -> None:
    """Check that a training step of ``config`` fits into the memory of ``device``.

    Raises:
        ConfigError: if it does not, with the largest batch that does.
    """
    free = _free_bytes(device)
    needed = step_bytes(config)
    if needed <= SHARE * free:
        return
    batch, samples = config.training.batch_size, config.training.objective.n_samples
    activations, weights = _activation_bytes_per_image(config), _weight_bytes(config)
    fitting = int((SHARE * free - weights) // activations)
    fix = f"Use --batch-size {fitting} or fewer --n-samples" if fitting > 0 else "Make the network smaller"
    raise ConfigError(
        f"A step on {batch:,} images with {samples:,} samples each needs about {needed / 1e9:.1f} GB; "
        f"{free / 1e9:.1f} GB are free. {fix}."
    )


def step_bytes(config: RunConfig) -> int:
    """Return about how many bytes a training step holds at once: what layers put out, their gradients, the weights."""
    return config.training.batch_size * _activation_bytes_per_image(config) + _weight_bytes(config)


def _weight_bytes(config: RunConfig) -> int:
    """Weights, their gradients and two moments."""
    return BYTES * 4 * sum(parameter.numel() for parameter in empty_model(config.model).parameters())


def _activation_bytes_per_image(config: RunConfig) -> int:
    model, samples = empty_model(config.model), config.training.objective.n_samples
    encoded = _numbers_per_image(model.encoder, config) if model.can_encode else 0
    decoded = _numbers_per_code(model, config)
    if isinstance(model, GAN):
        encoded += 2 * _numbers_per_image(model.critic, config)  # of real images and of generated ones
    # Of every decoded number: itself, its gradient, and two more in the likelihood, which for low-rank is in float64.
    n_copies = 8 if LIKELIHOODS[config.model.likelihood].has_rank else 4
    return BYTES * (2 * encoded + samples * n_copies * decoded)


def _numbers_per_image(encoder: nn.Module, config: RunConfig) -> int:
    x = torch.empty(1, *config.model.image_shape, device="meta")
    return _numbers_put_out(encoder, x, config)


def _numbers_per_code(model: LatentModel, config: RunConfig) -> int:
    return _numbers_put_out(model.decoder, torch.empty(1, config.model.latent_dim, device="meta"), config)


def _numbers_put_out(network: nn.Module, given: Tensor, config: RunConfig) -> int:
    """Run ``network`` without memory, on torch's meta device, and count the numbers that its layers put out."""
    count = 0

    def add(_: nn.Module, __: object, out: Tensor) -> None:
        nonlocal count
        count += out.numel()

    layers = [module for module in network.modules() if not list(module.children())]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    y = None if config.model.n_classes is None else torch.zeros(1, dtype=torch.long, device="meta")
    network(given, y)
    for hook in hooks:
        hook.remove()
    return count


def _free_bytes(device: torch.device) -> int:
    """Return the bytes that a process can still have there."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
