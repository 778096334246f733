"""An app that only shows what is there: it offers the maps that are stored, and says why no other."""

import shutil
from pathlib import Path

import pytest

from tests.browser.conftest import serving
from tests.conftest import SHIPPED_FOLDER

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def read_only_app(tmp_path_factory):
    checkpoints = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(SHIPPED_FOLDER / "digits-vae-2d", checkpoints / "run")
    before = files(checkpoints)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_READONLY", "1")
        with serving(tmp_path_factory.mktemp("server"), checkpoints) as app:
            yield app
    assert files(checkpoints) == before


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_only_stored_maps_are_offered_and_the_help_says_why(visit, read_only_app):
    page = visit(on=read_only_app, run="run").drawn()
    maps = page.page.get_by_test_id("stButtonGroup").filter(has_text="Latent plane")
    assert maps.get_by_role("radio").all_text_contents() == ["Latent plane", "PCA"]
    maps.get_by_test_id("stTooltipIcon").hover()
    page.page.get_by_text(
        "Not computed for this model: PaCMAP, t-SNE, UMAP. This app only shows what is there"
    ).wait_for()
    assert page.n_tracebacks() == 0


def test_a_link_to_a_map_that_is_not_there_says_why_it_is_not_computed(visit, read_only_app):
    page = visit(on=read_only_app, run="run", space="umap").drawn()
    page.page.get_by_text("The link asks for UMAP, which was not computed for run, and this app only shows").wait_for()
    assert page.page.get_by_role("button", name="Compute UMAP").count() == 0
    page.page.get_by_role("button", name="Dismiss").click()
    page.page.get_by_text("The link asks for UMAP").wait_for(state="detached")
