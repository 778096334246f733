"""What several tests need: models with an exact answer, small configurations, images and runs."""

import json
import math
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from explorer.analysis.coding import encode_split
from explorer.analysis.records import EncodedSet
from explorer.data.catalogue import data_set, load_split
from explorer.data.images import ImageSplit
from explorer.models.build import build_model
from explorer.models.config import ModelConfig
from explorer.models.distributions import DiagonalNormal, standard_normal
from explorer.models.latent_model import LatentModel
from explorer.models.likelihoods import GaussianLikelihood
from explorer.runs.config import RunConfig, TrainingConfig
from explorer.runs.run import Run
from explorer.training.jobs import TrainingJobs
from explorer.training.trainer import Trainer, initial_model

# Networks this small gain nothing from a second thread, which would wait for a core where the machine is busy.
torch.set_num_threads(1)

# Read from text, in 50 ms, at every loading of the data set: once is enough. Nobody changes the arrays in place.
sklearn.datasets.load_digits = cache(sklearn.datasets.load_digits)
for _array in ("data", "images", "target"):
    sklearn.datasets.load_digits()[_array].flags.writeable = False


STANDARD_PRIORS: dict[str, Any] = {
    "normal": stats.norm(),
    "laplace": stats.laplace(),
    "logistic": stats.logistic(),
    "student-t": stats.t(5),
    "uniform": stats.uniform(-1, 2),
    "triangular": stats.triang(0.5, -1, 2),
    "exponential": stats.expon(),
    "weibull": stats.expon(),
    "gumbel": stats.gumbel_r(),
    "rayleigh": stats.rayleigh(),
    "kumaraswamy": stats.uniform(),
    "log-normal": stats.lognorm(1),
    "gamma": stats.expon(),
    "beta": stats.uniform(),
}
"""scipy's form of the matching prior of each family whose dimensions are independent."""


class LinearImages(nn.Module):
    """z -> W z + m as images ``(B, 1, 1, D)``; a decoder without a hidden layer."""

    def __init__(self, weight: Tensor, mean: Tensor) -> None:
        super().__init__()
        self.weight, self.mean = nn.Parameter(weight), nn.Parameter(mean)

    def forward(self, z: Tensor, y: Tensor | None) -> Tensor:
        return (z @ self.weight.T + self.mean)[..., None, None, :]


class LinearGaussian(LatentModel):
    """Probabilistic PCA: p(z) = N(0, I), p(x|z) = N(W z + m, s^2 I), with its exact posterior for an encoder.

    The columns of W are orthogonal, so the posterior N(M^-1 W^T (x - m), s^2 M^-1), M = W^T W + s^2 I, is diagonal.

    Source: Tipping & Bishop (1999), Probabilistic Principal Component Analysis, equations 5-8.
    """

    def __init__(self, weight: Tensor, mean: Tensor, sigma: float) -> None:
        nn.Module.__init__(self)
        self.sigma = sigma
        self.decoder = LinearImages(weight, mean)
        self.likelihood = GaussianLikelihood(sigma)

    @classmethod
    def example(cls) -> "LinearGaussian":
        """Two latent dimensions behind five pixels, in float64."""
        generator = torch.Generator().manual_seed(3)
        orthonormal, _ = torch.linalg.qr(torch.randn(5, 2, generator=generator, dtype=torch.float64))
        weight = orthonormal * torch.tensor([1.7, 0.4], dtype=torch.float64)
        return cls(weight, torch.randn(5, generator=generator, dtype=torch.float64), sigma=0.6)

    n_posterior_parameters = 0

    def posterior(self, parameters: Tensor) -> DiagonalNormal:
        raise NotImplementedError

    def prior(self, y: Tensor | None = None) -> DiagonalNormal:
        return standard_normal(self.decoder.weight.new_zeros(self.decoder.weight.shape[1]))

    def encode(self, x: Tensor, y: Tensor | None = None) -> DiagonalNormal:
        weight, mean = self.decoder.weight, self.decoder.mean
        precision = weight.square().sum(0) + self.sigma**2
        mu = (x.flatten(1) - mean) @ weight / precision
        return DiagonalNormal(mu, (self.sigma**2 / precision).log().expand_as(mu))

    def log_evidence(self, x: Tensor) -> Tensor:
        """Exact log p(x) in nats, shape ``(B,)``."""
        weight, mean = self.decoder.weight, self.decoder.mean
        covariance = weight @ weight.T + self.sigma**2 * torch.eye(len(mean), dtype=mean.dtype)
        return MultivariateNormal(mean, covariance).log_prob(x.flatten(1))

    def expected_log_likelihood(self, q: DiagonalNormal, x: Tensor) -> Tensor:
        """Exact E_q[log p(x|z)] in nats, shape ``(B,)``."""
        error = x.flatten(1) - q.mu @ self.decoder.weight.T - self.decoder.mean
        spread = (q.variance * self.decoder.weight.square().sum(0)).sum(-1)
        n_pixels = error.shape[1]
        return -(error.square().sum(-1) + spread) / (2 * self.sigma**2) - n_pixels / 2 * math.log(
            2 * math.pi * self.sigma**2
        )


class LinearVAE(LatentModel):
    """A VAE whose encoder and decoder are linear: its optimum is known (probabilistic PCA)."""

    def __init__(self, n_pixels: int, latent_dim: int, sigma: float) -> None:
        nn.Module.__init__(self)
        self.mu = nn.Linear(n_pixels, latent_dim)
        self.log_var = nn.Parameter(torch.zeros(latent_dim))
        self.decoder = LinearImages(0.3 * torch.randn(n_pixels, latent_dim), torch.zeros(n_pixels))
        self.likelihood = GaussianLikelihood(sigma)

    n_posterior_parameters = 0

    def posterior(self, parameters: Tensor) -> DiagonalNormal:
        raise NotImplementedError

    def prior(self, y: Tensor | None = None) -> DiagonalNormal:
        return standard_normal(torch.zeros_like(self.log_var))

    def encode(self, x: Tensor, y: Tensor | None = None) -> DiagonalNormal:
        mu = self.mu(x.flatten(1))
        return DiagonalNormal(mu, self.log_var.expand_as(mu))


for _final in (LinearGaussian, LinearVAE):
    # Neither asks about classes: both take decode() from LatentModel, which looks at needs_label alone.
    assert not _final.needs_label


def digits(part: str, n: int | None = None) -> ImageSplit:
    """The first ``n`` images of a part of the bundled digits."""
    split = load_split("digits", part)
    return split if n is None else split.head(n)


def model_config(family: str = "vae", **changes: Any) -> ModelConfig:
    """A small model of 1 x 8 x 8 images."""
    settings = {"image_shape": (1, 8, 8), "latent_dim": 2, "hidden": (16,), "network": "dense"} | changes
    return ModelConfig(family=family, n_classes=10 if family == "cvae" else None, **settings)


def run_config(family: str = "vae", **changes: Any) -> RunConfig:
    """A small run on digits; ``changes`` may be fields of the model or of the training."""
    training = {name: changes.pop(name) for name in TrainingConfig.model_fields if name in changes}
    training = {"data": "digits", "epochs": 2, "batch_size": 64, "learning_rate": 1e-2} | training
    return RunConfig(model=model_config(family, **changes), training=training)


def new_run(path: Path, family: str = "vae", **changes: Any) -> Run:
    """A run with untrained weights, the same at every call."""
    config = run_config(family, **changes)
    torch.manual_seed(0)
    return Run.create(path, config, build_model(config.model).state_dict())


def fresh_run(path: Path, config: RunConfig, train: ImageSplit) -> Run:
    """A run as the command line makes it before training."""
    return Run.create(path, config, initial_model(config, train).state_dict())


def trained_run(path: Path, family: str = "vae", **changes: Any) -> Run:
    """A run trained for two epochs on digits, with the first 60 test images encoded."""
    run = fresh_run(path, run_config(family, **changes), digits("train"))
    Trainer(run, digits("train"), digits("validation")).fit()
    encode_run(run)
    return run


def encode_run(run: Run) -> None:
    """Store the first 60 test images as codes."""
    split = digits("test", 60)
    run.save_encoded(encode_split(run.model(), split, is_binary=run.config.is_binary, fingerprint=run.fingerprint()))


def end_training(checkpoints: Path, seconds: float = 60) -> None:
    """End what trains or waits in a folder of runs, also a process that has not taken its run yet."""
    jobs = TrainingJobs(checkpoints)
    active = [status.name for status in jobs.all() if status.state.is_active]
    for name in active:  # the queue first, or its next one begins
        jobs.stop(name)
    deadline = time.monotonic() + seconds
    while any(jobs.status(name).state.is_active for name in active):
        assert time.monotonic() < deadline, active
        time.sleep(0.1)


def scattered_run(path: Path, n: int, **changes: Any) -> Run:
    """A run with untrained weights and ``n`` made-up codes in clouds, one for each class of its data set."""
    run = new_run(path, **changes)
    n_classes, latent_dim = len(data_set(run.config.training.data).class_names), run.config.model.latent_dim
    rng = np.random.default_rng(0)
    labels = rng.integers(n_classes, size=n)
    centres = rng.normal(scale=1.5, size=(n_classes, latent_dim))
    mu = (centres[labels] + 0.6 * rng.normal(size=(n, latent_dim))).astype(np.float32)
    save_codes(run, mu, labels)
    return run


def save_codes(run: Run, mu: NDArray[np.float32], labels: NDArray[np.int64], **columns: Any) -> None:
    """Store ``mu``, shape ``(N, L)``, as the encoded set of ``run``, with made-up terms of the bound."""
    rng = np.random.default_rng(1)
    settings = {
        "log_var": None if run.config.model.family == "ae" else np.full_like(mu, -3),
        "reconstruction": rng.gamma(20, 1, len(mu)).astype(np.float32),
        "kl": np.square(mu).sum(axis=1) / 2,
    } | columns
    run.save_encoded(EncodedSet(mu=mu, labels=labels, fingerprint=run.fingerprint(), **settings))


def mp4_frames(content: bytes) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Frames ``(T, H, W, 3)`` of an MP4, and what its reader tells of it."""
    import imageio.v3 as iio

    with warnings.catch_warnings():
        # The reader leaves the pipes to its ffmpeg to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        told = iio.immeta(content, plugin="FFMPEG", extension=".mp4")
        return iio.imread(content, plugin="FFMPEG", extension=".mp4"), told


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Keep everybody, root included, from making and removing files in ``folder`` within the block."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    done = subprocess.run(["chattr", "+i", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing is read-only to root here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", folder], check=True)


def run_node(code: str, *options: str) -> str:
    """Return what the module ``code`` prints under Node.js."""
    node = shutil.which("node")
    if node is None:
        # The app needs no Node.js; EXPLORER_REQUIRED_TESTS makes this skip fail where checks run.
        pytest.skip("no Node.js on this machine")
    command = [node, *options, "--input-type=module", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_node(code: str, expression: str) -> Any:
    """Return the value of a JavaScript ``expression`` after the module ``code``, by way of JSON."""
    return json.loads(run_node(f"{code}\nconsole.log(JSON.stringify({expression}));"))
