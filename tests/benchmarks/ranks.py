"""Images a second of two processes of one thread each, beside one process of two threads: MNIST at 784-400-20.

Run: python -m tests.benchmarks.ranks [--epochs 3]. Prints JSON lines and the ratio. Both train the same run by the same
command, the two with torchrun and gloo; what counts is the best epoch's images a second, as the history tells it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from explorer.locations import ROOT
from explorer.runs.run import Run

COMMAND = ("explorer", "train", "--data", "mnist", "--latent-dim", "20", "--hidden", "400", "--batch-size", "128")
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "--")
KINDS = {"one process of two threads": (("-m",), 2), "two gloo processes of one thread": (LAUNCH, 1)}
SECONDS = 1800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    epochs = parser.parse_args().epochs
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        for k, (name, (launch, n_threads)) in enumerate(KINDS.items()):
            rates.append(_images_per_second(Path(folder), f"run-{k}", launch, n_threads=n_threads, epochs=epochs))
            print(json.dumps({"what": name, "images_per_second": rates[-1]}), flush=True)
    print(json.dumps({"ratio": "two processes / one process", "value": round(rates[1] / rates[0], 3)}))


def _images_per_second(folder: Path, name: str, launch: tuple[str, ...], *, n_threads: int, epochs: int) -> float:
    arguments = [*launch, *COMMAND, "--epochs", str(epochs), "--name", name, "--checkpoints", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": str(n_threads)}
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True, timeout=SECONDS)
    return max(record["images_per_second"] for record in Run(folder / name).history())


if __name__ == "__main__":
    main()
