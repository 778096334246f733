"""A run that is being thought of: what was chosen so far, what follows from it, and what is wrong with it.

The draft is the session's and outlives its widgets, which Streamlit forgets when another page is looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import ValidationError

from explorer.data.catalogue import DATA_SETS, data_set, is_on_disk
from explorer.errors import CheckpointError, ConfigError
from explorer.runs.choices import (
    FIELDS,
    OF_THE_DECODER,
    DataFacts,
    Problem,
    as_in_origin,
    choices_of,
    configured,
    default_of,
    group_of,
    problems_of,
    values_of,
    widths_from_text,
)
from explorer.runs.config import RunConfig, idle_reasons
from explorer.runs.listing import free_name, list_runs
from explorer.runs.presets import PRESETS, Preset
from explorer.runs.run import check_name
from explorer.ui.train.fields import shown

_KEY = "new-run"
FIRST_PRESET, BUNDLED_PRESET = "map-in-a-minute", "conditional-digits"


@dataclass(slots=True)
class Draft:
    """What was chosen so far.

    Attributes:
        data: name of the data set.
        choices: values of fields that do not follow their default; widths that cannot be read stay the text they are.
        name: of the run; empty for the one that is offered.
        about: where the choices come from, in a sentence; empty where a person made them.
    """

    data: str
    choices: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    about: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRun:
    """A run that can be made.

    Attributes:
        config: of the run; the run whose decoder it starts from, if any, is its ``training.decoder_from``.
        name: of the run, which no other has.
        download: whether its data set has to be fetched first.
    """

    config: RunConfig
    name: str
    download: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What follows from a draft.

    Attributes:
        values: the value of every field, chosen or not.
        defaults: the value that every field would have if it were not chosen.
        idle: for each field that changes nothing, what it is for.
        problems: what is wrong, at "name" or at a field of the configuration.
        origins: runs from whose decoder this one could start.
        offered_name: the name that is taken if none is given.
        new_run: the run, if nothing is wrong.
    """

    values: dict[str, Any]
    defaults: dict[str, Any]
    idle: dict[str, str]
    problems: list[Problem]
    origins: tuple[str, ...]
    offered_name: str
    new_run: NewRun | None

    def at(self, name: str) -> list[str]:
        """Return what is wrong with a field, a message each."""
        return [problem.message for problem in self.problems if problem.field == name]

    def nowhere(self, group: str) -> list[str]:
        """Return what is wrong with a group, or with all of it if ``group`` is empty, and with no one field."""
        return [problem.message for problem in self.problems if not problem.field and problem.group == group]


def held_draft() -> Draft:
    """Return the draft of this session; at first that of a preset which can begin at once."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _of_preset(PRESETS[FIRST_PRESET if is_on_disk("mnist") else BUNDLED_PRESET])
    draft: Draft = st.session_state[_KEY]
    return draft


def prefill(choices: Mapping[str, Any], *, data: str = "", name: str = "") -> None:
    """Begin anew with ``choices``, on the data set of before if none is named.

    Raises:
        ConfigError: if one of them is no field of a configuration.
        DataError: if the data set is not in the catalogue.
    """
    unknown = sorted(choices.keys() - FIELDS.keys())
    if unknown:
        raise ConfigError(f"There is no setting {unknown[0][:60]!r}: use one of {', '.join(FIELDS)}.")
    st.session_state[_KEY] = Draft(data_set(data or held_draft().data).name, dict(choices), name)


def prefill_with(config: RunConfig, about: str = "") -> None:
    """Begin anew with the choices of a run, to make one like it, or with a suggested fix; ``about`` says which.

    Raises:
        DataError: if its data set is not in the catalogue.
    """
    prefill(choices_of(config), data=config.training.data)
    held_draft().about = about


def forget_name() -> None:
    """Offer a name anew, and say no more where the choices come from: the run that they were for is made."""
    draft = held_draft()
    draft.name = draft.about = ""


def prefill_from_preset(name: str) -> None:
    """Begin anew with a preset; the data set stays if it brings none along."""
    st.session_state[_KEY] = _of_preset(PRESETS[name])


def preset_of(draft: Draft) -> str | None:
    """Return the preset that a draft still is; None where something was changed."""
    same = (name for name, it in PRESETS.items() if it.choices == draft.choices and it.data in {"", draft.data})
    return next(same, None)


def choose(draft: Draft, name: str, value: Any, checkpoints: Path) -> None:
    """Choose the value of a field; None, an empty text or the default itself lets it follow its default again."""
    rest = {other: chosen for other, chosen in draft.choices.items() if other != name}
    default = checked(Draft(draft.data, rest), checkpoints).defaults[name]
    is_default = value in (None, "", default) or (name == "hidden" and _read({name: value})[0] == {name: default})
    draft.choices = rest if is_default else {**rest, name: value}


def checked(draft: Draft, checkpoints: Path) -> Checked:
    """Return what follows from ``draft`` for a run in the folder ``checkpoints``."""
    entry = data_set(draft.data)
    data = DataFacts(entry.name, entry.image_shape, len(entry.class_names))
    origins = _origins(data, checkpoints)
    origin = origins.get(draft.choices.get("decoder_from", ""))
    inherited = {} if origin is None else as_in_origin(origin.model)
    readable, problems = _read(draft.choices)
    choices = inherited | readable
    values = values_of(data, choices)
    config, invalid = _configured(data, choices)
    offered = free_name(f"{data.name}-{values['family']}-{values['latent_dim']}d", checkpoints)
    name = draft.name or offered
    problems += [*invalid, *_problems_of_origin(values, origins), *_problems_of_name(name, offered, checkpoints)]
    return Checked(
        values=values | draft.choices,
        defaults={
            field_name: inherited.get(field_name, default_of(field_name, data, choices)) for field_name in FIELDS
        },
        idle=idle_reasons(values),
        problems=problems,
        origins=tuple(run for run, its in origins.items() if its.model.n_classes == _n_classes(data, values)),
        offered_name=offered,
        new_run=NewRun(config=config, name=name, download=not is_on_disk(data.name))
        if config and not problems
        else None,
    )


def _of_preset(preset: Preset) -> Draft:
    data = preset.data or (held_draft().data if _KEY in st.session_state else next(iter(DATA_SETS)))
    return Draft(data, dict(preset.choices))


def _configured(data: DataFacts, choices: dict[str, Any]) -> tuple[RunConfig | None, list[Problem]]:
    try:
        return configured(data, choices), []
    except ValidationError as error:
        return None, problems_of(error)


def _read(choices: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the choices that can be read, and what is wrong with the others."""
    text = choices.get("hidden")
    if not isinstance(text, str):
        return dict(choices), []
    try:
        return {**choices, "hidden": widths_from_text(text)}, []
    except ConfigError as error:
        rest = {name: value for name, value in choices.items() if name != "hidden"}
        return rest, [Problem("hidden", group_of("hidden"), str(error))]


def _problems_of_name(name: str, offered: str, checkpoints: Path) -> list[Problem]:
    try:
        check_name(name)
    except CheckpointError as error:
        return [Problem("name", "", str(error))]
    if (checkpoints / name).exists():
        return [Problem("name", "", f"There is a run called {name}: use another name, such as {offered}.")]
    return []


def _n_classes(data: DataFacts, values: Mapping[str, Any]) -> int | None:
    return data.n_classes if values["family"] == "cvae" else None


def _origins(data: DataFacts, checkpoints: Path) -> dict[str, RunConfig]:
    """Return the runs whose decoder makes images of the same shape."""
    runs = {entry.name: entry.config for entry in list_runs(checkpoints) if entry.config is not None}
    return {name: config for name, config in runs.items() if config.model.image_shape == data.image_shape}


def _problems_of_origin(values: Mapping[str, Any], origins: Mapping[str, RunConfig]) -> list[Problem]:
    name = values["decoder_from"]
    if name is None:
        return []
    if name not in origins:
        problem = f"There is no run {name!r} whose decoder makes images of this shape: choose another, or none."
        return [Problem("decoder_from", "Training", problem)]
    model = origins[name].model
    return [
        Problem(
            field_name,
            group_of(field_name),
            f"The decoder of {name} has {shown(getattr(model, field_name))} here: use that, or start from no decoder.",
        )
        for field_name in OF_THE_DECODER
        if field_name != "sigma" and values[field_name] != getattr(model, field_name)
    ]
