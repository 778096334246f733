"""An app that only shows what is there: what it draws, what it offers, and that it leaves its files alone."""

import re
import shutil
from pathlib import Path

import pytest

from explorer.analysis.projections.methods import METHODS
from tests.browser.conftest import serving
from tests.conftest import SHIPPED_FOLDER

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def read_only_app(tmp_path_factory):
    checkpoints = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(SHIPPED_FOLDER / "digits-vae-2d", checkpoints / "run")
    before = files(checkpoints)
    with serving(tmp_path_factory.mktemp("server"), checkpoints, EXPLORER_READONLY="1") as app:
        yield app
    assert files(checkpoints) == before


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_an_app_that_only_shows_offers_stored_maps_trains_and_deletes_nothing_and_says_so(visit, read_only_app):
    page = visit(on=read_only_app, run="run").drawn()
    maps = page.page.get_by_test_id("stButtonGroup").filter(has_text="Latent plane")
    assert maps.get_by_role("radio").all_text_contents() == [it.title for it in METHODS.values() if not it.is_slow]
    maps.get_by_test_id("stTooltipIcon").hover()
    page.page.get_by_text("This app only shows what is there").wait_for()
    page = visit("train", on=read_only_app)
    page.page.get_by_text("This app only shows what is there").wait_for()
    assert page.page.get_by_role("button", name="Start training").count() == 0
    page = visit("train", on=read_only_app, training_run="run")
    page.page.get_by_role("heading", name="run").wait_for()
    page.page.locator(".stPlotlyChart").first.wait_for()
    assert page.page.get_by_role("button", name=re.compile("Delete|Duplicate|More epochs")).count() == 0
    assert page.n_tracebacks() == 0
