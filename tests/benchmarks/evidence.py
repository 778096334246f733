"""Seconds to estimate log p(x) with k samples, beside loops over images and samples, pythae's, and its arithmetic.

Run: python -m tests.benchmarks.evidence [--run mnist-vae-2d] [--samples 5 50]. Prints JSON lines. All draw as many
samples for the same binarised test images. One loop takes an image with its k samples at a time, the other a sample at
a time. The more samples an image has, the more of the first loop's time is the arithmetic that nobody can save.

With 5,000 samples pythae estimates the same of a model of 784-400-20, in its own environment, and the decoder's bare
matrix products for as many codes are beside it.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import torch

from explorer.data.batches import evaluation_pixels
from explorer.data.catalogue import load_split
from explorer.locations import CHECKPOINTS
from explorer.models.build import build_model
from explorer.models.config import ModelConfig
from explorer.models.latent_model import LatentModel
from explorer.objectives.importance import MAX_DECODED, estimate_evidence
from explorer.runs.listing import open_run
from tests.benchmarks.peers import pythae
from tests.benchmarks.report import report

BATCH, ROUNDS = 200, 3
MANY, FEW_IMAGES, HIDDEN, LATENT, PIXELS = 5000, 20, 400, 20, 784


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="mnist-vae-2d")
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 5, 50])
    parser.add_argument("--images", type=int, default=500)
    arguments = parser.parse_args()
    run = open_run(arguments.run, CHECKPOINTS)
    split = load_split(run.config.training.data, "test").head(arguments.images)
    x, model = evaluation_pixels(torch.from_numpy(split.images), is_binary=True), run.model()
    for n_samples in arguments.samples:
        _beside_loops(model, x, n_samples)
    _beside_pythae(split.images[:FEW_IMAGES], x[:FEW_IMAGES])


def _beside_loops(model: LatentModel, x: torch.Tensor, n_samples: int) -> None:
    ours = [_seconds(model, x, n_samples, BATCH, MAX_DECODED) for _ in range(ROUNDS)]
    what = f"log p(x) by k = {n_samples:,} samples, {len(x)} images"
    by_image = [_seconds(model, x, n_samples, 1, 1000)]
    report(what, "s", ours, beside="an image with its samples at a time", rival=by_image)
    report(f"{what}, too", "s", ours, beside="a sample at a time", rival=[_seconds(model, x, n_samples, 1, 1)])


def _seconds(model: LatentModel, x: torch.Tensor, n_samples: int, size: int, max_decoded: int) -> float:
    started = time.perf_counter()
    for part in torch.split(x, size):
        estimate_evidence(model, part, n_samples=n_samples, max_decoded=max_decoded)
    return time.perf_counter() - started


def _beside_pythae(images: np.ndarray, x: torch.Tensor) -> None:
    model = build_model(ModelConfig(image_shape=(1, 28, 28), latent_dim=LATENT, hidden=(HIDDEN,)))
    ours = [_seconds(model, x, MANY, len(x), MAX_DECODED) / len(x) for _ in range(ROUNDS)]
    theirs = pythae("log-px", images.reshape(-1, 28, 28), samples=MANY, hidden=HIDDEN, latent=LATENT)
    what = f"log p(x) of an image by k = {MANY:,} samples, 784-400-20"
    report(what, "s", ours, beside="pythae 0.1.2", rival=theirs)
    report(f"{what}, too", "s", ours, beside="its bare matrix products", rival=list(_products()))


def _products() -> Iterator[float]:
    """Yield the seconds of the decoder's products for all codes of an image, by as many at a time as we decode."""
    z, first = torch.randn(MAX_DECODED, LATENT), torch.randn(HIDDEN, LATENT)
    h, last = torch.randn(MAX_DECODED, HIDDEN), torch.randn(PIXELS, HIDDEN)
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(FEW_IMAGES * MANY // MAX_DECODED):
            torch.mm(z, first.T)
            torch.mm(h, last.T)
        yield (time.perf_counter() - started) / FEW_IMAGES


if __name__ == "__main__":
    main()
