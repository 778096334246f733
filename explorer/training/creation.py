"""Making the folder of a new run, with its first weights."""

from pathlib import Path
from typing import TYPE_CHECKING

from explorer.errors import ConfigError
from explorer.locations import check_may_write
from explorer.runs.config import RunConfig
from explorer.runs.listing import open_run
from explorer.runs.run import Run, check_name

if TYPE_CHECKING:
    import torch

    from explorer.data.images import ImageSplit


def create_run(
    checkpoints: Path, name: str, config: RunConfig, train: "ImageSplit", device: "torch.device | None" = None
) -> Run:
    """Make the folder ``name`` of a new run in ``checkpoints``; with a ``decoder_from``, it starts from that decoder.

    Args:
        checkpoints: folder of runs.
        name: of the run.
        config: of the run.
        train: its training images, at whose mean the output begins.
        device: whose memory a step must fit into; the CPU if none is given.

    Raises:
        ConfigError: if a step does not fit into memory, or the decoder to start from does not fit.
        CheckpointError: if the name is taken or not allowed, or there is no run to start from.
        ReadOnlyError: if this app only shows what is there.
    """
    import torch

    from explorer.training.memory import check_memory
    from explorer.training.trainer import initial_model

    check_may_write(f"Training {name}")
    check_memory(config, torch.device("cpu") if device is None else device)
    start = _weights_to_start_from(config, checkpoints)
    weights = initial_model(config, train, start).state_dict()
    return Run.create(checkpoints / check_name(name), config, weights, start=start)


def _weights_to_start_from(config: RunConfig, checkpoints: Path) -> "dict[str, torch.Tensor] | None":
    if config.training.decoder_from is None:
        return None
    origin = open_run(config.training.decoder_from, checkpoints)
    trained, chosen = origin.config.model.activation, config.model.activation
    if trained != chosen:
        raise ConfigError(
            f"The decoder of {origin.name} was trained with {trained} between its layers, not {chosen}: "
            f"use --activation {trained}."
        )
    return origin.model().state_dict()
