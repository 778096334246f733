"""The pins of a view, resolved on a map: where they lie, and what is decoded there."""

from dataclasses import dataclass

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.errors import ServingError
from explorer.serving.decoder import reference_code
from explorer.serving.run_cache import LoadedRun
from explorer.ui.pins import Pin
from explorer.ui.view import View

FIRST = Pin(row=0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PinnedPlace:
    """A pin on a map.

    Attributes:
        row: of the encoded set; None for a place between the points.
        point: map coordinates, shape ``(2,)``.
        z: its code, shape ``(L,)``.
        label: class in which a conditional model decodes it; None for other models.
        name: what it is called beside its image; the pin's name where it is one.
    """

    row: int | None
    point: Floats
    z: Floats
    label: int | None
    name: str


def resolve_pins(loaded: LoadedRun, view: View) -> list[PinnedPlace]:
    """Return where the view's pins lie on its map.

    Raises:
        ExplorerError: if a pin's row or the map does not exist.
    """
    return [_resolved(loaded, view, pin, pin.name) for pin in view.pins]


def resolve_pin(loaded: LoadedRun, view: View) -> PinnedPlace:
    """Return where the pin lies that is looked at; the first image of the set where nothing is pinned.

    Raises:
        ExplorerError: if the pin's row or the map does not exist.
    """
    if view.pin is None:
        return _resolved(loaded, view, FIRST, f"image {FIRST.row}")
    return _resolved(loaded, view, view.pin, view.pin.name)


def _resolved(loaded: LoadedRun, view: View, pin: Pin, name: str) -> PinnedPlace:
    projection = loaded.projection(view.space, *view.dims)
    z = pinned_code(loaded, view, pin)
    # A pin by map coordinates lies there, also where the way from its code to the map misses them.
    point = projection.forward(z[None])[0] if pin.point is None else np.array(pin.point, np.float32)
    nearest = pin.row
    if nearest is None:
        nearest = int(np.linalg.norm(projection.points - point, axis=1).argmin())
    return PinnedPlace(
        row=pin.row,
        point=point,
        z=z,
        label=_label(loaded, view, nearest, is_image=pin.row is not None),
        name=name,
    )


def pinned_code(loaded: LoadedRun, view: View, pin: Pin) -> Floats:
    """Return the code of ``pin`` on the view's map, shape ``(L,)``.

    Raises:
        ExplorerError: if the pin's row, the reference or the map does not exist, or the code is another model's.
    """
    if pin.code is not None:
        return _checked_code(loaded, pin)
    if pin.point is None:
        return reference_code(loaded, pin.row)
    reference = reference_code(loaded, view.reference if view.reference >= 0 else None)
    code: Floats = loaded.projection(view.space, *view.dims).inverse(np.array([pin.point], np.float32), reference)[0]
    return code


def _checked_code(loaded: LoadedRun, pin: Pin) -> Floats:
    code = np.array(pin.code, np.float32)
    if len(code) != loaded.config.model.latent_dim:
        raise ServingError(
            f"Pin {pin.name} has a code of {len(code)} numbers; {loaded.run.name} has {loaded.config.model.latent_dim}."
        )
    return code


def _label(loaded: LoadedRun, view: View, nearest: int, *, is_image: bool) -> int | None:
    """Class to decode in: an image's own, else the one chosen, else the nearest point's; None if there are none."""
    if loaded.config.model.n_classes is None:
        return None
    is_chosen = view.decode_as >= 0 and not is_image
    return view.decode_as if is_chosen else int(loaded.encoded.labels[nearest])


def pinned_places(loaded: LoadedRun, view: View) -> list[PinnedPlace]:
    """Return the view's pins with their codes; those of a model that encodes no image have no place on a map.

    Raises:
        ExplorerError: if a pin's row or the map does not exist, or a code is another model's.
    """
    if loaded.config.model.can_encode:
        return resolve_pins(loaded, view)
    nowhere = np.full(2, np.nan, np.float32)
    return [
        PinnedPlace(row=None, point=nowhere, z=pinned_code(loaded, view, pin), label=None, name=pin.name)
        for pin in view.pins
    ]


def one_class(loaded: LoadedRun, view: View, first: PinnedPlace) -> int | None:
    """Return the class that several places are decoded in: the view's, else that of the ``first``; None without any."""
    if loaded.config.model.n_classes is None:
        return None
    return view.decode_as if view.decode_as >= 0 else first.label
