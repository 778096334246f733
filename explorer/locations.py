"""Where things are. The only file that knows.

``EXPLORER_DATA`` and ``EXPLORER_CHECKPOINTS`` move the two folders that people move; both are read once, at import.
"""

import os
from pathlib import Path

from platformdirs import user_cache_path

ROOT = Path(__file__).resolve().parents[1]
"""The project's top-level folder."""

PAGES = ROOT / "pages"
"""The folder of Streamlit pages."""

CHECKPOINTS = Path(os.environ.get("EXPLORER_CHECKPOINTS") or ROOT / "checkpoints").expanduser().absolute()
"""The folder whose subfolders are runs."""

DATA = (
    Path(os.environ.get("EXPLORER_DATA") or user_cache_path("latent-space-explorer") / "data").expanduser().absolute()
)
"""The folder of data sets, in torchvision's layout."""
