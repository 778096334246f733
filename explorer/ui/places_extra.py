"""Pinned places of any model, one without a map too, and the class in which they are decoded together."""

import numpy as np

from explorer.serving.atlas import LoadedRun
from explorer.ui.pinning import PinnedPlace, pinned_code, resolve_pins
from explorer.ui.state import View


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
