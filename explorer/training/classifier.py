"""Training a classifier: a few passes over the training images, then its share of right answers on the test images."""

import hashlib
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from explorer.analysis.evaluation.classifier import agreement, class_probabilities
from explorer.data.batches import permutation, seeded, to_unit
from explorer.data.images import ImageSplit
from explorer.errors import TrainingError
from explorer.jobs.progress import OnProgress, Progress
from explorer.models.classifier import Classifier
from explorer.runs.classifiers import BATCH, ClassifierFacts, EvaluationClassifier, n_epochs

PEAK_RATE = 4e-3
LEAST_SECONDS_BETWEEN_REPORTS = 0.1


def train_classifier(
    train: ImageSplit,
    test: ImageSplit,
    *,
    seed: int = 0,
    on_progress: OnProgress = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> EvaluationClassifier | None:
    """Return a classifier trained on ``train``, with its accuracy on ``test``; None if ``stop`` said so before the end.

    Args:
        train: images to train on.
        test: images of the same data set that it never saw.
        seed: of its first weights and of the order of images.
        on_progress: is told how far it is.
        stop: is asked before each step.

    Raises:
        TrainingError: if fewer than two classes have images.
    """
    _check_classes(train)
    started, epochs = time.monotonic(), n_epochs(len(train))
    with seeded(seed):
        classifier = Classifier(train.image_shape, train.n_classes)
    if not _fit(classifier, train, epochs=epochs, seed=seed, on_progress=on_progress, stop=stop):
        return None
    classifier.requires_grad_(False).eval()
    on_progress(Progress(what="counting its right answers", fraction=0.98, until=1.0, seconds=2.0))
    n_right = int(agreement(class_probabilities(classifier, test.images), test.labels).sum())
    facts = ClassifierFacts(
        data=train.name,
        image_shape=train.image_shape,
        n_classes=train.n_classes,
        n_test=len(test),
        n_right=n_right,
        seed=seed,
        epochs=epochs,
        seconds=round(time.monotonic() - started, 1),
        images=images_fingerprint(train),
    )
    return EvaluationClassifier(facts=facts, network=classifier)


def images_fingerprint(split: ImageSplit) -> str:
    """Return 16 hexadecimal digits that change with the images of ``split`` or their classes."""
    digest = hashlib.blake2b(split.images.tobytes(), digest_size=8)
    digest.update(split.labels.tobytes())
    return digest.hexdigest()


def _fit(
    classifier: Classifier,
    train: ImageSplit,
    *,
    epochs: int,
    seed: int,
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> bool:
    """Train for ``epochs``; the learning rate rises and falls once. Return whether it came to the end."""
    images, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels)
    steps = _steps(len(train))
    optimiser = torch.optim.Adam(classifier.parameters(), PEAK_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=epochs * len(steps))
    last = -LEAST_SECONDS_BETWEEN_REPORTS
    classifier.train()
    for epoch in range(1, epochs + 1):
        order = permutation(len(train), seed, epoch)
        for number, step in enumerate(steps):
            if stop():
                return False
            rows = order[step]
            _step(classifier, optimiser, to_unit(images[rows]), labels[rows])
            schedule.step()
            if time.monotonic() - last >= LEAST_SECONDS_BETWEEN_REPORTS:
                last, share = time.monotonic(), (epoch - 1 + number / len(steps)) / epochs
                on_progress(Progress(what=f"epoch {epoch} of {epochs}", fraction=0.98 * share, until=0.98 * share))
    return True


def _step(classifier: Classifier, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss: Tensor = nn.functional.cross_entropy(classifier(x), y)
    loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    optimiser.step()


def _steps(n: int) -> list[slice]:
    """Return the batches of an epoch; what does not fill one is left to another epoch, whose order is another."""
    size = min(BATCH, n)
    return [slice(start, start + size) for start in range(0, n - size + 1, size)]


def _check_classes(train: ImageSplit) -> None:
    n_seen = len(np.unique(train.labels))
    if n_seen < 2:
        raise TrainingError(
            f"A judge tells classes apart, and {train.name} has images of {n_seen} class{'' if n_seen == 1 else 'es'}: "
            "there is nothing to judge. Use a data set with at least two."
        )
