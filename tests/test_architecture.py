"""Who may import whom, held as data and read off the source; and what must not be loaded or called."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ALL = ("explorer",)
PROJECTION_RECORDS = "explorer.analysis.projections.base"
CORE_OF_UI = (
    "explorer.workflows",
    "explorer.serving",
    "explorer.runs",
    "explorer.jobs",
    "explorer.analysis",
    "explorer.data",
    "explorer.locations",
    "explorer.models.config",
)
PART_OF_UI = ("explorer.ui", *CORE_OF_UI, "explorer.figures")
SCREEN = ("explorer.ui.browser", "explorer.ui.map", "explorer.ui.widgets", *PART_OF_UI)
PAGE = ("explorer.ui", "explorer.ui.map", "explorer.ui.widgets", "explorer.locations")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "explorer.errors": (),
    "explorer.strict_json": (),
    "explorer.locations": (),
    "explorer.files": (),
    "explorer.jobs": ("explorer.locations", "explorer.files"),
    "explorer.models": (),
    "explorer.data": ("explorer.locations",),
    "explorer.objectives": ("explorer.models",),
    "explorer.analysis": ("explorer.models", "explorer.data", "explorer.objectives"),
    "explorer.analysis.statistics": ("explorer.analysis", "explorer.jobs.progress"),
    "explorer.analysis.latent": (
        "explorer.analysis",
        "explorer.analysis.statistics",
        "explorer.models",
        "explorer.data",
    ),
    "explorer.analysis.paths": ("explorer.analysis", "explorer.analysis.latent", "explorer.models", "explorer.jobs"),
    "explorer.analysis.projections": (
        "explorer.analysis",
        "explorer.analysis.latent",
        "explorer.analysis.statistics",
        "explorer.models",
        "explorer.jobs",
    ),
    "explorer.analysis.evaluation": (
        "explorer.analysis",
        "explorer.analysis.latent",
        "explorer.analysis.statistics",
        "explorer.models",
        "explorer.data",
        "explorer.objectives",
        "explorer.jobs",
    ),
    "explorer.analysis.comparison": (
        "explorer.analysis",
        "explorer.analysis.evaluation",
        "explorer.analysis.projections",
        "explorer.analysis.paths",
        "explorer.analysis.latent",
        "explorer.analysis.statistics",
        "explorer.models",
        "explorer.data",
        "explorer.objectives",
        "explorer.jobs",
    ),
    "explorer.runs": (
        "explorer.locations",
        "explorer.files",
        "explorer.jobs.processes",
        "explorer.models.config",
        "explorer.models.classifier",
        "explorer.models.build",
        "explorer.models.latent_model",
        "explorer.objectives.config",
        "explorer.analysis.arrays",
        "explorer.analysis.records",
        "explorer.analysis.comparison.measurements",
        PROJECTION_RECORDS,
    ),
    "explorer.training": (
        "explorer.runs",
        "explorer.data",
        "explorer.objectives",
        "explorer.models",
        "explorer.jobs",
        "explorer.files",
        "explorer.locations",
        "explorer.analysis.arrays",
        "explorer.analysis.records",
        "explorer.analysis.evaluation.classifier",
        "explorer.analysis.latent.priors",
        "explorer.analysis.projections.procrustes",
    ),
    "explorer.serving": (
        "explorer.runs",
        "explorer.analysis",
        "explorer.models",
        "explorer.data",
        "explorer.jobs",
        "explorer.files",
    ),
    "explorer.workflows": (
        "explorer.runs",
        "explorer.analysis",
        "explorer.data",
        "explorer.training",
        "explorer.jobs",
        "explorer.files",
        "explorer.serving.run_cache",
        "explorer.serving.batches",
        "explorer.serving.decoder",
        "explorer.serving.test_images",
    ),
    "explorer.figures": (
        "explorer.analysis.arrays",
        "explorer.analysis.records",
        "explorer.analysis.projections.round_trip",
        PROJECTION_RECORDS,
        "explorer.runs",
    ),
    "explorer.ui": CORE_OF_UI,
    "explorer.ui.browser": (),
    "explorer.ui.map": ("explorer.ui.browser", *PART_OF_UI),
    "explorer.ui.widgets": ("explorer.ui.browser", *PART_OF_UI),
    "explorer.ui.explore": SCREEN,
    "explorer.ui.interpolate": SCREEN,
    "explorer.ui.generate": SCREEN,
    "explorer.ui.compare": SCREEN,
    "explorer.ui.evaluate": SCREEN,
    "explorer.ui.train": (
        *SCREEN,
        "explorer.training.creation",
        "explorer.training.estimate",
        "explorer.training.estimator",
        "explorer.training.jobs",
        "explorer.training.status",
    ),
    "explorer.ui.views": (
        "explorer.ui.explore",
        "explorer.ui.interpolate",
        "explorer.ui.generate",
        "explorer.ui.compare",
        "explorer.ui.evaluate",
        "explorer.ui.train",
    ),
    "explorer.main": ("explorer.ui", "explorer.ui.views", "explorer.locations"),
    "explorer.app": (
        "explorer.ui",
        "explorer.serving",
        "explorer.locations",
        "explorer.jobs",
        "explorer.runs.trash",
        "explorer.training.jobs",
    ),
    "explorer.cli": ALL,
    "explorer.__main__": ("explorer.cli", "explorer.jobs.processes"),
    "explorer": (),
    "pages.latent_map": (*PAGE, "explorer.ui.explore"),
    "pages.interpolate": (*PAGE, "explorer.ui.interpolate"),
    "pages.generate": (*PAGE, "explorer.ui.generate"),
    "pages.compare": (*PAGE, "explorer.ui.compare"),
    "pages.evaluate": (*PAGE, "explorer.ui.evaluate"),
    "pages.train": (*PAGE, "explorer.ui.train"),
}
"""What each package may import of ours besides itself, ``explorer.errors`` and
``explorer.strict_json``.

A package with packages of its own in this table is, here, its own files alone: ``explorer.ui`` is the core that all
screens share, and no screen may import another. A name that others import from further down (``explorer.analysis``, by
``serving``) stands for all that is under it, unless the importing package lies in it too.
"""

KNOWS_STREAMLIT = ("explorer.ui", "explorer.app", "explorer.main", "pages")
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "pickle.load", "pickle.loads"}

SOURCES = sorted([*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").rglob("*.py")])


def module_name(path: Path) -> str:
    """Dotted name of a source file; a package is named by its ``__init__``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    """The entry of the table that a module falls under: the longest."""
    parts = module.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((name for name in names if name in MAY_IMPORT and (name != "explorer" or len(parts) == 1)), module)


def modules_of_ours(name: str) -> str:
    """The module that an import means, whether it names the module or something in it."""
    return name if name in MODULES else name.rpartition(".")[0]


def is_allowed(module: str, package: str) -> bool:
    """Whether a module of ``package`` may import ``module``."""
    allowed = ("explorer.errors", "explorer.strict_json", package, *MAY_IMPORT[package])
    if module in allowed:
        return True
    target = package_of(module)
    if target in allowed:
        return True
    # A whole tree is meant by the name at its top only for who stands outside it.
    tops = [name for name in allowed if is_under(module, (name,))]
    return any(".".join(package.split(".")[:2]) != ".".join(top.split(".")[:2]) for top in tops)


def is_under(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def imports(node: ast.AST, *, everywhere: bool = True) -> Iterator[str]:
    """Dotted names that are imported: everywhere, or only where importing the module imports them too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: imports say where they start"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif everywhere or not _is_put_off(child):
            yield from imports(child, everywhere=everywhere)


def _is_put_off(node: ast.AST) -> bool:
    is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    return is_typing or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


MODULES = {module_name(path): parsed(path) for path in SOURCES}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_file_imports_of_ours_only_what_the_table_allows():
    wrong = []
    for module, tree in MODULES.items():
        package = package_of(module)
        assert package in MAY_IMPORT, f"{module} is in no package that the table knows"
        ours = {modules_of_ours(name) for name in imports(tree) if is_under(name, ("explorer", "pages"))}
        wrong += [f"{module} may not import {name}" for name in sorted(ours) if not is_allowed(name, package)]
    assert wrong == []


def test_no_screen_imports_another():
    screens = {name for name in MAY_IMPORT if name.startswith("explorer.ui.")}
    screens -= {"explorer.ui.map", "explorer.ui.widgets", "explorer.ui.browser", "explorer.ui.views"}
    assert len(screens) == 6
    for module, tree in MODULES.items():
        others = screens - {package_of(module)}
        if package_of(module) in screens:
            assert [name for name in imports(tree) if is_under(name, tuple(others))] == [], module


def test_no_modules_import_each_other_in_a_circle_when_loaded():
    graph = {
        module: {modules_of_ours(name) for name in imports(tree, everywhere=False) if is_under(name, ("explorer",))}
        for module, tree in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' <- '.join(error.args[1])}")


def test_only_the_screen_knows_streamlit_and_nothing_that_is_read_can_run_code():
    for module, tree in MODULES.items():
        names = set(imports(tree))
        assert is_under(module, KNOWS_STREAMLIT) or not any(is_under(name, ("streamlit",)) for name in names), module
        assert not {name.split(".")[0] for name in names} & UNSAFE_MODULES, module
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & UNSAFE_CALLS, module
        keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
        assert "allow_pickle" not in keywords, module


def test_in_the_browser_one_module_alone_asks_the_server_and_knows_where_it_is():
    asks = re.compile(r"\b(?:fetch|XMLHttpRequest|EventSource|WebSocket|sendBeacon|baseURI)\b")
    api = ROOT / "explorer" / "ui" / "browser" / "api.js"
    scripts = {
        path: re.sub(r"//.*", "", path.read_text(encoding="utf-8")) for path in (ROOT / "explorer").rglob("*.js")
    }
    assert len(asks.findall(scripts.pop(api))) == 2
    assert {path.name: found for path, code in scripts.items() if (found := asks.findall(code))} == {}
    # What Python writes into a page loads plotly.js early, and nothing else.
    assert [path.name for path in SOURCES if re.search(r"\bfetch\(", path.read_text(encoding="utf-8"))] == []


def test_a_page_is_read_at_a_glance_and_a_folder_at_a_look():
    assert {
        path.name: n for path in (ROOT / "pages").glob("*.py") if (n := len(path.read_text().splitlines())) > 80
    } == {}
    folders = Counter(path.parent for path in SOURCES)
    assert {str(folder.relative_to(ROOT)): n for folder, n in folders.items() if n > 20} == {}


def test_no_module_of_ours_shadows_another():
    # `streamlit run explorer/app.py` puts explorer/ on the path, where a file `queue.py` would be everyone's queue.
    names = {path.stem for path in (ROOT / "explorer").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not (names - {"__init__", "__main__", "__pycache__"}) & set(sys.stdlib_module_names)


IMPORT_ALL = """
import importlib, pkgutil, sys
for package in {packages}:
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), package + "."):
        importlib.import_module(found.name)
    loaded = sorted(set({heavy}) & set(sys.modules))
    if loaded:
        sys.exit(package + " loaded " + ", ".join(loaded))
"""


def test_nothing_below_the_screen_loads_streamlit():
    below = ["data", "figures", "jobs", "analysis", "runs", "training", "serving", "workflows"]
    done = python(IMPORT_ALL.format(packages=[f"explorer.{package}" for package in below], heavy=["streamlit"]))
    assert done.returncode == 0, done.stderr


def test_the_first_screen_loads_neither_torch_nor_scikit_learn():
    packages = [
        "explorer.serving.routes",
        "explorer.serving.decoder",
        "explorer.workflows",
        "explorer.runs",
        "explorer.training.jobs",
    ]
    packages += ["explorer.ui"]
    done = python(IMPORT_ALL.format(packages=packages, heavy=["torch", "torchvision", "sklearn"]))
    assert done.returncode == 0, done.stderr


def test_the_command_line_starts_without_torch():
    done = python(IMPORT_ALL.format(packages=["explorer.__main__"], heavy=["torch", "sklearn", "streamlit"]))
    assert done.returncode == 0, done.stderr
