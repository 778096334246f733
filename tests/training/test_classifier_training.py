"""Training a classifier: what it learns, that it is the same each time, how it is stopped, what the shipped ones do."""

import dataclasses

import numpy as np
import pytest
import torch

from explorer.analysis.evaluation.classifier import agreement, class_probabilities
from explorer.data.catalogue import is_on_disk, load_split
from explorer.data.images import ImageSplit
from explorer.errors import TrainingError
from explorer.locations import SHIPPED
from explorer.runs.classifiers import find_classifier, read_classifier
from explorer.training.classifier import images_fingerprint, train_classifier
from tests.support import digits


def planted(part: str, n: int, seed: int) -> ImageSplit:
    """Images whose class is the third that is bright, under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    images = rng.integers(0, 100, (n, 1, 6, 9)).astype(np.uint8)
    for k, label in enumerate(labels):
        images[k, :, :, 3 * label : 3 * label + 3] += 120
    return ImageSplit(name="digits", part=part, images=images, labels=labels, class_names=("a", "b", "c"))


@pytest.fixture(scope="module")
def classifier():
    return train_classifier(planted("train", 200, 0), planted("test", 90, 1), seed=5)


def test_planted_classes_are_learned(classifier):
    assert classifier.facts.n_right == 90
    unseen = planted("test", 500, 2)
    assert agreement(class_probabilities(classifier.network, unseen.images), unseen.labels).mean() >= 0.99


def test_the_facts_are_those_of_the_training(classifier):
    facts = classifier.facts
    assert (facts.data, facts.image_shape, facts.n_classes, facts.n_test) == ("digits", (1, 6, 9), 3, 90)
    assert (facts.seed, facts.epochs) == (5, 60)
    assert facts.images == images_fingerprint(planted("train", 200, 0)) != images_fingerprint(planted("test", 90, 1))


def test_the_same_seed_trains_the_same_judge_whatever_was_drawn_before():
    train, test = digits("train", 256), digits("test", 20)
    small = dataclasses.replace(train, images=train.images, labels=train.labels)
    torch.manual_seed(1)
    first = train_classifier(small, test, seed=0).network.state_dict()
    torch.manual_seed(2)
    again = train_classifier(small, test, seed=0).network.state_dict()
    other = train_classifier(small, test, seed=1).network.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_training_leaves_the_outer_random_state():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train_classifier(planted("train", 40, 0), planted("test", 10, 1))
    assert torch.equal(torch.rand(3), expected)


def test_a_judge_that_is_stopped_is_none():
    asked = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 3

    assert train_classifier(planted("train", 40, 0), planted("test", 10, 1), stop=stop) is None
    assert len(asked) == 4


def test_progress_grows_to_the_counting_of_right_answers():
    told = []
    train_classifier(digits("train", 512), digits("test", 30), on_progress=told.append)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert told[0].what == "epoch 1 of 60"
    assert told[-1].what == "counting its right answers"
    assert told[-1].until == 1


@pytest.mark.parametrize("n_classes", [1, 2])
def test_a_data_set_with_images_of_one_class_is_refused_in_words(n_classes):
    split = ImageSplit(
        name="ones",
        part="train",
        images=np.zeros((5, 1, 8, 8), np.uint8),
        labels=np.zeros(5, np.int64),
        class_names=("a", "b")[:n_classes],
    )
    with pytest.raises(TrainingError, match="ones has images of 1 class: there is nothing to judge"):
        train_classifier(split, split)


@pytest.fixture
def at_hand(data: str) -> str:
    """The name of a data set that is here."""
    if not is_on_disk(data):
        pytest.skip(f"{data} is not under EXPLORER_DATA")
    return data


@pytest.mark.parametrize(("data", "least"), [("digits", 0.97), pytest.param("mnist", 0.985, marks=pytest.mark.mnist)])
def test_the_shipped_judges_are_as_right_as_they_say(at_hand, least):
    classifier, test = read_classifier(find_classifier(at_hand, SHIPPED)), load_split(at_hand, "test")
    n_right = int(agreement(class_probabilities(classifier.network, test.images), test.labels).sum())
    assert classifier.facts.n_test == len(test)
    # Sums that are rounded in another order may tip an image that lies between two classes.
    assert abs(classifier.facts.n_right - n_right) <= 2
    assert classifier.facts.accuracy >= least


@pytest.mark.parametrize("data", ["digits", pytest.param("mnist", marks=pytest.mark.mnist)])
def test_the_shipped_judges_were_trained_on_these_training_images(at_hand):
    assert read_classifier(find_classifier(at_hand, SHIPPED)).facts.images == images_fingerprint(
        load_split(at_hand, "train")
    )
