"""The arrays that pass between modules, by what they hold. numpy only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
"""Codes, points of a map, figures of images: what is stored and what networks compute with."""

Doubles = NDArray[np.float64]
"""What is summed over many images, or solved for."""

Numbers = NDArray[np.floating[Any]]
"""Either of these, where a function takes both."""

Labels = NDArray[np.int64]
"""Classes, from 0."""

Images = NDArray[np.uint8]
"""Pixels, ``(..., C, H, W)`` if nothing else is said."""
