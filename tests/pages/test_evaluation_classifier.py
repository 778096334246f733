"""A classifier that is not there, in an app that only shows what is there."""

import shutil

import pytest

from explorer import locations
from explorer.runs.classifiers import classifier_path
from explorer.ui.generate import style
from tests.conftest import SHIPPED_FOLDER


@pytest.fixture
def judgeless(tmp_path):
    """A folder with one run and a classifier that is damaged."""
    shutil.copytree(SHIPPED_FOLDER / "digits-cvae-2d", tmp_path / "run")
    path = classifier_path("digits", tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"no judge")
    return tmp_path


def test_an_app_that_only_shows_trains_no_judge_and_says_so(run_page, judgeless, monkeypatch):
    page = run_page("generate", on=judgeless, run="run")
    assert "Train the judge" in page.labels("button")
    assert len(run_page("generate", on=judgeless, run="run", generate="style").test.file_uploader) == 1
    monkeypatch.setattr(locations, "READONLY", True)
    monkeypatch.setattr(style, "READONLY", True)
    page = run_page("generate", on=judgeless, run="run")
    assert "There is none here, and this app only shows what is there." in page.words()
    assert "Train the judge" not in page.labels("button")
    page = run_page("generate", on=judgeless, run="run", generate="style")
    assert page.picture("The image whose style is taken").size
    assert len(page.test.file_uploader) == 0
