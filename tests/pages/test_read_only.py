"""An app that only shows what is there: it offers the maps that are stored, and says why no other."""

import shutil
from pathlib import Path

import pytest

from explorer import locations
from explorer.analysis.projections.methods import METHODS
from tests.conftest import SHIPPED_FOLDER


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def run_read_only(run_page, monkeypatch, tmp_path):
    """Runs the map of a run without stored maps, in an app that only shows."""
    monkeypatch.setattr(locations, "READONLY", True)
    shutil.copytree(SHIPPED_FOLDER / "digits-vae-2d", tmp_path / "run")
    before = files(tmp_path)
    yield lambda **query: run_page(run="run", on=tmp_path, **query)
    assert files(tmp_path) == before


def test_only_stored_maps_are_offered_and_the_help_says_why(run_read_only):
    page = run_read_only()
    (maps,) = [group for group in page.test.button_group if group.label == "Map"]
    assert maps.options == [method.title for method in METHODS.values() if not method.is_slow]
    slow = ", ".join(method.title for method in METHODS.values() if method.is_slow)
    assert maps.help.startswith(f"Not computed for this model: {slow}. This app only shows what is there")
    assert page.n_tracebacks() == 0


def test_a_link_to_a_map_that_is_not_there_says_why_it_is_not_computed(run_read_only):
    page = run_read_only(space="umap")
    assert page.alerts()[0].startswith(
        "The link asks for UMAP, which was not computed for run, and this app only shows what is there"
    )
    assert "Compute UMAP" not in page.labels("button")
    page.click("Dismiss")
    assert page.alerts() == []
    assert "Dismiss" not in page.labels("button")
