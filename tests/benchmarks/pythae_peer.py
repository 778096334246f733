"""What pythae does, measured by itself: run by ``tests.benchmarks.peers`` with pythae beside torch, never imported.

Prints JSON: of ``train`` the seconds of each epoch of 784-400-20 on grey MNIST, by pythae's own trainer; of ``log-px``
the seconds of its estimate of log p(x) for each image. Images come as a file of numpy's, ``(N, 28, 28)`` of bytes.
"""

import argparse
import json
import logging
import tempfile
import time

import numpy as np
import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import nn

PIXELS = 784


class Encoder(BaseEncoder):
    def __init__(self, hidden: int, latent: int) -> None:
        BaseEncoder.__init__(self)
        self.body = nn.Sequential(nn.Linear(PIXELS, hidden), nn.ReLU())
        self.embedding, self.log_var = nn.Linear(hidden, latent), nn.Linear(hidden, latent)

    def forward(self, x: torch.Tensor) -> ModelOutput:
        h = self.body(x.reshape(len(x), PIXELS))
        return ModelOutput(embedding=self.embedding(h), log_covariance=self.log_var(h))


class Decoder(BaseDecoder):
    def __init__(self, hidden: int, latent: int) -> None:
        BaseDecoder.__init__(self)
        self.layers = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, PIXELS), nn.Sigmoid())

    def forward(self, z: torch.Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.layers(z).reshape(len(z), 1, 28, 28))


class Watch(TrainingCallback):
    def __init__(self) -> None:
        self.started, self.seconds = 0.0, []

    def on_epoch_begin(self, training_config: object, **_: object) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, training_config: object, **_: object) -> None:
        self.seconds.append(time.perf_counter() - self.started)


def model(hidden: int, latent: int) -> VAE:
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent, reconstruction_loss="bce")
    return VAE(config, encoder=Encoder(hidden, latent), decoder=Decoder(hidden, latent))


def train(x: torch.Tensor, epochs: int, batch: int) -> list[float]:
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=epochs,
            per_device_train_batch_size=batch,
            learning_rate=1e-3,
            optimizer_cls="Adam",
            keep_best_on_train=True,
            no_cuda=True,
        )
        from pythae.data.datasets import BaseDataset

        data = BaseDataset(x, torch.ones(len(x)))
        BaseTrainer(model(400, 20), train_dataset=data, training_config=config, callbacks=[watch]).train()
    return watch.seconds


def log_px(x: torch.Tensor, n_samples: int, chunk: int, hidden: int, latent: int) -> list[float]:
    vae, seconds = model(hidden, latent).eval(), []
    with torch.no_grad():
        for image in x:
            started = time.perf_counter()
            vae.get_nll(image[None], n_samples=n_samples, batch_size=chunk)
            seconds.append(time.perf_counter() - started)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("train", "log-px"))
    parser.add_argument("images")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--chunk", type=int, default=1000)
    parser.add_argument("--hidden", type=int, default=400)
    parser.add_argument("--latent", type=int, default=20)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    x = torch.from_numpy(np.load(arguments.images)[:, None].astype(np.float32) / 255)
    if arguments.what == "train":
        seconds = train(x, arguments.epochs, arguments.batch)
    else:
        seconds = log_px(x, arguments.samples, arguments.chunk, arguments.hidden, arguments.latent)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
