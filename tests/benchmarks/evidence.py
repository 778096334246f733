"""Seconds to estimate log p(x) with k samples, beside a loop that takes one image at a time.

Run: python -m tests.benchmarks.evidence [--run mnist-vae-16d] [--samples 5 50]. Prints JSON lines. All draw as many
samples for the same binarised test images. One loop takes an image with its k samples at a time, the other a sample at
a time. The more samples an image has, the more of the first loop's time is the arithmetic that nobody can save.
"""

import argparse
import json
import time

import torch

from explorer.data.batches import evaluation_pixels
from explorer.data.catalogue import load_split
from explorer.locations import CHECKPOINTS
from explorer.models.latent_model import LatentModel
from explorer.objectives.importance import MAX_DECODED, estimate_evidence
from explorer.runs.listing import open_run

BATCH = 200


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
        _compare(model, x, n_samples)


def _compare(model: LatentModel, x: torch.Tensor, n_samples: int) -> None:
    seconds = {}
    for what, size, chunk in (("in batches", BATCH, MAX_DECODED), ("image by image", 1, 1000), ("one by one", 1, 1)):
        started = time.perf_counter()
        bounds = [
            estimate_evidence(model, part, n_samples=n_samples, max_decoded=chunk).log_px
            for part in torch.split(x, size)
        ]
        seconds[what] = time.perf_counter() - started
        mean = round(float(torch.cat(bounds).mean()), 2)
        print(json.dumps({"k": n_samples, "what": what, "seconds": round(seconds[what], 3), "log_px": mean}))
    for rival in ("image by image", "one by one"):
        ratio = round(seconds[rival] / seconds["in batches"], 2)
        print(json.dumps({"k": n_samples, "ratio": f"times faster than {rival}", "value": ratio}))


if __name__ == "__main__":
    main()
