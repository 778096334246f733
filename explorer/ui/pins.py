"""Pins: the places that a person keeps, A, B, C …, and what may be done to them. Tuples in, tuples out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from string import ascii_uppercase

from explorer.errors import ConfigError

MAX_PINS = len(ascii_uppercase)
MAX_NAME = 24
MAX_DIMS = 512
MAX_NUMBER = 1e6
_NAME = re.compile(rf"[^=;]{{1,{MAX_NAME}}}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """A place that is kept, as one of three things.

    Attributes:
        name: a letter, or what a person calls it.
        row: of the encoded set.
        point: map coordinates; what they leave open of z is that of the view's reference.
        code: z itself, ``L`` numbers: it means the same on every map.
    """

    name: str = ascii_uppercase[0]
    row: int | None = None
    point: tuple[float, float] | None = None
    code: tuple[float, ...] | None = None


Pins = tuple[Pin, ...]


def next_name(pins: Pins) -> str:
    """Return the first letter by which no pin's name begins as its first word."""
    taken = {pin.name.partition(" ")[0] for pin in pins}
    return next((letter for letter in ascii_uppercase if letter not in taken), ascii_uppercase[-1])


def added(pins: Pins, pin: Pin) -> Pins:
    """Return ``pins`` and ``pin`` behind them, called by the next letter.

    Raises:
        ConfigError: if there are ``MAX_PINS`` already.
    """
    if len(pins) >= MAX_PINS:
        raise ConfigError(f"{MAX_PINS} places are pinned, and no more can be: remove one first.")
    return (*pins, replace(pin, name=next_name(pins)))


def moved(pins: Pins, index: int, place: Pin) -> Pins:
    """Return ``pins`` with that at ``index`` at the place of ``place``, under its own name."""
    return (*pins[:index], replace(place, name=pins[index].name), *pins[index + 1 :])


def renamed(pins: Pins, index: int, name: str) -> Pins:
    """Return ``pins`` with that at ``index`` called ``name``.

    Raises:
        ConfigError: if the name is empty, too long, another pin's, or has a character that a link cannot hold.
    """
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name[:40]!r} cannot name a pin: use 1 to {MAX_NAME} characters without '=' and ';'.")
    if any(pin.name == name for k, pin in enumerate(pins) if k != index):
        raise ConfigError(f"Another pin is called {name!r}: choose another name.")
    return (*pins[:index], replace(pins[index], name=name), *pins[index + 1 :])


def removed(pins: Pins, index: int) -> Pins:
    """Return ``pins`` without that at ``index``."""
    return (*pins[:index], *pins[index + 1 :])


def reordered(pins: Pins, index: int, to: int) -> Pins:
    """Return ``pins`` with that at ``index`` at position ``to``."""
    rest = removed(pins, index)
    return (*rest[:to], pins[index], *rest[to:])


def pins_to_text(pins: Iterable[Pin]) -> str:
    """Return what stands for ``pins`` in a link: ``A=row:5;B=0.5,0.25;C=z:0.1,0.2,0.3``."""
    return ";".join(f"{pin.name}={_place_to_text(pin)}" for pin in pins)


def pins_from_text(text: str) -> Pins:
    """Return the pins that a link's text stands for; one without a name is called by the next letter.

    Raises:
        ValueError: if it cannot be read.
        ConfigError: if a name cannot be a pin's, or there are too many.
    """
    pins: Pins = ()
    for item in text.split(";"):
        name, is_named, place = item.rpartition("=")
        pins = added(pins, place_from_text(place))
        if is_named:
            pins = renamed(pins, len(pins) - 1, name)
    return pins


def place_from_text(text: str) -> Pin:
    """Return a pin at the place that ``text`` stands for, without a name of its own.

    Raises:
        ValueError: if it cannot be read, or a number is not finite or too large.
    """
    kind, _, rest = text.rpartition(":")
    match kind:
        case "row":
            row = int(rest)
            if not 0 <= row < 2**31:
                raise ValueError(text)
            return Pin(row=row)
        case "z":
            return Pin(code=_numbers(rest))
        case "":
            x, y = _numbers(rest)
            return Pin(point=(x, y))
    raise ValueError(text)


def _place_to_text(pin: Pin) -> str:
    if pin.row is not None:
        return f"row:{pin.row}"
    if pin.code is not None:
        return "z:" + ",".join(f"{number:.5g}" for number in pin.code)
    return ",".join(f"{number:.5g}" for number in pin.point or ())


def _numbers(text: str) -> tuple[float, ...]:
    numbers = tuple(float(part) for part in text.split(","))
    if len(numbers) > MAX_DIMS or not all(abs(number) <= MAX_NUMBER for number in numbers):  # also false for NaN
        raise ValueError(text)
    return numbers
