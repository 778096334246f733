"""What a classifier says of images: their classes, and how often that is what was asked for, with its interval.

A classifier errs. A share of right images can differ from the truth by about as much as it is wrong on real ones, and
it says nothing of images that look like no class: it names one all the same.
torch is loaded only where the classifier is asked.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats, Images, Labels
from explorer.analysis.statistics.bootstrap import wilson_interval
from explorer.errors import ConfigError

if TYPE_CHECKING:
    from explorer.models.classifier import Classifier

BATCH = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassFidelity:
    """How many of ``n`` images the classifier reads as the class that was asked for.

    Attributes:
        n: images, at least 1.
        n_right: of them that are read as their class.
        low, high: 95 % Wilson interval of the share.
    """

    n: int
    n_right: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Images that are read as their class, in [0, 1]."""
        return self.n_right / self.n


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassShares:
    """What images that were asked to be of no class in particular are read as.

    Attributes:
        counts: images read as each class, int64, shape ``(K,)``.
        confidence: mean over the images of the largest probability, in [1 / K, 1].
    """

    counts: NDArray[np.int64]
    confidence: float

    @property
    def n_classes_seen(self) -> int:
        """Classes that any image is read as."""
        return int((self.counts > 0).sum())


def class_probabilities(classifier: "Classifier", images: Images) -> Floats:
    """Return the classifier's probability of each class, float32, shape ``(M, K)``, rows that sum to 1.

    Args:
        classifier: the classifier, in evaluation mode.
        images: uint8, shape ``(M, C, H, W)``.

    Raises:
        ConfigError: if the images are not of the shape that it was trained on.
    """
    import torch

    from explorer.data.batches import to_unit

    _check_shape(classifier, images)
    with torch.inference_mode():
        pixels = torch.from_numpy(np.ascontiguousarray(images))
        batches = (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
        parts = [classifier(to_unit(batch)).softmax(dim=1) for batch in batches]
        none = torch.empty(0, classifier.n_classes)
        probabilities: Floats = torch.cat([none, *parts]).numpy()
    return probabilities


def agreement(probabilities: Floats, labels: Labels) -> NDArray[np.bool_]:
    """Return whether each image's likeliest class, of ``(M, K)``, is the one it was asked to be, ``(M,)``."""
    return np.asarray(probabilities.argmax(axis=1) == labels)


def class_fidelity(probabilities: Floats, labels: Labels) -> ClassFidelity:
    """Return how many images, of probabilities ``(M, K)``, are read as their class in ``labels``, ``(M,)``; M >= 1."""
    n, n_right = len(labels), int(agreement(probabilities, labels).sum())
    low, high = wilson_interval(n_right, n)
    return ClassFidelity(n=n, n_right=n_right, low=low, high=high)


def class_shares(probabilities: Floats) -> ClassShares:
    """Return what images are read as, of probabilities ``(M, K)``, M >= 1."""
    counts = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1]).astype(np.int64)
    return ClassShares(counts=counts, confidence=float(probabilities.max(axis=1).mean()))


def classifier_features(classifier: "Classifier", images: Images) -> Floats:
    """Return what the classifier's last layer sees of images ``(M, C, H, W)``, float32, shape ``(M, D)``.

    Raises:
        ConfigError: if the images are not of the shape that it was trained on.
    """
    import torch

    from explorer.data.batches import to_unit

    _check_shape(classifier, images)
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    with torch.inference_mode():
        features: Floats = torch.cat([classifier.features(to_unit(x)) for x in torch.split(pixels, BATCH)]).numpy()
    return features


def _check_shape(classifier: "Classifier", images: Images) -> None:
    if images.shape[1:] != classifier.image_shape:
        raise ConfigError(
            f"Images have shape {images.shape[1:]}; the judge was trained on {classifier.image_shape}. "
            "Ask the judge of the data set that the model was trained on."
        )
