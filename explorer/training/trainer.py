"""The training loop: images in memory, noise from seeds, nothing read back from the device within an epoch.

What it leaves on disk is written by the run. After every epoch, and when it is stopped, the run can be loaded, and
gone on with to the same bits as if it had never stopped (on the CPU).
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.data.batches import NOISE_STREAM, evaluation_pixels, permutation, seeded, stream_seed
from explorer.data.images import ImageSplit
from explorer.errors import TrainingError
from explorer.files import clear_unfinished
from explorer.models.build import build_model
from explorer.models.latent_model import LatentModel
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.training.distributed import World
from explorer.training.images import TrainingImages
from explorer.training.optimisers import learning_rate_at
from explorer.training.recording import Recorder
from explorer.training.regimes import build_regime, optimiser_tensors, restore_optimisers
from explorer.training.validation import validate

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
        figures: means of the epoch so far, by name: the objective in nats per image, or a GAN's two losses.
        images_per_second: since training began or went on.
        seconds_left: estimate to the end of the last epoch.
    """

    epoch: int
    step: int
    steps_per_epoch: int
    figures: dict[str, float]
    images_per_second: float
    seconds_left: float


def never() -> bool:
    """Return False: do not stop."""
    return False


def ignore(_: object) -> None:
    """Take note of nothing."""


def save_anyway() -> None:
    """Check nothing before a save."""


def initial_model(config: RunConfig, train: ImageSplit, start: Mapping[str, Tensor] | None = None) -> LatentModel:
    """Return the model that training starts from: weights by the seed, output bias at the training mean.

    Raises:
        ConfigError: if ``start``, weights of another run, is given and its decoder does not fit.
    """
    with seeded(config.training.seed):
        model = build_model(config.model)
    mean = torch.from_numpy(train.images.mean(axis=0, dtype="float64") / 255).to(torch.float32)
    model.start_at_mean(mean)
    if start is not None:
        model.start_with_decoder(start)
    return model


class Trainer:
    """Trains the model of one run, alone or as one of the processes of a world.

    Every process computes its share of each batch. The first one validates, writes and reports; the others follow.

    Attributes:
        before_save: is called in the first process before it writes; what it raises ends training with nothing written.
    """

    def __init__(
        self,
        run: Run,
        train: ImageSplit,
        validation: ImageSplit,
        *,
        world: World | None = None,
        on_progress: Callable[[TrainingProgress], None] = ignore,
        on_epoch: Callable[[dict[str, Any]], None] = ignore,
    ) -> None:
        """Prepare to train, or to go on where the run's state stands; without a ``world``, alone on the CPU.

        Raises:
            TrainingError: if the images are not of the model's shape, or the classes more than it knows.
        """
        self.run, self.config, self._world = run, run.config, world or World()
        self.device = self._world.device
        _check_fits(self.config, train)
        self._on_progress, self._on_epoch = on_progress, on_epoch
        self.before_save: Callable[[], None] = save_anyway
        self._images = TrainingImages(train, self.config.training, self._world)
        self._validation = (
            evaluation_pixels(torch.from_numpy(validation.images), is_binary=self.config.is_binary).to(self.device),
            torch.from_numpy(validation.labels).to(self.device),
        )
        self.model = initial_model(self.config, train, run.start()).to(self.device)
        self._regime = build_regime(self.model, self.config, self._world)
        # This process's part of the epoch's sums, and the images in it.
        self._sums = torch.zeros(len(self._regime.quantities), dtype=torch.float64, device=self.device)
        self._n_summed = 0
        self.epoch, self.step_in_epoch = 0, 0
        self.best: float | None = None
        self._seconds = 0.0
        self._recorder: Recorder | None = None
        if self._world.is_first:
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
        self._begin_recording()
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            try:
                while self.epoch < self.config.training.epochs:
                    if self._run_epoch(stop):
                        return StopReason.STOPPED
            # The second is of a covariance that is no longer one.
            except (_DivergedError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]  # torch does export it
                if self._world.is_first:
                    self.before_save()
                    self.run.note_divergence(self.epoch + 1)
                return StopReason.DIVERGED
        return StopReason.FINISHED

    def _begin_recording(self) -> None:
        if not self._world.is_first or self.epoch >= self.config.training.epochs:
            return
        self._recorder = Recorder(self.run, *self._validation, epoch=self.epoch)
        if self.step_in_epoch == 0 and not self._recorder.has(self.epoch):
            self._recorder.record(self.model, self.epoch)

    def _run_epoch(self, stop: Callable[[], bool]) -> bool:
        """Train to the end of the epoch, or until ``stop()``; return whether it was stopped before the last."""
        started = time.perf_counter() - self._seconds
        batches = permutation(len(self._images), self.config.training.seed, self.epoch).to(self.device)
        self.model.train()
        for rows in torch.split(batches, self.config.training.batch_size)[self.step_in_epoch :]:
            self._train_on(rows)
            if self.step_in_epoch % DIVERGENCE_CHECK_STEPS == 0:
                self._check_finite()
            self._report(len(rows))
            if self._world.agree(stop()) and self.step_in_epoch < self.steps_per_epoch:
                self._check_finite()
                self._seconds = time.perf_counter() - started
                self._save_stopped()
                return True
        self._check_finite()
        images_per_second = len(self._images) / (time.perf_counter() - started)
        training = self.config.training
        validation = self._world.from_first(
            lambda: validate(self.model, *self._validation, training.objective, seed=training.seed)
        )
        if not all(math.isfinite(validation[name]) for name in self._regime.quantities if name in validation):
            raise _DivergedError
        self._regime.end_epoch(validation)
        # What else is no number (the information of codes that are too far apart) is left out, and ends nothing.
        validation = {name: figure for name, figure in validation.items() if np.isfinite(figure).all()}
        self._finish_epoch(started, images_per_second, validation)
        return self._world.agree(stop()) and self.epoch < training.epochs

    def _train_on(self, rows: Tensor) -> None:
        training, step = self.config.training, self._global_step
        now = step / self.steps_per_epoch
        self._regime.set_learning_rate(learning_rate_at(now, training))
        torch.manual_seed(stream_seed(training.seed, NOISE_STREAM, step))
        batch = self._images.batch(rows)
        objective = training.objective.at(now)
        self._sums += self._regime.update(batch, objective, lambda index: self._images.fresh_batch(step, index))
        self._n_summed += len(batch.x)
        self.step_in_epoch += 1

    @property
    def _global_step(self) -> int:
        return self.epoch * self.steps_per_epoch + self.step_in_epoch

    def _finish_epoch(self, started: float, images_per_second: float, validation: dict[str, Any]) -> None:
        train = self._means(self._world.sum(self._sums), len(self._images))
        self.epoch, self.step_in_epoch = self.epoch + 1, 0
        self._seconds = time.perf_counter() - started
        record: dict[str, Any] = {
            "epoch": self.epoch,
            "seconds": round(self._seconds, 3),
            "images_per_second": round(images_per_second, 1),  # of training alone: without validation and saving
            "train": train,
            "validation": validation,
        }
        if self.config.model.has_bound:
            record["beta"] = self.config.training.objective.at(self.epoch - 1).beta  # as the epoch began
        record |= self._regime.numbers()
        # A GAN has no objective that would say which epoch was best: the last one is kept.
        score = validation.get("objective")
        is_best = score is None or self.best is None or score > self.best
        self.best = score if is_best else self.best
        self._sums.zero_()
        self._n_summed = 0
        self._seconds = 0.0
        # Order matters for a crash in between: history and timeline may run ahead of the state, and are cut back when
        # going on.
        if self._world.is_first:
            self.before_save()
            self.run.save_history([*self._history_so_far(), record])
            if is_best:
                self.run.save_weights(self.model.state_dict())
        if self._recorder is not None:
            self._recorder.record(self.model, self.epoch)
        self._save_state()
        self._on_epoch(record)

    def _history_so_far(self) -> list[dict[str, Any]]:
        return [record for record in self.run.history() if record["epoch"] < self.epoch]

    def _means(self, sums: Tensor, n_images: int) -> dict[str, float]:
        """Means over ``n_images`` of the quantities that the regime sums, and the ELBO where the model has one."""
        means = dict(zip(self._regime.quantities, (sums / n_images).tolist(), strict=True))
        if self.config.model.has_bound:
            means["elbo"] = means["log_likelihood"] - means["kl"]
        return means

    def _check_finite(self) -> None:
        is_finite = all(bool(tensor.isfinite().all()) for tensor in (self._sums, *self.model.parameters()))
        if self._world.any(not is_finite):
            raise _DivergedError

    def _report(self, n_images: int) -> None:
        if not self._clock.tick(n_images):
            return
        steps_left = self.config.training.epochs * self.steps_per_epoch - self._global_step
        progress = TrainingProgress(
            epoch=self.epoch + 1,
            step=self.step_in_epoch,
            steps_per_epoch=self.steps_per_epoch,
            figures=self._means(self._sums, self._n_summed),  # of this process's share
            images_per_second=self._clock.rate,
            seconds_left=steps_left * self.config.training.batch_size / self._clock.rate,
        )
        self._on_progress(progress)

    # State

    def _save_stopped(self) -> None:
        self._save_state()
        if self.best is None and self._world.is_first:
            self.run.save_weights(self.model.state_dict())

    def _save_state(self) -> None:
        sums = self._world.sum(self._sums)
        if not self._world.is_first:
            return
        self.before_save()
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(self._regime).items()}
        numbers = {
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "sums": sums.tolist(),
            "best": self.best,
            "seconds": self._seconds,
            "regime": self._regime.numbers(),
        }
        self.run.save_state(tensors, numbers)

    def _resume(self) -> None:
        stored = self.run.state()
        if stored is None:
            return
        tensors, numbers = stored
        try:
            self.model.load_state_dict(_under("model.", tensors))
            restore_optimisers(self._regime, _under("optimiser.", tensors))
            self._regime.restore(numbers["regime"])
            self.epoch, self.step_in_epoch = int(numbers["epoch"]), int(numbers["step_in_epoch"])
            self.best, self._seconds = numbers["best"], float(numbers["seconds"])
            sums = torch.tensor(numbers["sums"], dtype=torch.float64)
            if self._world.is_first:  # the others begin with nothing: it is the sum over processes that counts
                self._sums.copy_(sums)
                self._n_summed = min(self.step_in_epoch * self.config.training.batch_size, len(self._images))
        except (RuntimeError, KeyError, TypeError, ValueError, TrainingError) as error:
            raise TrainingError(
                f"{self.run.path / 'state.safetensors'} does not fit config.json ({error}). "
                "Delete it to train this run again from the start."
            ) from error


class _DivergedError(Exception):
    """The objective, or a weight, is no longer a number."""


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


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


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
