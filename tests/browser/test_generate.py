import re

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from explorer.data.catalogue import load_split
from explorer.ui.widgets.images import MARK
from tests.browser.app_driver import cells

pytestmark = pytest.mark.browser

SIDES = {"digits": 8, "mnist": 28}

JUDGED = [
    pytest.param("digits-cvae-2d", "digits"),
    pytest.param("mnist-cvae-16d", "mnist", marks=pytest.mark.mnist),
]


@pytest.fixture(scope="module")
def judge():
    """Reads images as the majority of their five nearest neighbours among the training images."""
    fitted = {}

    def read(images, data):
        if data not in fitted:
            split = load_split(data, "train")
            fitted[data] = KNeighborsClassifier(5, algorithm="brute").fit(
                split.images.reshape(len(split), -1).astype(np.float32), split.labels
            )
        flat = images.reshape(-1, images.shape[-1] * images.shape[-2]).astype(np.float32)
        return fitted[data].predict(flat).reshape(images.shape[:-2])

    return read


@pytest.mark.parametrize(("run", "data"), JUDGED)
def test_samples_of_the_class_that_was_picked_are_read_as_that_class(visit, judge, run, data):
    page = visit("generate", run=run)
    page.page.get_by_test_id("stButtonGroup").get_by_text("7", exact=True).click()
    assert page.wait_for_query("label") == "7"
    picture = page.picture("Samples of class 7")
    read = judge(cells(picture, 5, 10, SIDES[data]), data)
    assert read.shape == (5, 10)
    assert (read == 7).mean() >= 0.9


@pytest.mark.parametrize(("run", "data"), JUDGED)
def test_one_z_in_every_class_is_read_as_every_class(visit, judge, run, data):
    page = visit("generate", run=run)
    picture = page.picture("A row per z, a column per class")
    read = judge(cells(picture, 6, 10, SIDES[data]), data)
    right = read == np.arange(10)
    assert right.mean() >= 0.8
    assert right.mean(axis=0).min() >= 0.5


def test_the_same_link_makes_the_same_samples_and_another_seed_makes_others(visit):
    first, again, other = (
        visit("generate", run="digits-cvae-2d", label="3", seed=seed).picture("Samples of class 3")
        for seed in ("5", "5", "6")
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_drawing_again_changes_samples_and_link(visit):
    page = visit("generate", run="digits-cvae-2d")
    before = page.picture("Samples of class 0")
    source = page.page.locator("img[alt^=Samples]").evaluate("(image) => image.src")
    page.page.get_by_role("button", name="Draw again").click()
    assert page.wait_for_query("seed") == "1"
    page.page.wait_for_function("(old) => document.querySelector('img[alt^=Samples]').src !== old", arg=source)
    assert (page.picture("Samples of class 0") != before).any()
    assert page.page.get_by_role("spinbutton", name="Seed").input_value() == "1"


def test_an_autoencoder_is_sampled_from_a_fitted_density_beside_a_normal_that_is_not_its_prior(visit):
    page = visit("generate", run="digits-ae-2d")
    fitted = cells(page.picture("Draws from the fitted mixture"), 5, 10, 8)
    standard = cells(page.picture("Draws from N(0, I), which is not its prior"), 5, 10, 8)
    assert fitted.shape == standard.shape == (5, 10, 8, 8)
    assert (fitted != standard).any()
    page.page.get_by_text("An autoencoder has no prior: nothing in its training put codes here").wait_for()
    assert page.page.get_by_role("slider", name="Temperature").count() == 0
    # Both are judged, each under its own grid.
    assert page.page.get_by_text("with a mean confidence of").count() == 2


def test_a_model_without_classes_samples_and_says_which_models_have_them(visit):
    page = visit("generate", run="mnist-vae-2d")
    page.page.get_by_test_id("stAlert").wait_for()
    assert "CVAE" in page.alerts()[0]
    picture = page.picture("Samples from the prior")
    images = cells(picture, 5, 10, 28)
    assert (images.max(axis=(2, 3)) > 150).all()
    assert len(np.unique(images.reshape(50, -1), axis=0)) == 50


def test_the_judge_says_how_many_samples_are_the_class_asked_for_and_how_far_it_is_believed(visit, app):
    page = visit("generate", run="digits-cvae-2d", label="7")
    line = page.page.locator("p").filter(has_text="Judged to be class 7:")
    line.wait_for()
    said = re.search(
        r"class 7: (\d+) of 50 \(95% interval (\d+)% to (\d+)%\); the judge is right on (.+)% of 300",
        line.text_content(),
    )
    assert said is not None, line.text_content()
    assert int(said[1]) >= 40
    assert float(said[4]) >= 97
    assert page.page.get_by_text("Judged to be the class of the column:").count() == 1


def test_an_image_that_is_judged_to_be_another_class_has_a_frame_and_no_other_has(visit):
    # Far from the prior's middle some samples are unlike their class.
    page = visit("generate", run="digits-cvae-2d", label="8", temperature="2")
    line = page.page.locator("p").filter(has_text="Judged to be class 8:")
    line.wait_for()
    n_right = int(re.search(r"class 8: (\d+) of 50", line.text_content())[1])
    picture = page.picture("Samples of class 8")
    height, width = picture.shape[0] // 5, picture.shape[1] // 10
    corners = picture[::height, ::width]
    is_marked = (corners == np.array(MARK)).all(axis=-1)
    assert is_marked.shape == (5, 10)
    assert is_marked.sum() == 50 - n_right > 0
    assert (corners[~is_marked][:, 3] == 0).all()
    page.page.get_by_text("With a frame: what the judge reads as another class").wait_for()


def test_samples_of_a_model_without_classes_are_told_by_the_classes_that_appear(visit):
    page = visit("generate", run="digits-vae-2d")
    line = page.page.locator("p").filter(has_text="with a mean confidence of")
    line.wait_for()
    assert re.search(r"Judged to be \d+ of 10 classes", line.text_content())


def test_as_many_samples_as_are_wanted_are_taken_away_as_numbers(visit, app, tmp_path):
    page = visit("generate", run="digits-cvae-2d", label="7", seed="3")
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
