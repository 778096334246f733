"""JSON as every program reads it: no NaN and no infinity, which Python writes and reads but JSON has not."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn


def dump_json(value: object, *, indent: int | None = None) -> str:
    """Return ``value`` as JSON in which a number that is none, NaN or infinite, is null.

    Args:
        value: of dictionaries, lists, texts and numbers; numpy's are not among them.
        indent: spaces of each level; None for one line without blanks.

    Raises:
        TypeError: if something in it has no JSON.
    """
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(value, allow_nan=False, indent=indent, separators=separators)
    except ValueError:  # seldom: the numbers are looked at one by one only then
        return json.dumps(_with_nulls(value), allow_nan=False, indent=indent, separators=separators)


def parse_json(text: str) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: if it is no JSON, nested beyond reason, or has a number that no float or int of ours can be.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _with_nulls(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _with_nulls(each) for key, each in value.items()}
    return [_with_nulls(each) for each in value] if isinstance(value, list | tuple) else value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number
