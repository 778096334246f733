import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from explorer.analysis.coding import decode_codes
from explorer.analysis.evaluation.classifier import agreement, class_fidelity, class_probabilities, class_shares
from explorer.analysis.latent.priors import prior_codes
from explorer.analysis.statistics.bootstrap import wilson_interval
from explorer.errors import ConfigError
from explorer.locations import SHIPPED
from explorer.runs.classifiers import find_classifier, read_classifier
from explorer.runs.run import Run


class Brightest(nn.Module):
    """A classifier with planted classes: the class of an image is its brightest pixel."""

    image_shape, n_classes = (1, 2, 2), 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 50 * x.flatten(1)


def planted(labels: np.ndarray) -> np.ndarray:
    images = np.zeros((len(labels), 4), np.uint8)
    images[np.arange(len(labels)), labels] = 255
    return images.reshape(-1, 1, 2, 2)


def test_planted_classes_are_read_with_the_probabilities_of_a_softmax():
    labels = np.random.default_rng(0).integers(4, size=1203)  # more than fit a batch
    probabilities = class_probabilities(Brightest(), planted(labels))
    assert probabilities.dtype == np.float32
    expected = np.full((1203, 4), 1 / (np.exp(50) + 3))
    expected[np.arange(1203), labels] = np.exp(50) / (np.exp(50) + 3)
    np.testing.assert_allclose(probabilities, expected, atol=1e-7)
    assert agreement(probabilities, labels).all()
    assert not agreement(probabilities, (labels + 1) % 4).any()


def test_no_images_have_no_probabilities():
    assert class_probabilities(Brightest(), np.empty((0, 1, 2, 2), np.uint8)).shape == (0, 4)


def test_images_of_another_shape_are_refused_in_words():
    with pytest.raises(ConfigError, match=r"shape \(1, 3, 3\); the judge was trained on \(1, 2, 2\). Ask the judge of"):
        class_probabilities(Brightest(), np.zeros((1, 1, 3, 3), np.uint8))


def test_fidelity_counts_the_images_that_are_read_as_what_they_were_asked_to_be():
    probabilities = class_probabilities(Brightest(), planted(np.array([0, 1, 2, 3, 3, 3])))
    fidelity = class_fidelity(probabilities, np.array([0, 1, 2, 0, 1, 3]))
    assert (fidelity.n, fidelity.n_right, fidelity.share) == (6, 4, 4 / 6)
    assert (fidelity.low, fidelity.high) == wilson_interval(4, 6)


@pytest.mark.parametrize("confidence", [0.95, 0.99])
@pytest.mark.parametrize(
    ("n_right", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (49, 50), (3, 7), (970, 1000), (1, 10_000)]
)
def test_the_interval_holds_the_shares_that_a_score_test_does_not_refuse(n_right, n, confidence):
    z, share = stats.norm.ppf((1 + confidence) / 2), n_right / n
    # Wilson's ends are the p at which (share - p)^2 = z^2 p (1 - p) / n.
    ends = np.sort(np.roots([1 + z**2 / n, -(2 * share + z**2 / n), share**2]))
    np.testing.assert_allclose(wilson_interval(n_right, n, confidence), ends, atol=1e-12)


def test_shares_count_every_class_and_the_mean_of_the_largest_probability():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.0, 0.9]], np.float32)
    shares = class_shares(probabilities)
    assert shares.counts.tolist() == [2, 0, 1]
    assert shares.n_classes_seen == 2
    assert shares.confidence == pytest.approx(0.7)


def shipped_fidelity(run: str, n: int):
    """What the shipped classifier says of ``n`` draws from the prior of a shipped cvae, its classes in turn."""
    labels = np.arange(n) % 10
    shipped = Run(SHIPPED / run)
    model = shipped.model()
    images = decode_codes(model, prior_codes(model, n, seed=0, labels=labels), labels)
    classifier = read_classifier(find_classifier(shipped.config.training.data, SHIPPED))
    return class_fidelity(class_probabilities(classifier.network, images), labels)


def test_at_least_ninety_of_a_hundred_samples_of_the_shipped_digits_cvae_are_the_class_asked_for():
    assert shipped_fidelity("digits-cvae-2d", 1000).share >= 0.9


def test_at_least_97_of_100_samples_of_the_shipped_mnist_cvae_are_the_class_asked_for():
    fidelity = shipped_fidelity("mnist-cvae-16d", 10_000)  # the first 1,000 alone would flatter it: 98.9 %
    assert fidelity.share >= 0.97
    assert fidelity.high - fidelity.low < 0.01
