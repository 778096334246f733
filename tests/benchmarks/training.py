"""Images a second in training, beside a plain PyTorch loop and beside the bare matrix products of the same model.

Run: python -m tests.benchmarks.training [--epochs 3] [--batch-sizes 128 1024]. Prints JSON lines. The model is
784-400-20 on grey MNIST; at batch 128 this is the setting of PyTorch's VAE example, whose loop (torchvision's MNIST,
ToTensor, DataLoader without workers) is the rival. All run in one process, one after the other, the best of several
rounds each.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from explorer.data.catalogue import load_split
from explorer.data.images import ImageSplit
from explorer.locations import DATA
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.training.trainer import Trainer, initial_model

MOST = {128: 3, 1024: 2}
"""Times the bare matrix products that training may take, by batch size."""

HIDDEN, LATENT, PIXELS = 400, 20, 784


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=list(MOST))
    arguments = parser.parse_args()
    train, validation = load_split("mnist", "train"), load_split("mnist", "validation")
    for batch in arguments.batch_sizes:
        ours = min(_our_epochs(train, validation, arguments.epochs, batch))
        rival = min(_plain_epoch(len(train), batch) for _ in range(2))
        products = min(_matrix_products(len(train) // batch + 1, batch) for _ in range(arguments.epochs))
        for name, seconds in (("ours", ours), ("DataLoader + ToTensor", rival), ("bare matrix products", products)):
            _print(batch, what=name, seconds_per_epoch=round(seconds, 3), images_per_second=round(len(train) / seconds))
        _print(batch, ratio="times a DataLoader + ToTensor loop (at least 5)", value=round(rival / ours, 2))
        most = f" (at most {MOST[batch]})" if batch in MOST else ""
        _print(batch, ratio=f"time of the bare matrix products{most}", value=round(ours / products, 2))


def _print(batch: int, **figures: object) -> None:
    print(json.dumps({"batch": batch, **figures}), flush=True)


def _our_epochs(train: ImageSplit, validation: ImageSplit, n_epochs: int, batch: int) -> list[float]:
    """Seconds of each epoch as the run records them: validation and saving included."""
    config = RunConfig.model_validate(
        {
            "model": {"image_shape": train.image_shape, "latent_dim": LATENT, "hidden": [HIDDEN]},
            "training": {"data": train.name, "epochs": n_epochs, "batch_size": batch},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "benchmark", config, initial_model(config, train).state_dict())
        Trainer(run, train, validation).fit()
        return [record["seconds"] for record in run.history()]


class _PlainVAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.mu, self.log_var = (
            nn.Linear(PIXELS, HIDDEN),
            nn.Linear(HIDDEN, LATENT),
            nn.Linear(HIDDEN, LATENT),
        )
        self.back, self.out = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, PIXELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.hidden(x.flatten(1)))
        mu, log_var = self.mu(h), self.log_var(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * log_var)
        x_hat = torch.sigmoid(self.out(F.relu(self.back(z))))
        kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
        return F.binary_cross_entropy(x_hat, x.flatten(1), reduction="sum") + kl


def _plain_epoch(n_images: int, batch: int) -> float:
    """Seconds of one epoch of the same model in the loop of PyTorch's example, on as many images as we train on."""
    model = _PlainVAE()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    images = Subset(MNIST(DATA, train=True, transform=ToTensor()), range(n_images))
    loader = DataLoader(images, batch_size=batch, shuffle=True)
    started = time.perf_counter()
    total = 0.0
    for x, _ in loader:
        optimiser.zero_grad()
        loss = model(x)
        loss.backward()
        total += loss.item()
        optimiser.step()
    return time.perf_counter() - started


def _matrix_products(n_steps: int, batch: int) -> float:
    """Seconds of the products that forward and backward passes of the model consist of, and nothing else."""
    layers = [(PIXELS, HIDDEN), (HIDDEN, 2 * LATENT), (LATENT, HIDDEN), (HIDDEN, PIXELS)]
    inputs = [torch.randn(batch, n_in) for n_in, _ in layers]
    weights = [torch.randn(n_out, n_in) for n_in, n_out in layers]
    gradients = [torch.randn(batch, n_out) for _, n_out in layers]
    started = time.perf_counter()
    for _ in range(n_steps):
        for depth, (x, w, g) in enumerate(zip(inputs, weights, gradients, strict=True)):
            torch.mm(x, w.T)
            torch.mm(g.T, x)
            if depth > 0:  # images need no gradient
                torch.mm(g, w)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
