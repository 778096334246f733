"""The folder of a new run, from the options of ``train``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from explorer.cli.options import fields_of, first_problem_as_option
from explorer.cli.terminal import messages
from explorer.errors import ConfigError
from explorer.files import check_writable, make_folder
from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.choices import as_in_origin
from explorer.runs.config import RunConfig, TrainingConfig, idle_choices, new_config
from explorer.runs.listing import free_name, open_run
from explorer.runs.presets import preset
from explorer.runs.run import Run

if TYPE_CHECKING:
    import torch

    from explorer.data.images import ImageSplit


def make_run(
    data: str,
    name: str | None,
    preset_name: str | None,
    chosen: dict[str, Any],
    checkpoints: Path,
    device: "torch.device",
    *,
    download: bool,
) -> Run:
    """Make the folder of a new run, with its first weights, and say which of the options change nothing in it.

    Args:
        data: name of the data set.
        name: of the run; None for one from its settings, numbered if that is taken.
        preset_name: settings to start from, where ``chosen`` has none.
        chosen: the options that are fields of a configuration, None for those that were not given.
        checkpoints: folder of runs.
        device: where the first weights are made.
        download: fetch the data set if it is not there.

    Raises:
        ConfigError: the settings do not go together, or the preset is not known.
    """
    from explorer.data.catalogue import load_split
    from explorer.training.creation import create_run

    make_folder(checkpoints)
    check_writable(checkpoints)
    training_set = load_split(data, "train", download=download)
    config = _new_config(training_set, preset_name, _like_the_origin(chosen, checkpoints))
    default_name = f"{data}-{config.model.family}-{config.model.latent_dim}d"
    chosen_name = free_name(default_name, checkpoints) if name is None else name
    made = create_run(checkpoints, chosen_name, config, training_set, device)
    for idle in idle_choices(config, {field for field, value in chosen.items() if value is not None}):
        messages.print(f"Note: {idle}")
    return made


def _new_config(split: "ImageSplit", preset_name: str | None, chosen: Mapping[str, Any]) -> RunConfig:
    model, training, objective = (
        {name: value for name, value in fields_of(config, chosen).items() if value is not None}
        for config in (ModelConfig, TrainingConfig, ObjectiveConfig)
    )
    if preset_name is not None:
        published = preset(preset_name)
        model, objective = published.model | model, published.training.get("objective", {}) | objective
        training = published.training | training
    try:
        return new_config(
            split.name, split.image_shape, split.n_classes, model=model, training=training | {"objective": objective}
        )
    except ValidationError as error:
        raise ConfigError(f"This run cannot be made: {first_problem_as_option(error)}") from error


def _like_the_origin(chosen: dict[str, Any], checkpoints: Path) -> dict[str, Any]:
    """Make a decoder that another run has trained as it was there, where a person does not say otherwise."""
    if chosen["decoder_from"] is None:
        return chosen
    origin = open_run(chosen["decoder_from"], checkpoints).config.model
    same = as_in_origin(origin)
    same["hidden"] = ",".join(str(width) for width in origin.hidden)
    return chosen | {name: value for name, value in same.items() if chosen[name] is None}
