"""The page Generate at work: samples are drawn again, and taken away. What they are is looked at in ``tests/pages``."""

import numpy as np
import pytest

pytestmark = pytest.mark.browser


def test_drawing_again_changes_samples_and_link(visit):
    page = visit("generate", run="digits-cvae-2d")
    before = page.picture("Samples of class 0")
    source = page.page.locator("img[alt^=Samples]").evaluate("(image) => image.src")
    page.page.get_by_role("button", name="Draw again").click()
    assert page.wait_for_query("seed") == "1"
    page.page.wait_for_function("(old) => document.querySelector('img[alt^=Samples]').src !== old", arg=source)
    assert (page.picture("Samples of class 0") != before).any()
    assert page.page.get_by_role("spinbutton", name="Seed").input_value() == "1"


def test_as_many_samples_of_a_class_as_are_wanted_are_taken_away_as_numbers(visit, app, tmp_path):
    page = visit("generate", run="digits-cvae-2d", seed="3")
    page.page.get_by_test_id("stButtonGroup").get_by_text("7", exact=True).click()
    assert page.wait_for_query("label") == "7"
    page.page.get_by_alt_text("Samples of class 7").wait_for()
    page.page.get_by_role("button", name="Take it away").click()
    page.page.get_by_text("NPZ: images, codes and classes").click()
    page.page.get_by_role("slider", name="Images").press("ArrowLeft")
    page.page.get_by_text("49 samples of class 7, seed 3.").wait_for()
    with page.page.expect_download() as waiting:
        page.page.get_by_role("button", name="Download NPZ").click()
    assert waiting.value.suggested_filename == "digits-cvae-2d-class-7-seed-3.npz"
    waiting.value.save_as(tmp_path / "sevens.npz")
    with np.load(tmp_path / "sevens.npz") as taken:
        assert set(taken["labels"]) == {7}
        assert taken["images"].shape == (49, 1, 8, 8)
        decoded = app.decode("digits-cvae-2d", taken["codes"][5], label=7)
        assert np.abs(taken["images"][5, 0].astype(int) - decoded).max() <= 1
