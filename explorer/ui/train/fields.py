"""What a form needs to know of a field of a configuration: its kind, limits, step and words. Without a screen.

All of it is read off the pydantic field, so that a limit or a sentence is written once.
"""

from dataclasses import dataclass
from math import floor, log10
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from explorer.runs.config import DEPENDENT_DEFAULTS

Kind = Literal["choice", "whole", "number", "widths", "run"]

ACRONYMS = {
    "vae": "VAE",
    "cvae": "CVAE",
    "ae": "AE",
    "gan": "GAN",
    "iwae": "IWAE",
    "sgvb-a": "SGVB-A",
    "sgvb-b": "SGVB-B",
}

LABELS = {
    "latent_dim": "Latent size",
    "hidden": "Widths of layers",
    "beta": "KL weight (beta)",
    "n_samples": "Samples per image",
    "kl_schedule": "KL schedule",
    "em": "EM",
}
"""Labels that are not the name of their field with spaces in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldFacts:
    """How a field is asked for.

    Attributes:
        label: what it is called.
        kind: a choice of names, a whole number, a number, widths of layers, or the name of a run.
        help: what it is, and its default, in a sentence or two.
        choices: the names, for a choice.
        low, high: the limits of a number, in its own type; None where there is none. A limit that may not be reached
            itself is refused by the configuration.
        step: what a press of + adds to a number.
        may_be_empty: whether no value is a value.
    """

    label: str
    kind: Kind
    help: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    may_be_empty: bool = False


def facts_of(name: str, field: FieldInfo) -> FieldFacts:
    """Return how the field ``name`` is asked for."""
    kind, low, high = _kind(field), *_limits(field)
    number = {"whole": int, "number": float}.get(kind, float)
    return FieldFacts(
        label=LABELS.get(name, name.replace("_", " ").capitalize()),
        kind=kind,
        help=_help(name, field),
        choices=tuple(get_args(field.annotation)) if kind == "choice" else (),
        low=None if low is None else number(low),
        high=None if high is None else number(high),
        step={"whole": 1, "number": _step(field.default)}.get(kind),
        may_be_empty=NoneType in get_args(field.annotation),
    )


def shown(value: Any) -> str:
    """Return how a value of a field is written: widths with commas, numbers short, no value as "none"."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return ACRONYMS.get(value, str(value))


def _kind(field: FieldInfo) -> Kind:
    if get_origin(field.annotation) is Literal:
        return "choice"
    if get_origin(field.annotation) is tuple:
        return "widths"
    kinds = {field.annotation, *get_args(field.annotation)}
    return "whole" if int in kinds else "number" if float in kinds else "run"


def _limits(field: FieldInfo) -> tuple[float | None, float | None]:
    limits: dict[str, Any] = {
        name: getattr(rule, name) for rule in field.metadata for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)
    }
    is_whole = _kind(field) == "whole"
    low = limits.get("ge", limits["gt"] + is_whole if "gt" in limits else None)
    high = limits.get("le", limits["lt"] - is_whole if "lt" in limits else None)
    return low, high


def _step(default: Any) -> float:
    """Return the power of ten of a default; a tenth where there is none."""
    return 10.0 ** floor(log10(default)) if isinstance(default, float) and default > 0 else 0.1


def _help(name: str, field: FieldInfo) -> str:
    default = DEPENDENT_DEFAULTS.get(name) or shown(field.default)
    return f"{field.description} Default: {default}."
