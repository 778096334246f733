"""Streamlit's own scripts, styles and fonts, as they are installed; an address is what follows the app's base path."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from streamlit import file_util

_SCRIPTS = "static/js"
_IMPORT = re.compile(r'(?:from|import)\s*"\./([\w.@-]+\.js)"')
_ADDRESS = re.compile(r'(?:src|href)="\./(static/[\w./@-]+)"')


@cache
def _installed() -> Path:
    return Path(file_util.get_static_dir())


def streamlit_files() -> dict[str, Path]:
    """Return all of them, by their addresses."""
    root = _installed()
    return {path.relative_to(root).as_posix(): path for path in (root / "static").rglob("*") if path.is_file()}


def first_files() -> list[str]:
    """Return the addresses of what Streamlit's page names itself."""
    return _ADDRESS.findall((_installed() / "index.html").read_text(encoding="utf-8"))


def scripts_of(elements: Iterable[str]) -> list[str]:
    """Return the addresses of the modules that show ``elements``, and of what these import, but for the first files.

    Args:
        elements: as Streamlit's modules are called: "Selectbox". One that another version calls otherwise is left out.
    """
    folder = _installed() / _SCRIPTS
    seen = {address.removeprefix(f"{_SCRIPTS}/") for address in first_files()}
    found: list[str] = []
    waiting = [path.name for element in elements for path in folder.glob(f"{element}.*.js")]
    while waiting:
        name = waiting.pop(0)
        if name in seen or not (folder / name).is_file():
            continue
        seen.add(name)
        found.append(f"{_SCRIPTS}/{name}")
        waiting += _IMPORT.findall((folder / name).read_text(encoding="utf-8"))
    return found
