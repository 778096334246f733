"""What training is measured beside: PyTorch's example loop, and nothing but the products of a model's layers.

Run by ``tests.benchmarks.training`` in fresh processes; prints the seconds of each epoch as JSON.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from explorer.data.catalogue import load_split
from explorer.locations import DATA

HIDDEN, LATENT, PIXELS = 400, 20, 784


def main() -> None:
    what, batch, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    n_images = len(load_split("mnist", "train"))
    rivals = {"loop": plain_epoch, "products": matrix_products}
    print(json.dumps([rivals[what](n_images, batch) for _ in range(times)]))


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


def plain_epoch(n_images: int, batch: int) -> float:
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


def matrix_products(n_images: int, batch: int) -> float:
    """Seconds of the products that forward and backward passes of the model consist of, and nothing else."""
    layers = [(PIXELS, HIDDEN), (HIDDEN, 2 * LATENT), (LATENT, HIDDEN), (HIDDEN, PIXELS)]
    inputs = [torch.randn(batch, n_in) for n_in, _ in layers]
    weights = [torch.randn(n_out, n_in) for n_in, n_out in layers]
    gradients = [torch.randn(batch, n_out) for _, n_out in layers]
    started = time.perf_counter()
    for _ in range(n_images // batch + 1):
        for depth, (x, w, g) in enumerate(zip(inputs, weights, gradients, strict=True)):
            torch.mm(x, w.T)
            torch.mm(g.T, x)
            if depth > 0:  # images need no gradient
                torch.mm(g, w)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
