import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from explorer.data.catalogue import load_split
from explorer.ui.components.pictures import GAP

pytestmark = pytest.mark.browser

SIDES = {"digits": 8, "mnist": 28}

JUDGED = [
    pytest.param("digits-cvae-2d", "digits"),
    pytest.param("mnist-cvae-16d", "mnist", marks=pytest.mark.mnist),
]


def cells(picture, n_rows, n_columns, side):
    """Return the images of a grid as they were before they were enlarged, shape ``(R, M, H, W)``."""
    height, width = picture.shape[0] // n_rows, picture.shape[1] // n_columns
    grid = picture[..., 0].reshape(n_rows, height, n_columns, width).swapaxes(1, 2)
    factor = (width - 2 * GAP) // side
    inner = grid[:, :, GAP : height - GAP, GAP : width - GAP]
    assert inner.shape[2:] == (factor * side, factor * side)
    return inner[:, :, factor // 2 :: factor, factor // 2 :: factor]


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


def test_an_autoencoder_says_that_it_has_no_prior(visit):
    page = visit("generate", run="digits-ae-2d")
    page.page.get_by_test_id("stAlert").wait_for()
    assert "no prior" in page.alerts()[0]
    assert page.page.get_by_role("button", name="Draw again").count() == 0


def test_a_model_without_classes_samples_and_says_which_models_have_them(visit):
    page = visit("generate", run="mnist-vae-2d")
    page.page.get_by_test_id("stAlert").wait_for()
    assert "CVAE" in page.alerts()[0]
    picture = page.picture("Samples from the prior")
    images = cells(picture, 5, 10, 28)
    assert (images.max(axis=(2, 3)) > 150).all()
    assert len(np.unique(images.reshape(50, -1), axis=0)) == 50
