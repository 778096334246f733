"""Where things are, and what the environment says of the app. The only file that reads it.

``EXPLORER_DATA`` and ``EXPLORER_CHECKPOINTS`` move the two folders that people move; ``EXPLORER_READONLY`` keeps the
app from writing to them. ``EXPLORER_HOSTS`` and ``EXPLORER_FRAMES`` say by which names the app is reached and which
sites may frame it. All are read once, at import, as people write them: with blanks or quotes around, in any case.
"""

import os
import re
from pathlib import Path

from platformdirs import user_cache_path

from explorer.errors import ReadOnlyError


def _value(name: str) -> str:
    """Return what the environment says of ``name``, without the blanks and quotes around it; "" where nothing."""
    return os.environ.get(name, "").strip().strip("\"'").strip()


def _folder(name: str, default: Path) -> Path:
    """Return the folder that the environment names, or ``default``, as an absolute path."""
    return Path(_value(name) or default).expanduser().absolute()


def _is_on(name: str) -> bool:
    """Whether a switch is on. A word that says neither on nor off is on: a switch that protects fails safe."""
    return _value(name).lower() not in {"", "0", "false", "no", "off"}


def _words(name: str) -> tuple[str, ...]:
    """Return the entries of a list whose entries are separated by commas or blanks."""
    return tuple(filter(None, re.split(r"[\s,;]+", _value(name))))


ROOT = Path(__file__).resolve().parents[1]
"""The project's top-level folder."""

PAGES = ROOT / "pages"
"""The folder of Streamlit pages."""

CHECKPOINTS = _folder("EXPLORER_CHECKPOINTS", ROOT / "checkpoints")
"""The folder whose subfolders are runs."""

SHIPPED = ROOT / "checkpoints"
"""The folder of what comes with the project, wherever ``CHECKPOINTS`` is."""

DATA = _folder("EXPLORER_DATA", user_cache_path("latent-space-explorer") / "data")
"""The folder of data sets, in torchvision's layout."""

READONLY = _is_on("EXPLORER_READONLY")
"""Whether the app only shows what is there: it trains, computes maps and deletes nothing."""

HOSTS = _words("EXPLORER_HOSTS")
"""The names by which people reach the app, beside those of this machine; ``*`` for any."""

FRAMES = _words("EXPLORER_FRAMES")
"""The sites that may show the app in a frame, beside its own pages; ``*`` for any."""


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
