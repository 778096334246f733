"""The endpoints of a path through latent space: which pins it goes between, and places that become pins for it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.analysis.latent.priors import prior_codes, spread_rows
from explorer.errors import ConfigError
from explorer.serving.run_cache import LoadedRun
from explorer.ui.interpolate.view import InterpolateView
from explorer.ui.pins import MAX_NAME, Pin, added, next_name
from explorer.ui.view import change_pins, change_view, held_view, pins_before, suppose_pins

SEPARATOR = ";"
"""Between the names of ends in a link: no pin's name holds it."""


def endpoint_indices(view: InterpolateView, n: int) -> tuple[int, ...]:
    """Return which of the view's pins are the ``n`` endpoints: those that it names, then the first others.

    The view must have ``n`` pins.
    """
    names = [pin.name for pin in view.pins]
    named = [names.index(name) for name in view.endpoints.split(SEPARATOR)[:n] if name in names]
    named = list(dict.fromkeys(named))
    others = [index for index in range(len(names)) if index not in named]
    return (*named, *others)[:n]


def choose_endpoint(position: int, index: int, n: int) -> None:
    """Make pin ``index`` the end at ``position`` of ``n``; if it was another one, the two change places."""
    view = held_view(InterpolateView)
    endpoints = list(endpoint_indices(view, n))
    if index in endpoints:
        endpoints[endpoints.index(index)] = endpoints[position]
    endpoints[position] = index
    change_view(replace(view, endpoints=SEPARATOR.join(view.pins[end].name for end in endpoints)))


def with_enough_pins(loaded: LoadedRun, view: InterpolateView, n: int) -> InterpolateView:
    """Return the view with places pinned for a start where it has fewer than ``n``.

    These are images of different classes, or draws of the prior for a model that encodes none.

    Raises:
        ConfigError: if the run has too few images.
    """
    if len(view.pins) >= n:
        return view
    pins = view.pins
    # Not what was just removed.
    taken = {pin.row for pin in (*pins, *pins_before())}
    for pin in _starting_places(loaded, n, taken)[: n - len(pins)]:
        pins = added(pins, pin)
    if len(pins) < n:
        raise ConfigError(
            f"{loaded.run.name} has {len(loaded.encoded)} encoded images, too few for {n} places. "
            "Pin other places on the latent map."
        )
    return change_view(replace(view, pins=pins, active_pin=view.index)) if view.pins else suppose_pins(view, pins)


def _starting_places(loaded: LoadedRun, n: int, taken: set[int | None]) -> list[Pin]:
    if not loaded.config.model.can_encode:
        return [Pin(code=_rounded(code)) for code in prior_codes(loaded.model, n, seed=0)]
    rows = spread_rows(loaded.encoded.labels, n + len(taken)).tolist()
    return [Pin(row=row) for row in rows if row not in taken]


def pin_image(loaded: LoadedRun, row: int) -> None:
    """Pin the image ``row`` of the encoded set.

    Raises:
        ConfigError: if there is no such row, or no more places can be pinned.
    """
    if not 0 <= row < len(loaded.encoded):
        raise ConfigError(f"There is no image {row}: {loaded.run.name} has 0 to {len(loaded.encoded) - 1}.")
    _pin(Pin(row=row), "")


def pin_class_mean(loaded: LoadedRun, label: int, class_name: str) -> None:
    """Pin the mean of the codes of class ``label``.

    Raises:
        ConfigError: if no image of the class is encoded, or no more places can be pinned.
    """
    members = loaded.encoded.mu[loaded.encoded.labels == label]
    if not len(members):
        raise ConfigError(f"No image of class {class_name} is encoded, so it has no mean: choose another class.")
    pin_code(members.mean(axis=0, dtype=np.float64), f"mean of {class_name}")


def pin_prior_draw(loaded: LoadedRun, seed: int, label: int | None) -> None:
    """Pin a draw of the prior, made with ``seed``; ``label`` is the class of a conditional prior.

    Raises:
        ConfigError: if the model has no prior, or no more places can be pinned.
    """
    labels = None if label is None else np.array([label], np.int64)
    pin_code(prior_codes(loaded.model, 1, seed=seed, labels=labels)[0], f"draw {seed}")


def pin_code(code: Floats | Sequence[float], about: str) -> None:
    """Pin a code, ``L`` numbers, called by a letter and what it is.

    Raises:
        ConfigError: if no more places can be pinned.
    """
    _pin(Pin(code=_rounded(code)), about)


def _rounded(code: Floats | Sequence[float]) -> tuple[float, ...]:
    return tuple(float(f"{number:.6g}") for number in code)


def _pin(pin: Pin, about: str) -> None:
    view = held_view(InterpolateView)
    letter = next_name(view.pins)
    pins = added(view.pins, pin)
    name = f"{letter} {about}".replace("=", " ").replace(SEPARATOR, " ")[:MAX_NAME].strip()
    change_pins(replace(view, pins=(*pins[:-1], replace(pins[-1], name=name)), active_pin=-1))
