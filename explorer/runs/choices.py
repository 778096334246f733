"""What is chosen for a new run: fields by name, the way from them to a configuration, and back.

Choices are the departures from the defaults: a field that is not among them follows its default, whatever else is
chosen. Forms, presets, duplicates of a run and suggested fixes all speak in them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from explorer.errors import ConfigError
from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.config import RunConfig, TrainingConfig, flat, idle_reasons, new_config, with_defaults

Choices = Mapping[str, Any]
"""Values by the name of their field; names are unique over model, training and objective."""

DECIDED_BY_DATA = frozenset({"image_shape", "n_classes", "data"})

_PARTS: dict[str, type[BaseModel]] = {"Model": ModelConfig, "Training": TrainingConfig, "Objective": ObjectiveConfig}

GROUPS: Mapping[str, Mapping[str, FieldInfo]] = MappingProxyType(
    {
        group: MappingProxyType(
            {
                name: field
                for name, field in part.model_fields.items()
                if name not in DECIDED_BY_DATA and name != "objective"
            }
        )
        for group, part in _PARTS.items()
    }
)
"""Every field that a person chooses, in the groups in which config.json has them."""

FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {name: field for fields in GROUPS.values() for name, field in fields.items()}
)

OF_THE_DECODER = ("network", "hidden", "activation", "latent_dim", "likelihood", "sigma", "rank")
"""What two runs must share for one to start from the other's decoder."""


class DataFacts(NamedTuple):
    """What a configuration takes from its data set: its name, ``(C, H, W)`` of an image, and its number of classes."""

    name: str
    image_shape: tuple[int, int, int]
    n_classes: int | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with choices.

    Attributes:
        field: the field that it is about; empty where no one field is.
        group: the group of that field, or that a combination is of; empty where it is of none.
        message: what is wrong, as the configuration says it.
    """

    field: str
    group: str
    message: str


def configured(data: DataFacts, choices: Choices) -> RunConfig:
    """Return the configuration that ``choices`` make on ``data``; those that would change nothing are left out.

    Raises:
        pydantic.ValidationError: if a choice is out of bounds or does not go with another.
    """
    idle = idle_reasons(values_of(data, choices))
    model, training = _parted({name: value for name, value in choices.items() if name not in idle})
    return new_config(*data, model=model, training=training)


def values_of(data: DataFacts, choices: Choices) -> dict[str, Any]:
    """Return the value of every field: what was chosen, not checked, or its default beside the other choices."""
    model, training = _parted(choices)
    filled = with_defaults(*data, model=model, training=training)
    given = filled["model"] | filled["training"] | filled["training"]["objective"]
    return {name: given.get(name, field.default) for name, field in FIELDS.items()}


def default_of(name: str, data: DataFacts, choices: Choices) -> Any:
    """Return what the field ``name`` would be if it were not chosen."""
    return values_of(data, {other: value for other, value in choices.items() if other != name})[name]


def choices_of(config: RunConfig) -> dict[str, Any]:
    """Return the fewest choices that make ``config`` on its data set."""
    model = config.model
    data = DataFacts(config.training.data, model.image_shape, model.n_classes)
    every = flat(config)
    needed = {name: every[name] for name in FIELDS}
    for name in FIELDS:
        rest = {other: value for other, value in needed.items() if other != name}
        if _makes(data, rest, config):
            needed = rest
    return needed


def with_changes(config: RunConfig, changes: Choices) -> RunConfig:
    """Return ``config`` with ``changes``, on the same data; defaults that depend on what is changed follow it.

    Raises:
        pydantic.ValidationError: if they do not go with what ``config`` has chosen.
    """
    data = DataFacts(config.training.data, config.model.image_shape, config.model.n_classes)
    return configured(data, {**choices_of(config), **changes})


def as_in_origin(origin: ModelConfig) -> dict[str, Any]:
    """Return the choices that give a new run the decoder of ``origin``."""
    return {name: getattr(origin, name) for name in OF_THE_DECODER}


_LIMITS = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "more than",
    "less than": "less than",
}


def problems_of(error: ValidationError) -> list[Problem]:
    """Return everything that pydantic found wrong with a configuration, each at the field that it is about.

    What a combination of fields got wrong is at the first field that its message names.
    """
    found = [(each["loc"], _plainly(each["msg"].removeprefix("Value error, "), each["loc"])) for each in error.errors()]
    # Pydantic counts only the parts that are right, and says of (0,) too that it is too short.
    parts = {location[:n] for location, _ in found for n in range(len(location))}
    return [_problem(location, message) for location, message in found if location not in parts]


def widths_from_text(text: str) -> tuple[int, ...]:
    """Return the widths of layers that a person wrote, such as "512, 256".

    Raises:
        ConfigError: if they are no whole numbers with commas between them.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"{text[:60]!r} is not a list of widths such as 512,256") from error


def group_of(name: str) -> str:
    """Return the group of a field; empty for a name that is none."""
    return next((group for group, fields in GROUPS.items() if name in fields), "")


def _problem(location: tuple[int | str, ...], message: str) -> Problem:
    named = [str(part) for part in location if part in FIELDS]
    if named:
        return Problem(named[-1], group_of(named[-1]), message)
    field = _first_named(message)
    parts = [str(part).capitalize() for part in location if str(part).capitalize() in GROUPS]
    return Problem(field, group_of(field) or (parts[-1] if parts else ""), message)


def _plainly(message: str, location: tuple[int | str, ...]) -> str:
    """Return pydantic's word on a number beyond its limits as a person would say it."""
    said = re.fullmatch(rf"Input should be ({'|'.join(_LIMITS)}) (\S+)", message)
    if said is None:
        return message
    which = "Each number" if isinstance(location[-1], int) else "It"
    return f"{which} must be {_LIMITS[said[1]]} {said[2]}."


def _first_named(message: str) -> str:
    """Return the first field that a message names; a word in quotation marks is the value of one."""
    words = re.findall(r"[a-z_]+", re.sub(r"'[^']*'", "", message))
    return next((word for word in words if word in FIELDS), "")


def _makes(data: DataFacts, choices: Choices, config: RunConfig) -> bool:
    model, training = _parted(choices)
    try:
        return new_config(*data, model=model, training=training) == config
    except ValidationError:
        return False


def _parted(choices: Choices) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of the model, and those of training with the objective's under "objective"."""
    model, training, objective = (
        {name: choices[name] for name in fields if name in choices} for fields in GROUPS.values()
    )
    return model, training | {"objective": objective}
