"""What a field of a configuration takes, read off its pydantic field: a form and the command line ask by it."""

from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

Kind = Literal["choice", "whole", "number", "widths", "run"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldValues:
    """The values of a field.

    Attributes:
        kind: a choice of names, a whole number, a number, widths of layers, or the name of a run.
        choices: the names, for a choice.
        low, high: the limits of a number, in its own type; None where there is none. A limit that may not be reached
            itself is refused by the configuration.
        may_be_empty: whether no value is a value.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    may_be_empty: bool = False


def values_of_field(field: FieldInfo) -> FieldValues:
    """Return what ``field`` takes."""
    kind, low, high = _kind(field), *_limits(field)
    number = int if kind == "whole" else float
    return FieldValues(
        kind=kind,
        choices=tuple(get_args(field.annotation)) if kind == "choice" else (),
        low=None if low is None else number(low),
        high=None if high is None else number(high),
        may_be_empty=NoneType in get_args(field.annotation),
    )


def _kind(field: FieldInfo) -> Kind:
    if get_origin(field.annotation) is Literal:
        return "choice"
    if get_origin(field.annotation) is tuple:
        return "widths"
    kinds = {field.annotation, *get_args(field.annotation)}
    return "number" if float in kinds else "whole" if int in kinds else "run"


def _limits(field: FieldInfo) -> tuple[float | None, float | None]:
    limits: dict[str, Any] = {
        name: getattr(rule, name) for rule in field.metadata for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)
    }
    is_whole = _kind(field) == "whole"
    low = limits.get("ge", limits["gt"] + is_whole if "gt" in limits else None)
    high = limits.get("le", limits["lt"] - is_whole if "lt" in limits else None)
    return low, high
