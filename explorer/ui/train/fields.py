"""What a form needs to know of a field of a configuration beside its values: its step and words. Without a screen."""

from dataclasses import asdict, dataclass
from math import floor, log10
from typing import Any

from pydantic.fields import FieldInfo

from explorer.runs.config import DEPENDENT_DEFAULTS
from explorer.runs.fields import FieldValues, values_of_field

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
class FieldFacts(FieldValues):
    """How a field is asked for.

    Attributes:
        label: what it is called.
        help: what it is, and its default, in a sentence or two.
        step: what a press of + adds to a number.
    """

    label: str
    help: str
    step: float | None = None


def facts_of(name: str, field: FieldInfo) -> FieldFacts:
    """Return how the field ``name`` is asked for."""
    values = values_of_field(field)
    return FieldFacts(
        **asdict(values),
        label=LABELS.get(name, name.replace("_", " ").capitalize()),
        help=_help(name, field),
        step={"whole": 1, "number": _step(field.default)}.get(values.kind),
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


def _step(default: Any) -> float:
    """Return the power of ten of a default; a tenth where there is none."""
    return 10.0 ** floor(log10(default)) if isinstance(default, float) and default > 0 else 0.1


def _help(name: str, field: FieldInfo) -> str:
    default = DEPENDENT_DEFAULTS.get(name) or shown(field.default)
    return f"{field.description} Default: {default}."
