"""What is kept of a model after every epoch, so that its latent space can be watched taking shape.

Recording only looks: it draws from a random state of its own, and what training computes is the same to the bit with
it and without it.
"""

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.arrays import Floats, Images
from explorer.analysis.latent.priors import spread_rows
from explorer.analysis.projections.procrustes import epoch_map
from explorer.data.batches import RECORDING_STREAM, seeded
from explorer.models.latent_model import LatentModel
from explorer.runs.run import Run
from explorer.runs.timeline import (
    FOLDER,
    MAX_CODE_NUMBERS,
    MAX_POINTS,
    N_PICTURES,
    N_SAMPLES,
    EpochRecord,
    TimelineSample,
    epoch_path,
    open_for_recording,
    save_epoch,
)

BATCH = 1000


class Recorder:
    """Records epochs of one run: codes of validation images, reconstructions of eight, and samples of the prior."""

    def __init__(self, run: Run, x: Tensor, y: Tensor, *, epoch: int) -> None:
        """Prepare to go on behind ``epoch``; what later epochs left, when training was killed, is removed.

        Args:
            run: the run, whose folder the timeline lies in.
            x: validation images as the model sees them, shape ``(M, C, H, W)``, of which the first are taken.
            y: their classes, shape ``(M,)``.
            epoch: the last that training has done.
        """
        model = run.config.model
        n = min(len(x), MAX_POINTS, MAX_CODE_NUMBERS // model.latent_dim) if model.can_encode else 0
        self._run, self._folder = run, run.path / FOLDER
        self._x, self._y = x[:n], y[:n]
        labels = self._y.cpu().numpy()
        self._shown = torch.from_numpy(spread_rows(labels, N_PICTURES)).to(x.device)
        self._before: Floats | None = None
        sample = TimelineSample(labels=labels, originals=_pixels(self._x[self._shown]))
        open_for_recording(self._folder, sample, epoch)

    def has(self, epoch: int) -> bool:
        """Return whether ``epoch`` is recorded already."""
        return epoch_path(self._folder, epoch).exists()

    def record(self, model: LatentModel, epoch: int) -> None:
        """Store what ``model`` makes of the sample after ``epoch``, or nothing where a code is no number."""
        seed = self._run.config.training.seed
        with torch.inference_mode(), seeded(seed, RECORDING_STREAM):
            was_training = model.training
            model.eval()
            record = self._look(model, epoch)
            model.train(was_training)
        if record.codes is not None and not np.isfinite(record.codes).all():
            return
        save_epoch(self._folder, epoch, record)
        self._before = record.points

    def _look(self, model: LatentModel, epoch: int) -> EpochRecord:
        samples = _prior_samples(model, self._x.device)
        if not len(self._x):
            return EpochRecord(samples=samples)
        batches = zip(torch.split(self._x, BATCH), torch.split(self._y, BATCH), strict=True)
        codes = torch.cat([model.encode(x, y).mean for x, y in batches])
        means = model.decode(codes[self._shown], self._y[self._shown]).mean
        z = codes.cpu().numpy()
        points = epoch_map(z, self._map_before(epoch)) if np.isfinite(z).all() else None
        return EpochRecord(codes=z, points=points, reconstructions=_pixels(means), samples=samples)

    def _map_before(self, epoch: int) -> Floats | None:
        """Return the map of the last epoch recorded before ``epoch``; None of the first."""
        timeline = self._run.timeline() if self._before is None else None
        if timeline is not None and (earlier := [recorded for recorded in timeline.epochs if recorded < epoch]):
            self._before = timeline.record(earlier[-1]).points
        return self._before


def _prior_samples(model: LatentModel, device: torch.device) -> Images | None:
    """Return decoded draws from the prior, of all classes in turn where it needs one; None without a prior."""
    if not model.config.has_prior:
        return None
    n_classes = model.config.n_classes
    y = None if n_classes is None else torch.arange(N_SAMPLES, device=device) % n_classes
    prior = model.prior(y)
    assert prior is not None, "a model whose configuration has a prior has one"
    z = prior.sample() if prior.batch_shape else prior.sample((N_SAMPLES,))
    return _pixels(model.decode(z, y).mean)


def _pixels(images: Tensor) -> Images:
    """Return images in [0, 1] as uint8 of the same shape."""
    pixels: Images = images.clamp(0, 1).mul(255).round().to(torch.uint8).cpu().numpy()
    return pixels
