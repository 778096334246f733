import sys
from pathlib import Path

import pytest
import streamlit.testing.v1.app_test as streamlit_testing

from explorer.ui import session
from explorer.ui.compare import job
from explorer.ui.train import actions, form
from explorer.ui.widgets import classifier, classifier_facts
from tests.pages.page_run import Media, PageRun

READERS = (session, job, actions, classifier, classifier_facts)
"""The modules of the pages that know the folder of runs."""


@pytest.fixture(autouse=True)
def main_stays_what_it_is(monkeypatch):
    """AppTest puts its script in the place of the main module, which processes that later tests start would import."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def run_page(monkeypatch, checkpoints):
    """Runs a page without a browser: ``run_page("generate", run="…")``; ``on=`` another folder of runs."""
    media = Media()
    monkeypatch.setattr(streamlit_testing, "MediaFileManager", lambda _: media.manager)

    def run_page(path: str = "", /, *, on: Path = checkpoints, **query: str) -> PageRun:
        for module in READERS:
            monkeypatch.setattr(module, "CHECKPOINTS", on)
        monkeypatch.setattr(form.config_form, "__defaults__", (on,))
        return PageRun(media, path, **query)

    return run_page
