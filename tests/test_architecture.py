"""Who may import whom, held as data and read off the source; and what must not be loaded or called."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ALL = ("explorer",)
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "explorer.errors": (),
    "explorer.locations": (),
    "explorer.progress": (),
    "explorer.processes": ("explorer.locations",),
    "explorer.jobs": ("explorer.locations", "explorer.processes", "explorer.progress", "explorer.runs.files"),
    "explorer.models": (),
    "explorer.data": ("explorer.locations",),
    "explorer.objectives": ("explorer.models",),
    "explorer.analysis": ("explorer.models", "explorer.data", "explorer.objectives", "explorer.progress"),
    "explorer.runs": (
        "explorer.locations",
        "explorer.processes",
        "explorer.models.config",
        "explorer.models.classifier",
        "explorer.models.latent_model",
        "explorer.objectives.config",
        "explorer.analysis.results",
        "explorer.analysis.maps",
        "explorer.analysis.measured",
    ),
    "explorer.training": (
        "explorer.runs",
        "explorer.data",
        "explorer.objectives",
        "explorer.models",
        "explorer.jobs",
        "explorer.processes",
        "explorer.progress",
        "explorer.locations",
        "explorer.analysis.alignment",
        "explorer.analysis.generation",
        "explorer.analysis.judging",
        "explorer.analysis.results",
    ),
    "explorer.serving": ("explorer.runs", "explorer.analysis", "explorer.models", "explorer.data", "explorer.progress"),
    "explorer.figures": (
        "explorer.analysis.results",
        "explorer.analysis.maps",
        "explorer.analysis.holes",
        "explorer.runs",
    ),
    "explorer.ui": (
        "explorer.serving",
        "explorer.figures",
        "explorer.analysis",
        "explorer.runs",
        "explorer.data",
        "explorer.models.config",
        "explorer.jobs",
        "explorer.locations",
        "explorer.progress",
        "explorer.training.creation",
        "explorer.training.estimate",
        "explorer.training.estimator",
        "explorer.training.jobs",
        "explorer.training.status",
    ),
    "explorer.main": ("explorer.ui", "explorer.figures", "explorer.analysis", "explorer.locations"),
    "explorer.app": (
        "explorer.ui",
        "explorer.serving",
        "explorer.locations",
        "explorer.processes",
        "explorer.runs.trash",
        "explorer.training.jobs",
    ),
    "explorer.options": ("explorer.runs.choices", "explorer.runs.config"),
    "explorer.terminal": ("explorer.runs", "explorer.training", "explorer.analysis", "explorer.progress"),
    "explorer.commands": ALL,
    "explorer.__main__": ("explorer.commands", "explorer.processes", "explorer.terminal"),
    "explorer": (),
    "pages": ("explorer.ui", "explorer.figures", "explorer.analysis", "explorer.locations"),
}
"""What each package may import of ours besides itself and ``explorer.errors``."""

KNOWS_STREAMLIT = ("explorer.ui", "explorer.app", "explorer.main", "pages")
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "pickle.load", "pickle.loads"}

SOURCES = sorted([*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").rglob("*.py")])


def module_name(path: Path) -> str:
    """Dotted name of a source file; a package is named by its ``__init__``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    """The entry of the table that a module falls under."""
    first, *rest = module.split(".")
    return f"{first}.{rest[0]}" if first == "explorer" and rest else first


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


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_file_imports_of_ours_only_what_the_table_allows(path):
    package = package_of(module_name(path))
    assert package in MAY_IMPORT, f"{path} is in {package}, which the table does not know"
    allowed = ("explorer.errors", package, *MAY_IMPORT[package])
    ours = {name for name in imports(parsed(path)) if is_under(name, ("explorer", "pages"))}
    forbidden = sorted(name for name in ours if not is_under(name, allowed))
    assert forbidden == [], f"{path.relative_to(ROOT)} may not import {', '.join(forbidden)}"


def test_no_two_packages_import_each_other_when_loaded():
    graph: dict[str, set[str]] = {}
    for path in SOURCES:
        package = package_of(module_name(path))
        ours = (name for name in imports(parsed(path), everywhere=False) if name.startswith("explorer."))
        graph.setdefault(package, set()).update({package_of(name) for name in ours} - {package})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"packages import each other: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_only_the_screen_knows_streamlit(path):
    knows = any(is_under(name, ("streamlit",)) for name in imports(parsed(path)))
    assert not knows or package_of(module_name(path)) in KNOWS_STREAMLIT


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_nothing_that_is_read_can_run_code(path):
    tree = parsed(path)
    assert not {name.split(".")[0] for name in imports(tree)} & UNSAFE_MODULES
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & UNSAFE_CALLS
    keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    assert "allow_pickle" not in keywords


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=module_name)
def test_a_page_is_read_at_a_glance(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 80


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
sys.exit("loaded " + ", ".join(loaded) if loaded else 0)
"""


@pytest.mark.parametrize("package", ["training", "serving", "runs", "analysis", "data", "figures"])
def test_nothing_below_the_screen_loads_streamlit(package):
    done = python(IMPORT_ALL.format(packages=[f"explorer.{package}"], heavy=["streamlit"]))
    assert done.returncode == 0, done.stderr


def test_the_first_screen_loads_neither_torch_nor_scikit_learn():
    packages = ["explorer.serving.routes", "explorer.serving.service", "explorer.runs", "explorer.training.jobs"]
    packages += ["explorer.ui"]
    done = python(IMPORT_ALL.format(packages=packages, heavy=["torch", "torchvision", "sklearn"]))
    assert done.returncode == 0, done.stderr


def test_the_command_line_starts_without_torch():
    done = python(IMPORT_ALL.format(packages=["explorer.__main__"], heavy=["torch", "sklearn", "streamlit"]))
    assert done.returncode == 0, done.stderr
