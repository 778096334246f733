"""plotly.js, which comes with the installed package: where it is on disk, and where the app answers it."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# The version in the name lets browsers keep the file for good.
PLOTLY = f"api/plotly-{version('plotly')}.js"
"""Its address, below the app's base path."""


def plotly_js() -> Path:
    """Return where it is installed."""
    spec = find_spec("plotly")
    assert spec is not None, "plotly is in requirements.txt"
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
