"""What the classifier reads images as."""

from collections.abc import Sequence

from explorer.analysis.arrays import Floats, Images
from explorer.runs.classifiers import EvaluationClassifier


def classified_images(
    classifier: EvaluationClassifier, images: Images, names: Sequence[str]
) -> list[tuple[str, float]]:
    """Return the class that each image is most likely read as, and its probability."""
    from explorer.analysis.evaluation.classifier import class_probabilities

    return read_frames(class_probabilities(classifier.network, images), names)


def read_frames(probabilities: Floats, names: Sequence[str]) -> list[tuple[str, float]]:
    """Return the class of the greatest of each row's probabilities, and that probability."""
    best = probabilities.argmax(axis=1)
    return [(names[label], float(row[label])) for label, row in zip(best.tolist(), probabilities, strict=True)]
