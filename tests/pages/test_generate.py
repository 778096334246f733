"""Samples: of a class, of a prior, of a density that was fitted, and what the classifier reads in them."""

import re

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from explorer.data.catalogue import load_split
from explorer.ui.widgets.images import MARK
from tests.pictures import cells

SIDES = {"digits": 8, "mnist": 28}

JUDGED = [
    pytest.param("digits-cvae-2d", "digits"),
    pytest.param("mnist-cvae-16d", "mnist", marks=pytest.mark.mnist),
]


@pytest.fixture(scope="module")
def classifier():
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
def test_samples_of_the_class_that_was_picked_are_read_as_that_class(run_page, classifier, run, data):
    page = run_page("generate", run=run).choose("Class to generate", 7)
    assert page.query["label"] == "7"
    read = classifier(cells(page.picture("Samples of class 7"), 5, 10, SIDES[data]), data)
    assert read.shape == (5, 10)
    assert (read == 7).mean() >= 0.9


@pytest.mark.parametrize(("run", "data"), JUDGED)
def test_one_z_in_every_class_is_read_as_every_class(run_page, classifier, run, data):
    picture = run_page("generate", run=run).picture("A row per z, a column per class")
    right = classifier(cells(picture, 6, 10, SIDES[data]), data) == np.arange(10)
    assert right.mean() >= 0.8
    assert right.mean(axis=0).min() >= 0.5


def test_the_same_link_makes_the_same_samples_and_another_seed_makes_others(run_page):
    first, again, other = (
        run_page("generate", run="digits-cvae-2d", label="3", seed=seed).picture("Samples of class 3")
        for seed in ("5", "5", "6")
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_an_autoencoder_is_sampled_from_a_fitted_density_beside_a_normal_that_is_not_its_prior(run_page):
    page = run_page("generate", run="digits-ae-2d")
    fitted = cells(page.picture("Draws from the fitted mixture"), 5, 10, 8)
    standard = cells(page.picture("Draws from N(0, I), which is not its prior"), 5, 10, 8)
    assert fitted.shape == standard.shape == (5, 10, 8, 8)
    assert (fitted != standard).any()
    assert "An autoencoder has no prior: nothing in its training put codes here" in page.words()
    assert "Temperature" not in page.labels("slider")
    # Both are classified, each under its own grid.
    assert page.words().count("with a mean confidence of") == 2


def test_a_model_without_classes_samples_and_says_which_models_have_them(run_page):
    page = run_page("generate", run="mnist-vae-2d")
    assert "CVAE" in page.alerts()[0]
    assert "Temperature" in page.labels("slider")
    images = cells(page.picture("Samples from the prior"), 5, 10, 28)
    assert (images.max(axis=(2, 3)) > 150).all()
    assert len(np.unique(images.reshape(50, -1), axis=0)) == 50


def test_the_judge_says_how_many_samples_are_the_class_asked_for_and_how_far_it_is_believed(run_page):
    words = run_page("generate", run="digits-cvae-2d", label="7").words()
    said = re.search(
        r"\*\*Judged to be class 7: (\d+) of 50\*\* \(95% interval (\d+)% to (\d+)%\); "
        r"the judge is right on (.+)% of 300",
        words,
    )
    assert said is not None, words
    assert int(said[1]) >= 40
    assert int(said[2]) < 2 * int(said[1]) <= int(said[3])
    assert float(said[4]) >= 97
    assert words.count("Judged to be the class of the column:") == 1


def test_an_image_that_is_judged_to_be_another_class_has_a_frame_and_no_other_has(run_page):
    # Far from the prior's middle some samples are unlike their class.
    page = run_page("generate", run="digits-cvae-2d", label="8", temperature="2")
    n_right = int(re.search(r"Judged to be class 8: (\d+) of 50", page.words())[1])
    picture = page.picture("Samples of class 8")
    height, width = picture.shape[0] // 5, picture.shape[1] // 10
    corners = picture[::height, ::width]
    is_marked = (corners == np.array(MARK)).all(axis=-1)
    assert is_marked.shape == (5, 10)
    assert is_marked.sum() == 50 - n_right > 0
    assert (corners[~is_marked][:, 3] == 0).all()
    assert "With a frame: what the judge reads as another class" in page.words()


def test_samples_of_a_model_without_classes_are_told_by_the_classes_that_appear(run_page):
    words = run_page("generate", run="digits-vae-2d").words()
    assert re.search(r"\*\*Judged to be \d+ of 10 classes\*\* .*, with a mean confidence of \d+%", words), words
