"""The numbers that points of a map are coloured by: one for each row of the encoded set."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from explorer.analysis.arrays import Floats
from explorer.analysis.projections.base import Projection
from explorer.analysis.projections.density import log_density
from explorer.errors import ServingError
from explorer.serving.run_cache import LoadedRun

COLUMNS = ("reconstruction", "kl", "density")
CUSTOM = "own:"
"""Begins the names of columns that a person brought."""

PERCENTILES = (1, 99)
"""Between which the colours lie: a few extremes would leave one colour for all others."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Column:
    """A number for each encoded image.

    Attributes:
        values: shape ``(N,)``; NaN where there is none.
        low: the first of ``PERCENTILES``, at which the colours begin.
        high: the second, at which they end.
    """

    values: Floats
    low: float
    high: float


def column(loaded: LoadedRun, name: str, projection: Projection) -> Column:
    """Return a column of a run and, for the density, of a map of it.

    Args:
        loaded: the run.
        name: one of ``COLUMNS``, or ``own:`` and the name of one that a person brought.
        projection: the map.

    Raises:
        ServingError: if there is no such column, the model has none, or no value of it is finite.
        ProjectionError: if the points of the map have no density.
    """
    own = loaded.custom_columns if name.startswith(CUSTOM) else {}
    if name.removeprefix(CUSTOM) in own:
        return _with_range(own[name.removeprefix(CUSTOM)], name.removeprefix(CUSTOM))
    if name not in COLUMNS:
        known = (*COLUMNS, *(CUSTOM + title for title in loaded.custom_columns))
        raise ServingError(f"There is no column {name[:40]!r}: use one of {', '.join(known)}.")
    if name == "kl" and not has_kl(loaded):
        raise ServingError(
            f"{loaded.run.name} is a plain autoencoder: it has no posterior and no prior, so no KL. "
            "Colour by reconstruction instead."
        )
    if name == "density":
        return _density(projection)
    return _with_range(loaded.encoded.reconstruction if name == "reconstruction" else loaded.encoded.kl, name)


def has_kl(loaded: LoadedRun) -> bool:
    """Whether the run's model has a posterior that can differ from a prior."""
    return loaded.encoded.log_var is not None


@lru_cache(maxsize=8)
def _density(projection: Projection) -> Column:
    """Take 0.3 s for a million points once: the page asks for its range, and the browser for its values."""
    return _with_range(log_density(projection.points), "density")


def _with_range(values: Floats, name: str) -> Column:
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise ServingError(f"No value of {name} is a finite number. Colour by class instead.")
    low, high = (float(value) for value in np.percentile(finite.astype(np.float64), PERCENTILES))
    if not high > low:  # all the same: a range around it, so that a colour bar can be drawn
        low, high = low - 0.5, high + 0.5
    return Column(values=np.where(np.isfinite(values), values, np.float32(np.nan)), low=low, high=high)
