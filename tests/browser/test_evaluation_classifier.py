"""A classifier that is not there: offered, cancelled, and trained beside the app."""

import re
import shutil

import pytest

from explorer.runs.classifiers import classifier_path, read_facts
from tests.browser.conftest import serving
from tests.conftest import SHIPPED_FOLDER

pytestmark = pytest.mark.browser

SECONDS = 180


@pytest.fixture
def checkpoints_of_its_own(tmp_path):
    """A folder with one run and a classifier that is damaged."""
    folder = tmp_path / "checkpoints"
    shutil.copytree(SHIPPED_FOLDER / "digits-cvae-2d", folder / "run")
    path = classifier_path("digits", folder)
    path.parent.mkdir()
    path.write_bytes(b"no judge")
    return folder


def test_a_damaged_judge_is_said_and_trained_anew_beside_the_app_after_a_first_try_is_cancelled(
    visit, checkpoints_of_its_own, tmp_path
):
    path = classifier_path("digits", checkpoints_of_its_own)
    with serving(tmp_path, checkpoints_of_its_own) as app:
        page = visit("generate", on=app, run="run", label="5")
        page.wait_for_message()
        assert "is damaged: not a safetensors file" in page.alerts()[0]
        assert "It takes about" in page.alerts()[0]
        assert page.picture("Samples of class 5").size, "samples do not wait for a judge"
        assert page.page.get_by_text("Judged to be").count() == 0

        train = page.page.get_by_role("button", name="Train the judge")
        train.click()
        page.page.get_by_test_id("stProgress").get_by_text("The judge of digits").wait_for()
        page.page.get_by_role("button", name="Cancel").click()
        page.page.get_by_text("Training the judge was cancelled; nothing was stored.").wait_for()
        assert path.read_bytes() == b"no judge"

        train.click()
        page.page.get_by_text(re.compile("Judged to be class 5: .* of 50")).wait_for(timeout=SECONDS * 1000)
        page.page.get_by_test_id("stProgress").wait_for(state="detached")
        assert read_facts(path).accuracy >= 0.95
        assert page.alerts() == []
        assert page.n_tracebacks() == 0
