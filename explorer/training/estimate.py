"""How long a run will take and how much memory: a few real steps on random pixels, before anything is made.

Run as a program it answers requests, JSON lines on standard input, until that ends. ``estimator.py`` does so from the
app, where the steps must not be taken: they draw from torch's one random state and hold the interpreter.
Nothing here imports torch before it is needed.
"""

import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.data.images import ImageSplit
from explorer.errors import ExplorerError
from explorer.runs.config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.models.latent_model import LatentModel

MEASURED_SECONDS = 0.2
"""Time that the steps which count may take together."""

STEP_SECONDS = 0.05
"""Time that one of them may take: beyond it, fewer images are shown and the rest is proportion."""

MIN_STEPS, MAX_STEPS = 5, 30
"""Steps that are measured: where others want the cores too, the fastest of several says what a step is."""

PROBE_DECODED = 64
"""Images that the first step decodes; it shows how many the others can be given."""

VALIDATED = 500
"""Images on which a validation is measured."""

START_SECONDS = 6.0
"""Until the first step: torch is imported, images are read and checked. Two cores, a warm disk."""

SAVED_BYTES_PER_SECOND = 2e8
SAVE_SECONDS = 0.02
"""What writing a file safely takes beside its bytes; an epoch writes three."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """About what a run takes on this machine, as busy as it is.

    Attributes:
        epoch_seconds: of an epoch, at least and at most: by the fastest step and by all of them, and apart in the
            aggressive phase, whose end is not known before.
        once_seconds: before the first epoch and after the last.
        step_bytes: memory that a step needs.
    """

    epoch_seconds: tuple[float, float]
    once_seconds: float
    step_bytes: int

    def in_all(self, epochs: int) -> tuple[float, float]:
        """Return the seconds of a run of ``epochs``, at least and at most."""
        least, most = self.epoch_seconds
        return self.once_seconds + epochs * least, self.once_seconds + epochs * most


def estimate(config: RunConfig, n_train: int, n_validation: int) -> Estimate:
    """Return about what training ``config`` on the CPU takes, in about 0.3 s; torch's random state is left as it was.

    Args:
        config: of the run.
        n_train: images of its data set to train on.
        n_validation: images on which it is validated after every epoch.

    Raises:
        ConfigError: if a step does not fit into the memory that is free, or the model is too large to be built.
    """
    import torch

    from explorer.data.batches import seeded
    from explorer.models.build import build_model
    from explorer.training.memory import check_memory

    check_memory(config, torch.device("cpu"))
    with seeded(config.training.seed):
        model = build_model(config.model)
        steps = _step_seconds(config, model, n_train)
        validation = _validation_seconds(config, model, n_validation)
    weight_bytes = sum(4 * weight.numel() for weight in model.parameters())
    return put_together(config, n_train, step_seconds=steps, validation_seconds=validation, weight_bytes=weight_bytes)


def put_together(
    config: RunConfig, n_train: int, *, step_seconds: tuple[float, float], validation_seconds: float, weight_bytes: int
) -> Estimate:
    """Return the estimate for a run whose step on a whole batch, at least and at most, and validation take so long."""
    from explorer.training.memory import step_bytes
    from explorer.training.regimes import MAX_ENCODER_STEPS

    n_batches = math.ceil(n_train / config.training.batch_size)
    # In the aggressive phase the encoder takes steps of its own before a joint one; how many is not known before.
    most_steps = 1 + MAX_ENCODER_STEPS if config.training.em == "aggressive" else 1
    saving = 3 * SAVE_SECONDS + 4 * weight_bytes / SAVED_BYTES_PER_SECOND  # weights; and state: they and two moments
    besides = validation_seconds + saving
    return Estimate(
        epoch_seconds=(n_batches * step_seconds[0] + besides, n_batches * most_steps * step_seconds[1] + besides),
        once_seconds=START_SECONDS + 2 * validation_seconds,  # the test set is encoded in the end
        step_bytes=step_bytes(config),
    )


def _step_seconds(config: RunConfig, model: "LatentModel", n_train: int) -> tuple[float, float]:
    """Return the seconds of a step on a whole batch: of the fastest that was measured, and of their mean."""
    wanted = min(config.training.batch_size, n_train)
    probed = max(1, min(wanted, PROBE_DECODED // config.training.objective.n_samples))
    update = _updates(config, model)
    update(probed)
    probe = min(update(probed) for _ in range(2))
    shown = min(wanted, max(probed, int(probed * STEP_SECONDS / probe)))
    if shown > probed:
        update(shown)
    seconds: list[float] = []
    while len(seconds) < MIN_STEPS or (sum(seconds) < MEASURED_SECONDS and len(seconds) < MAX_STEPS):
        seconds.append(update(shown))
    scale = wanted / shown
    return min(seconds) * scale, sum(seconds) / len(seconds) * scale


def _updates(config: RunConfig, model: "LatentModel") -> "Callable[[int], float]":
    """Return what takes a step on so many images and returns its seconds; where steps alternate, the mean of a few."""
    import torch

    from explorer.training.distributed import World
    from explorer.training.images import TrainingImages
    from explorer.training.regimes import build_regime

    # An aggressive batch is many steps, and how many is not known: one joint step is measured instead.
    em = "joint" if config.training.em == "aggressive" else config.training.em
    training = config.training.model_copy(update={"em": em})
    regime = build_regime(model, config.model_copy(update={"training": training}), World())
    n_in_turn = min(training.encoder_steps, MIN_STEPS) if em == "alternating" else 1
    held: dict[int, TrainingImages] = {}

    def update(n: int) -> float:
        if n not in held:
            held[n] = TrainingImages(_random_images(config, n), training, World())
        started = time.perf_counter()
        for _ in range(n_in_turn):
            regime.update(
                held[n].batch(torch.randperm(n)), training.objective, lambda _: held[n].batch(torch.arange(n))
            )
        return (time.perf_counter() - started) / n_in_turn

    return update


def _validation_seconds(config: RunConfig, model: "LatentModel", n_validation: int) -> float:
    """Return the seconds of a validation, in proportion to one on fewer images."""
    import torch

    from explorer.data.batches import to_unit
    from explorer.training.validation import validate

    objective = config.training.objective
    n = min(n_validation, max(2, VALIDATED // objective.n_samples))
    images = _random_images(config, n)
    x, y = to_unit(torch.from_numpy(images.images)), torch.from_numpy(images.labels)
    started = time.perf_counter()
    validate(model, x.round() if config.is_binary else x, y, objective, seed=0)
    return (time.perf_counter() - started) * n_validation / n


def _random_images(config: RunConfig, n: int) -> ImageSplit:
    rng = np.random.default_rng(0)
    classes = range(config.model.n_classes or 1)
    return ImageSplit(
        name=config.training.data,
        part="train",
        images=rng.integers(0, 256, (n, *config.model.image_shape), np.uint8),
        labels=rng.integers(len(classes), size=n),
        class_names=tuple(str(label) for label in classes),
    )


def main() -> None:
    """Answer each request, a line on standard input, with a line on standard output, until there are no more."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            config = RunConfig.model_validate(request["config"])
            answer: dict[str, Any] = asdict(estimate(config, request["n_train"], request["n_validation"]))
        except ExplorerError as error:
            answer = {"error": str(error)}
        try:
            print(json.dumps(answer), flush=True)
        except BrokenPipeError:  # who asked is gone
            os._exit(0)


if __name__ == "__main__":
    main()
