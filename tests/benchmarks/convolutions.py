"""Images a second in training a convolutional model, beside the bare convolutions of its layers. A part of a training.

Run: python -m tests.benchmarks.convolutions [--images 1024]. Prints JSON lines. The images are noise of 28x28 and of
64x64x3: no data set of the latter is at hand, and time does not depend on what is on them. Ours is a training step by
the trainer, as its history tells images a second; the rival runs each of the model's layers forward and back, with
inputs of the same shapes and memory format and nothing between them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from explorer.data.images import ImageSplit
from explorer.jobs.this_process import keep_memory, wait_briefly
from explorer.locations import ROOT
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.training.trainer import Trainer, initial_model
from tests.benchmarks.report import report

SHAPES = {"28x28": (1, 28, 28), "64x64x3": (3, 64, 64)}
BATCH, LATENT, CHANNELS, EPOCHS, ROUNDS = 128, 16, (32, 64, 128), 3, 2
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
SECONDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--part", nargs=2, metavar=("WHAT", "SHAPE"), help="Only this, in this process.")
    arguments = parser.parse_args()
    if arguments.part is not None:
        keep_memory()  # as the command does
        what, shape = arguments.part
        measured = {"training": training, "layers": bare_layers}[what]
        print(json.dumps(measured(SHAPES[shape], arguments.images)))
        return
    wait_briefly()  # in the processes below, as the command has it
    for shape in SHAPES:
        ours: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            ours += _in_a_fresh_process("training", shape, arguments.images)
            bare += _in_a_fresh_process("layers", shape, arguments.images)
        report(
            f"training, convolutional, {shape}, batch {BATCH}: 1,000 images",
            "s",
            ours,
            beside="the bare layers",
            rival=bare,
            goal="at most 1.5 times",
        )


def _in_a_fresh_process(what: str, shape: str, n_images: int) -> list[float]:
    command = [sys.executable, "-m", "tests.benchmarks.convolutions", "--part", what, shape, "--images", str(n_images)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=SECONDS)
    seconds: list[float] = json.loads(done.stdout)
    return seconds


def configuration(image_shape: tuple[int, int, int]) -> RunConfig:
    """Return the model that is trained, on images of that shape."""
    return RunConfig.model_validate(
        {
            "model": {"image_shape": image_shape, "latent_dim": LATENT, "network": "conv", "hidden": CHANNELS},
            "training": {"data": "noise", "epochs": EPOCHS, "batch_size": BATCH},
        }
    )


def noise(n_images: int, image_shape: tuple[int, int, int]) -> ImageSplit:
    """Return images of noise, all of one class."""
    images = np.random.default_rng(0).integers(0, 256, (n_images, *image_shape), dtype=np.uint8)
    labels = np.zeros(n_images, np.int64)
    return ImageSplit(name="noise", part="train", images=images, labels=labels, class_names=("0",))


def training(image_shape: tuple[int, int, int], n_images: int) -> list[float]:
    """Return the seconds that 1,000 images took in each epoch; the first one, in which all is new, is left out."""
    split = noise(n_images, image_shape)
    config = configuration(image_shape)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "benchmark", config, initial_model(config, split).state_dict())
        Trainer(run, split, split).fit()
        return [1000 / record["images_per_second"] for record in run.history()[1:]]


def bare_layers(image_shape: tuple[int, int, int], n_images: int) -> list[float]:
    """Return the seconds of the layers of all batches, 1,000 images' worth of them, forward and back."""
    config = configuration(image_shape)
    split = noise(1, image_shape)
    model = initial_model(config, split)
    calls: list[tuple[nn.Module, torch.Tensor, torch.Tensor]] = []

    def note(layer: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        is_first = not calls  # images need no gradient
        calls.append((layer, torch.randn_like(inputs[0]).requires_grad_(not is_first), torch.randn_like(output)))

    for layer in model.modules():
        if isinstance(layer, LAYERS):
            layer.register_forward_hook(note)
    x = torch.rand(BATCH, *image_shape)
    with torch.no_grad():
        model.decode(model.encode(x).mean)
    for layer, *_ in calls:
        layer._forward_hooks.clear()  # each is called many times below, and noted once
    n_steps = -(-n_images // BATCH)
    return [_layers(calls, n_steps) * 1000 / n_images for _ in range(EPOCHS)][1:]


def _layers(calls: list[tuple[nn.Module, torch.Tensor, torch.Tensor]], n_steps: int) -> float:
    started = time.perf_counter()
    for _ in range(n_steps):
        for layer, x, gradient in calls:
            for tensor in (x, *layer.parameters()):
                tensor.grad = None
            layer(x).backward(gradient)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
