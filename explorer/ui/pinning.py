"""The pin of a view, resolved on a map: where it lies, and what is decoded there."""

from dataclasses import dataclass

import numpy as np

from explorer.analysis.results import Floats
from explorer.serving.atlas import LoadedRun
from explorer.serving.service import reference_code
from explorer.ui.state import Pin, View

FIRST = Pin(row=0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PinnedPlace:
    """A pin on a map.

    Attributes:
        row: of the encoded set; None for a place between the points.
        point: map coordinates, shape ``(2,)``.
        z: its code, shape ``(L,)``.
        label: class in which a conditional model decodes it; None for other models.
        name: what it is called beside its image.
    """

    row: int | None
    point: Floats
    z: Floats
    label: int | None
    name: str


def resolve_pin(loaded: LoadedRun, view: View) -> PinnedPlace:
    """Return where the view's pin lies on its map; the first image of the set where nothing is pinned.

    Raises:
        ExplorerError: if the pin's row or the map does not exist.
    """
    pin = view.pin or FIRST
    projection = loaded.projection(view.space, *view.dims)
    z = pinned_code(loaded, view)
    point = projection.forward(z[None])[0]
    nearest = pin.row
    if nearest is None:
        nearest = int(np.linalg.norm(projection.points - point, axis=1).argmin())
    return PinnedPlace(
        row=pin.row,
        point=point,
        z=z,
        label=_label(loaded, view, nearest, is_image=pin.row is not None),
        name="pinned" if pin.row is None else f"image {pin.row}",
    )


def pinned_code(loaded: LoadedRun, view: View) -> Floats:
    """Return the code of the view's pin, shape ``(L,)``.

    Raises:
        ExplorerError: if the pin's row, the reference or the map does not exist.
    """
    pin = view.pin or FIRST
    if pin.point is None:
        return reference_code(loaded, pin.row)
    reference = reference_code(loaded, view.reference if view.reference >= 0 else None)
    code: Floats = loaded.projection(view.space, *view.dims).inverse(np.array([pin.point], np.float32), reference)[0]
    return code


def _label(loaded: LoadedRun, view: View, nearest: int, *, is_image: bool) -> int | None:
    """Class to decode in: an image's own, else the one chosen, else the nearest point's; None if there are none."""
    if loaded.config.model.n_classes is None:
        return None
    is_chosen = view.decode_as >= 0 and not is_image
    return view.decode_as if is_chosen else int(loaded.encoded.labels[nearest])
