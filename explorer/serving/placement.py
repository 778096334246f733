"""Where images that were just encoded lie: on a map, and among the encoded images."""

from typing import Any

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.serving.run_cache import LoadedRun


def placed(loaded: LoadedRun, codes: Floats, space: str, dims: tuple[int, int]) -> Floats:
    """Return each code followed by its point on the map ``space``, shape ``(M, L + 2)``, of codes ``(M, L)``.

    Raises:
        ExplorerError: if there is no such map.
    """
    return np.concatenate([codes, loaded.projection(space, *dims).forward(codes)], axis=1)


def nearest_class(loaded: LoadedRun, z: Floats, label: int | None) -> dict[str, Any]:
    """Return the class of most of the encoded images nearest to ``z``, shape ``(L,)``, as JSON for a header.

    A model that encodes in a class is told it, so that its code says nothing of it: there ``votes`` is None and the
    nearest image is one of that class.

    Returns:
        label: the class, that of the nearer image where votes are equal; None if no image is there to compare with.
        votes, of: how many of how many nearest images are of it.
        row, distance: the nearest encoded image, and how far from ``z`` it is.

    Raises:
        ProjectionError: if the run has no encoded set.
    """
    from explorer.analysis.latent.neighbourhood import N_CROWD

    rows, distances = loaded.reliability_gauge.neighbourhood(label).nearest(z, N_CROWD)
    if not len(rows):
        return {"label": label, "votes": None, "of": 0, "row": None, "distance": None}
    nearest = {"of": len(rows), "row": int(rows[0]), "distance": float(f"{distances[0]:.4g}")}
    if label is not None:
        return {"label": label, "votes": None, **nearest}
    votes = np.bincount(loaded.encoded.labels[rows])
    winner = next(int(other) for other in loaded.encoded.labels[rows] if votes[other] == votes.max())
    return {"label": winner, "votes": int(votes[winner]), **nearest}
