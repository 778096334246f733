"""Seconds of an epoch by ``python -m explorer train``, beside pythae, PyTorch's example loop and bare matrix products.

Run: python -m tests.benchmarks.training [--epochs 3] [--rounds 3]. Prints JSON lines. The model is 784-400-20 on grey
MNIST, as in PyTorch's VAE example. All run in fresh processes, in turn; ours with its validation, saving and recorded
timeline, as its history tells. Pythae trains the same network on as many images in its own environment. The products
are those that forward and backward passes consist of, the convolutions those of the model's own layers, both by all
threads.

Beside a core kept busy, the rivals are our own command with threads that sleep at once, and with a single thread.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from explorer.data.catalogue import load_split
from explorer.locations import ROOT
from explorer.runs.listing import open_run
from tests.benchmarks.peers import pythae
from tests.benchmarks.report import report

GOALS = {128: ("at most 0.8 of pythae", "at most 1.7 times"), 1024: ("", "at most 1.4 times")}
MODEL = ("--latent-dim", "20", "--hidden", "400")
BUSY = "while True: pass"
SECONDS = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for batch in GOALS:
        _dense(batch, arguments.epochs, arguments.rounds)
    _beside_a_busy_core(arguments.epochs)


def _dense(batch: int, epochs: int, rounds: int) -> None:
    images = load_split("mnist", "train").images.reshape(-1, 28, 28)
    ours: list[float] = []
    theirs: list[float] = []
    products: list[float] = []
    loop: list[float] = []
    for _ in range(rounds):
        ours += trained(batch, epochs)
        theirs += pythae("train", images, epochs=epochs, batch=batch)
        products += _part("products", batch, epochs)
    loop += _part("loop", batch, 1)
    of_pythae, of_products = GOALS[batch]
    what = f"`train`, 784-400-20, batch {batch:,}: an epoch"
    report(what, "s", ours, beside="pythae 0.1.2", rival=theirs, goal=of_pythae)
    report(f"{what}, beside its arithmetic", "s", ours, beside="bare matrix products", rival=products, goal=of_products)
    report(f"{what}, beside a plain loop", "s", ours, beside="PyTorch's example", rival=loop)


def _beside_a_busy_core(epochs: int) -> None:
    with a_busy_core():
        ours = trained(128, epochs)
        asleep = trained(128, epochs, OMP_WAIT_POLICY="passive")
        alone = trained(128, epochs, OMP_NUM_THREADS="1")
    what = "`train`, 784-400-20, batch 128, beside a busy core: an epoch"
    goal = "at most 1.3 of the better of the two"
    report(what, "s", ours, beside="threads that sleep at once", rival=asleep, goal=goal)
    report(f"{what}, beside one thread", "s", ours, beside="a single thread", rival=alone, goal=goal)


def trained(batch: int, epochs: int, /, *options: str, **environment: str) -> list[float]:
    """Return the seconds of each epoch of MNIST that the command trains, as the run's history tells them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "explorer", "train", "--data", "mnist", *(options or MODEL)]
        command += ["--batch-size", str(batch), "--epochs", str(epochs), "--name", "timed", "--checkpoints", folder]
        subprocess.run(
            command, cwd=ROOT, env=os.environ | environment, capture_output=True, check=True, timeout=SECONDS
        )
        return [record["seconds"] for record in open_run("timed", Path(folder)).history()]


def _part(what: str, batch: int, times: int) -> list[float]:
    command = [sys.executable, "-m", "tests.benchmarks.training_rivals", what, str(batch), str(times)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=SECONDS)
    seconds: list[float] = json.loads(done.stdout)
    return seconds


@contextmanager
def a_busy_core() -> Iterator[None]:
    """Keep one core busy by a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        time.sleep(0.5)
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
