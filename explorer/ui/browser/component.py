"""Components of the browser, from the HTML, CSS and JavaScript files that lie beside the Python.

Streamlit takes a component's JavaScript as one string. Ours is written as modules, and joined here.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\./[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default )", re.MULTILINE)


@lru_cache(maxsize=32)
def browser_component(name: str, html: str) -> Any:
    """Return the component called ``name``: ``html``, with ``name``.js and its modules, and ``name``.css."""
    css = (_HERE / f"{name}.css").read_text(encoding="utf-8")
    return st.components.v2.component(name, html=html, css=css, js=joined_modules(f"{name}.js"), isolate_styles=False)


def joined_modules(file: str) -> str:
    """Return the module ``file`` (a path beside this file) with the modules that it imports before it, each once.

    Every module has a name of its own for what it exports; files by path would need the project installed.
    """
    sources: dict[Path, str] = {}
    _collect((_HERE / file).resolve(), sources)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources.values())


def _collect(path: Path, sources: dict[Path, str]) -> None:
    """Add ``path`` to ``sources``, behind all that it imports."""
    if path in sources:
        return
    source = path.read_text(encoding="utf-8")
    for imported in _IMPORT.findall(source):
        _collect((path.parent / imported).resolve(), sources)
    sources[path] = source
