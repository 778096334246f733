"""Components of the browser, from the HTML, CSS and JavaScript files that lie beside the Python.

Streamlit takes a component's JavaScript as one string, and files by path would need the project installed. Ours is
written as modules, and one script is made of them here, in which each still has a scope of its own.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

_THEME = Path(__file__).with_name("theme.css")
_IMPORT = re.compile(r'^import \{(?P<names>[^}]*)\} from "(?P<path>\.{1,2}/[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?P<kind>async function\*?|function\*?|class|const) (?P<name>\w+)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_LEFT = re.compile(r"^(?:import\b|export\b).*|\bimport\(.*", re.MULTILINE)


@lru_cache(maxsize=32)
def browser_component(script: Path, html: str) -> Any:
    """Return the component of ``script`` and its modules: ``html``, with the theme and the CSS beside the script."""
    css, js = one_stylesheet(script), one_script(script)
    return st.components.v2.component(script.stem, html=html, css=css, js=js, isolate_styles=False)


def one_stylesheet(script: Path) -> str:
    """Return what all components look like, and after it the CSS that lies beside ``script``."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (_THEME, script.with_suffix(".css")))


def one_script(script: Path) -> str:
    """Return the module ``script`` with all that it imports before it, each module once and as a function's body.

    Modules may say ``import { a, b as c } from "./d.js";`` and ``export`` a function, class or const by its name. The
    script itself stays at the top, where its ``export default`` is Streamlit's.

    Raises:
        ValueError: if a module says more than this, imports what the other does not export, or imports itself by way
            of others.
    """
    modules: dict[Path, _Module] = {}
    _collect(script.resolve(), modules, ())
    *imported, entry = modules.values()
    return "\n".join([*(module.as_function() for module in imported), entry.body])


class _Module:
    """A module as part of the script: its ``body`` without the words import and export, and the names it exports."""

    def __init__(self, path: Path, number: int, source: str, modules: "dict[Path, _Module]") -> None:
        self.number = number
        self.exports = [found["name"] for found in _EXPORT.finditer(source)]

        def handed_over(found: re.Match[str]) -> str:
            other = modules[(path.parent / found["path"]).resolve()]
            names = [name.strip() for name in found["names"].split(",") if name.strip()]
            unknown = [name for name in names if name.split(" as ")[0] not in other.exports]
            if unknown:
                raise ValueError(f"{path.name} imports {', '.join(unknown)}, which {found['path']} does not export.")
            return f"const {{ {', '.join(name.replace(' as ', ': ') for name in names)} }} = module{other.number};"

        self.body = _EXPORT.sub(r"\g<kind> \g<name>", _IMPORT.sub(handed_over, source))
        left = _LEFT.search(_DEFAULT.sub("", self.body))
        if left:
            raise ValueError(f"{path.name} says {left[0]!r}: write named imports and exports, each on one line.")

    def as_function(self) -> str:
        """The module's value, an object of what it exports, made by a function of its own."""
        return f"const module{self.number} = (() => {{\n{self.body}\nreturn {{ {', '.join(self.exports)} }};\n}})();"


def _collect(path: Path, modules: dict[Path, _Module], importers: tuple[Path, ...]) -> None:
    """Add ``path`` to ``modules``, behind all that it imports."""
    if path in importers:
        circle = [one.name for one in (*importers[importers.index(path) :], path)]
        raise ValueError(f"Modules import each other: {' -> '.join(circle)}.")
    if path in modules:
        return
    source = path.read_text(encoding="utf-8")
    for found in _IMPORT.finditer(source):
        _collect((path.parent / found["path"]).resolve(), modules, (*importers, path))
    modules[path] = _Module(path, len(modules), source, modules)
