"""Options of the command line that are fields of a configuration: names, limits and help are written once, there."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from explorer.errors import ConfigError
from explorer.runs.choices import widths_from_text
from explorer.runs.config import DEPENDENT_DEFAULTS
from explorer.runs.fields import values_of_field

Command = TypeVar("Command", bound=Callable[..., None])


def with_options_of(*panels: tuple[str, type[BaseModel], set[str]]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command, which takes ``**chosen``, an option for each field.

    Args:
        panels: a heading for ``--help``, a configuration, and the names of its fields that are no options.
    """

    def add(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        fields = [
            _option(name, field, panel)
            for panel, config, left_out in panels
            for name, field in config.model_fields.items()
            if name not in left_out
        ]
        command.__signature__ = signature.replace(parameters=[*own, *fields])  # type: ignore[attr-defined]  # typer reads it
        return command

    return add


def fields_of(config: type[BaseModel], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``chosen`` that are fields of ``config``, lists of numbers read; None for what was not."""
    return {name: _value(name, chosen[name], field) for name, field in config.model_fields.items() if name in chosen}


def _option(name: str, field: FieldInfo, panel: str) -> inspect.Parameter:
    default = DEPENDENT_DEFAULTS.get(name, "" if field.default is None else str(field.default))
    values = values_of_field(field)
    is_listed = all(choice in (field.description or "") for choice in values.choices)
    choices = "" if is_listed else f" One of {', '.join(values.choices)}."
    help_text = f"{field.description}{choices}" + (f" (default: {default})" if default else "")
    kind = {"whole": int, "number": float}.get(values.kind, str)
    option = typer.Option(help=help_text, rich_help_panel=panel, show_default=False)
    annotation = Annotated[kind | None, option]  # type: ignore[valid-type]  # chosen at run time
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _value(name: str, value: Any, field: FieldInfo) -> Any:
    if value is None or values_of_field(field).kind != "widths":
        return value
    try:
        return widths_from_text(value)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{name}") from error


def first_problem_as_option(error: ValidationError) -> str:
    """Return the first thing that pydantic found wrong with a configuration, as a sentence about an option."""
    problem = error.errors(include_url=False)[0]
    fields = [part for part in problem["loc"] if isinstance(part, str)]
    message = problem["msg"].removeprefix("Value error, ")
    if not fields or fields[-1] in {"model", "training", "objective"}:
        return f"{message}."
    given = str(problem["input"])[:60]
    return f"--{fields[-1].replace('_', '-')} {given}: {message[:1].lower()}{message[1:]}."
