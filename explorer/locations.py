"""Where things are. The only file that knows.

``EXPLORER_DATA`` and ``EXPLORER_CHECKPOINTS`` move the two folders that people move; ``EXPLORER_READONLY`` keeps the
app from writing to them. All are read once, at import.
"""

import os
from pathlib import Path

from platformdirs import user_cache_path

from explorer.errors import ReadOnlyError

ROOT = Path(__file__).resolve().parents[1]
"""The project's top-level folder."""

PAGES = ROOT / "pages"
"""The folder of Streamlit pages."""

CHECKPOINTS = Path(os.environ.get("EXPLORER_CHECKPOINTS") or ROOT / "checkpoints").expanduser().absolute()
"""The folder whose subfolders are runs."""

SHIPPED = ROOT / "checkpoints"
"""The folder of what comes with the project, wherever ``CHECKPOINTS`` is."""

DATA = (
    Path(os.environ.get("EXPLORER_DATA") or user_cache_path("latent-space-explorer") / "data").expanduser().absolute()
)
"""The folder of data sets, in torchvision's layout."""

READONLY = os.environ.get("EXPLORER_READONLY", "") not in {"", "0"}
"""Whether the app only shows what is there: it trains, computes maps and deletes nothing."""


def check_may_write(what: str) -> None:
    """Check that the app may write.

    Args:
        what: would be done, as the beginning of a sentence: "Training digits-vae-2d".

    Raises:
        ReadOnlyError: if it may not.
    """
    if READONLY:
        raise ReadOnlyError(
            f"{what} is not possible here: this app only shows what is there, since EXPLORER_READONLY is "
            "set. Unset it to work in a folder of your own."
        )
