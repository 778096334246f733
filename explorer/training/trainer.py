"""The training loop: images in memory, noise from seeds, nothing read back from the device within an epoch.

What it leaves on disk is written by the run. After every epoch, and when it is stopped, the run can be loaded, and
gone on with to the same bits as if it had never stopped (on the CPU).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from explorer.data.batches import NOISE_STREAM, binarise, evaluation_pixels, permutation, seeded, stream_seed, to_unit
from explorer.data.images import ImageSplit
from explorer.errors import TrainingError
from explorer.models.latent_model import LatentModel, build_model
from explorer.objectives.elbo import elbo_terms
from explorer.runs.config import RunConfig
from explorer.runs.files import clear_unfinished
from explorer.runs.run import Run
from explorer.training.step import TrainingStep

VALIDATION_BATCH = 1000
DIVERGENCE_CHECK_STEPS = 100
PROGRESS_SECONDS = 0.25


class StopReason(Enum):
    """Why training ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    DIVERGED = "diverged"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingProgress:
    """Where training stands, a few times a second.

    Attributes:
        epoch: the epoch under way, from 1.
        step: steps done in it.
        steps_per_epoch: steps of an epoch.
        objective: mean training objective of the epoch so far, nats per image.
        images_per_second: since training began or went on.
        seconds_left: estimate to the end of the last epoch.
    """

    epoch: int
    step: int
    steps_per_epoch: int
    objective: float
    images_per_second: float
    seconds_left: float


def never() -> bool:
    """Return False: do not stop."""
    return False


def ignore(_: object) -> None:
    """Take note of nothing."""


def usable_device(name: str) -> torch.device:
    """Return the device called ``name`` (cpu, cuda, cuda:1, mps).

    Raises:
        TrainingError: if this machine does not have it.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        n_gpus = torch.cuda.device_count()
        raise TrainingError(
            f"There is no device {name!r}: this machine has the cpu and {n_gpus} CUDA devices."
        ) from error
    return device


def initial_model(config: RunConfig, train: ImageSplit) -> LatentModel:
    """Return the model that training starts from: weights by the seed, output bias at the training mean."""
    with seeded(config.training.seed):
        model = build_model(config.model)
    mean = torch.from_numpy(train.images.mean(axis=0, dtype="float64") / 255).to(torch.float32)
    model.start_at_mean(mean)
    return model


class Trainer:
    """Trains the model of one run on one device."""

    def __init__(
        self,
        run: Run,
        train: ImageSplit,
        validation: ImageSplit,
        *,
        device: str = "cpu",
        on_progress: Callable[[TrainingProgress], None] = ignore,
        on_epoch: Callable[[dict[str, Any]], None] = ignore,
    ) -> None:
        """Prepare to train, or to go on where the run's state stands.

        Raises:
            TrainingError: if the images are not of the model's shape, the classes more than it knows, or the device
                is not there.
        """
        self.run, self.config, self.device = run, run.config, usable_device(device)
        _check_fits(self.config, train)
        self._on_progress, self._on_epoch = on_progress, on_epoch
        self._images = torch.from_numpy(train.images).to(self.device)
        self._labels = torch.from_numpy(train.labels).to(self.device)
        self._pixels = self._fixed_pixels(self._images)
        self._validation = (
            evaluation_pixels(torch.from_numpy(validation.images), is_binary=self.config.is_binary).to(self.device),
            torch.from_numpy(validation.labels).to(self.device),
        )
        self.model = initial_model(self.config, train).to(self.device)
        self._step = TrainingStep(self.model, self.config.training.objective)
        self._optimiser = torch.optim.Adam(
            self.model.parameters(), lr=self.config.training.learning_rate, fused=self.device.type in {"cpu", "cuda"}
        )
        self._sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        self.epoch, self.step_in_epoch = 0, 0
        self.best: float | None = None
        self._seconds = 0.0
        clear_unfinished(run.path)
        self._resume()

    @property
    def steps_per_epoch(self) -> int:
        """Steps that show every training image once; the last batch may be smaller."""
        return math.ceil(len(self._images) / self.config.training.batch_size)

    def fit(self, stop: Callable[[], bool] = never) -> StopReason:
        """Train to the last epoch, or until ``stop()`` is true or the objective is no longer a number.

        When it diverges, what the run holds is that of the last epoch that was good.
        """
        self._clock = _Clock()
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            while self.epoch < self.config.training.epochs:
                reason = self._run_epoch(stop)
                if reason is not StopReason.FINISHED:
                    return reason
        return StopReason.FINISHED

    def _run_epoch(self, stop: Callable[[], bool]) -> StopReason:
        started = time.perf_counter() - self._seconds
        batches = permutation(len(self._images), self.config.training.seed, self.epoch).to(self.device)
        self.model.train()
        for rows in torch.split(batches, self.config.training.batch_size)[self.step_in_epoch :]:
            self._train_on(rows)
            if self.step_in_epoch % DIVERGENCE_CHECK_STEPS == 0 and not self._is_finite():
                return StopReason.DIVERGED
            self._report(len(rows))
            if stop() and self.step_in_epoch < self.steps_per_epoch:
                if not self._is_finite():
                    return StopReason.DIVERGED
                self._seconds = time.perf_counter() - started
                self._save_stopped()
                return StopReason.STOPPED
        if not self._is_finite():
            return StopReason.DIVERGED
        validation = self._validate()
        if not math.isfinite(validation["objective"]):
            return StopReason.DIVERGED
        self._finish_epoch(started, validation)
        return StopReason.STOPPED if stop() and self.epoch < self.config.training.epochs else StopReason.FINISHED

    def _train_on(self, rows: Tensor) -> None:
        self._set_learning_rate()
        torch.manual_seed(stream_seed(self.config.training.seed, NOISE_STREAM, self._global_step))
        loss, sums = self._step(self._batch(rows), self._labels[rows])
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()
        self._sums += sums
        self.step_in_epoch += 1

    def _batch(self, rows: Tensor) -> Tensor:
        if self.config.training.binarisation == "per-presentation":
            return binarise(self._images[rows])
        if self._pixels is not None:
            return self._pixels[rows].to(torch.float32)
        return to_unit(self._images[rows])

    def _fixed_pixels(self, images: Tensor) -> Tensor | None:
        """Draw the binary images once, kept as uint8; None unless the binarisation is fixed."""
        if self.config.training.binarisation != "fixed":
            return None
        with seeded(self.config.training.seed):
            return binarise(images).to(torch.uint8)

    @property
    def _global_step(self) -> int:
        return self.epoch * self.steps_per_epoch + self.step_in_epoch

    def _set_learning_rate(self) -> None:
        training = self.config.training
        if training.schedule == "cosine":
            done = self._global_step / (training.epochs * self.steps_per_epoch)
            for group in self._optimiser.param_groups:
                group["lr"] = training.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def _finish_epoch(self, started: float, validation: dict[str, float]) -> None:
        train = _means(self._sums, len(self._images), self.config)
        self.epoch, self.step_in_epoch = self.epoch + 1, 0
        self._seconds = time.perf_counter() - started
        record = {"epoch": self.epoch, "seconds": round(self._seconds, 3), "train": train, "validation": validation}
        score = validation["objective"]
        # Order matters for a crash in between: history may run ahead of the state and is cut back when going on.
        self.run.save_history([*self._history_so_far(), record])
        if self.best is None or score > self.best:
            self.best = score
            self.run.save_weights(self.model.state_dict())
        self._sums.zero_()
        self._seconds = 0.0
        self._save_state()
        self._on_epoch(record)

    def _history_so_far(self) -> list[dict[str, Any]]:
        return [record for record in self.run.history() if record["epoch"] < self.epoch]

    @torch.inference_mode()
    def _validate(self) -> dict[str, float]:
        self.model.eval()
        pixels, labels = self._validation
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        # The same noise after every epoch, so that a change is a change of the model.
        torch.manual_seed(stream_seed(self.config.training.seed))
        for x, y in zip(torch.split(pixels, VALIDATION_BATCH), torch.split(labels, VALIDATION_BATCH), strict=True):
            terms = elbo_terms(self.model, x, y)
            sums += torch.stack([terms.log_likelihood.sum(), terms.kl.sum()])
        return _means(sums, len(pixels), self.config)

    def _is_finite(self) -> bool:
        return all(bool(tensor.isfinite().all()) for tensor in (self._sums, *self.model.parameters()))

    def _report(self, n_images: int) -> None:
        if not self._clock.tick(n_images):
            return
        log_likelihood, kl = self._sums.tolist()
        n = min(self.step_in_epoch * self.config.training.batch_size, len(self._images))
        steps_left = self.config.training.epochs * self.steps_per_epoch - self._global_step
        progress = TrainingProgress(
            epoch=self.epoch + 1,
            step=self.step_in_epoch,
            steps_per_epoch=self.steps_per_epoch,
            objective=(log_likelihood - self.config.training.objective.beta * kl) / n,
            images_per_second=self._clock.rate,
            seconds_left=steps_left * self.config.training.batch_size / self._clock.rate,
        )
        self._on_progress(progress)

    # State

    def _save_stopped(self) -> None:
        self._save_state()
        if self.best is None:
            self.run.save_weights(self.model.state_dict())

    def _save_state(self) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in state.items()}
        numbers = {
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "sums": self._sums.tolist(),
            "best": self.best,
            "seconds": self._seconds,
        }
        self.run.save_state(tensors, numbers)

    def _resume(self) -> None:
        stored = self.run.state()
        if stored is None:
            return
        tensors, numbers = stored
        try:
            self.model.load_state_dict(_under("model.", tensors))
            self._optimiser.load_state_dict(_optimiser_state(self._optimiser, _under("optimiser.", tensors)))
            self.epoch, self.step_in_epoch = int(numbers["epoch"]), int(numbers["step_in_epoch"])
            self.best, self._seconds = numbers["best"], float(numbers["seconds"])
            self._sums.copy_(torch.tensor(numbers["sums"], dtype=torch.float64))
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(
                f"{self.run.path / 'state.safetensors'} does not fit config.json ({error}). "
                "Delete it to train this run again from the start."
            ) from error


class _Clock:
    """Counts images, and says when it is time to report."""

    def __init__(self) -> None:
        self.started = self.reported = time.perf_counter()
        self.n_images = 0
        self.rate = 0.0

    def tick(self, n_images: int) -> bool:
        self.n_images += n_images
        now = time.perf_counter()
        if now - self.reported < PROGRESS_SECONDS:
            return False
        self.reported = now
        self.rate = self.n_images / (now - self.started)
        return True


def _means(sums: Tensor, n: int, config: RunConfig) -> dict[str, float]:
    """Means over ``n`` images of the sums of log_likelihood and kl, in nats, and what they make together."""
    log_likelihood, kl = sums.tolist()
    means = {"log_likelihood": log_likelihood / n, "kl": kl / n}
    if config.model.family != "ae":
        means["elbo"] = means["log_likelihood"] - means["kl"]
    means["objective"] = means["log_likelihood"] - config.training.objective.beta * means["kl"]
    return means


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimiser_state(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> dict[str, Any]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    return {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}


def _check_fits(config: RunConfig, split: ImageSplit) -> None:
    if split.image_shape != config.model.image_shape:
        raise TrainingError(
            f"{split.name} has images of shape {split.image_shape} (channels, height, width); the model was made for "
            f"{config.model.image_shape}. Train on {config.training.data}, or make a new run."
        )
    if config.model.n_classes is not None and split.n_classes > config.model.n_classes:
        raise TrainingError(
            f"{split.name} has {split.n_classes} classes; the model was made for {config.model.n_classes}. "
            "Make a new run."
        )
