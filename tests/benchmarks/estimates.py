"""How long a run was said to take, beside how long it took.

Run: python -m tests.benchmarks.estimates. Prints a JSON line for each of three configurations; that of MNIST needs
EXPLORER_DATA. The truth is the command that a person gives, on the real images: all of it, and an epoch with what lies
between it and the next. The estimate is taken just before, in a process of its own as in the app. Both see the machine
as busy as it is: compare ratios, not seconds.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from explorer.data.catalogue import data_set
from explorer.locations import ROOT
from explorer.runs.choices import DataFacts, configured
from explorer.runs.config import RunConfig
from explorer.training.estimate import Estimate
from explorer.training.estimator import Estimator

CONFIGURATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "digits, dense VAE": ("digits", {"hidden": (256, 128), "epochs": 100}),
    "mnist, dense VAE": ("mnist", {"epochs": 3}),
    "mnist, small conv CVAE": ("mnist", {"family": "cvae", "network": "conv", "hidden": (8, 16), "epochs": 2}),
}


def main() -> None:
    estimator = Estimator()
    for name, (data, choices) in CONFIGURATIONS.items():
        entry = data_set(data)
        facts = DataFacts(entry.name, entry.image_shape, len(entry.class_names))
        config = configured(facts, choices)
        said = _said(estimator, config, entry.n_train, entry.n_validation)
        seconds, epoch_seconds = _truth(data, choices)
        print(
            json.dumps(
                {
                    "run": name,
                    "epochs": config.training.epochs,
                    "said_epoch_s": [round(it, 3) for it in said.epoch_seconds],
                    "true_epoch_s": round(epoch_seconds, 3),
                    "epoch_said_over_true": [round(it / epoch_seconds, 2) for it in said.epoch_seconds],
                    "said_s": [round(it, 1) for it in said.in_all(config.training.epochs)],
                    "true_s": round(seconds, 1),
                    "said_over_true": [round(it / seconds, 2) for it in said.in_all(config.training.epochs)],
                    "load": round(os.getloadavg()[0], 1),
                }
            ),
            flush=True,
        )


def _said(estimator: Estimator, config: RunConfig, n_train: int, n_validation: int) -> Estimate:
    while (outcome := estimator.ask(config, n_train, n_validation)) is None:
        time.sleep(0.05)
    if not isinstance(outcome, Estimate):
        raise outcome
    return outcome


def _truth(data: str, choices: dict[str, Any]) -> tuple[float, float]:
    """Train in a folder of its own; return the seconds of the whole command, and those from one epoch to the next."""
    with tempfile.TemporaryDirectory() as folder:
        options = [f"--{name.replace('_', '-')}={_text(value)}" for name, value in choices.items()]
        command = [sys.executable, "-m", "explorer", "train", "--data", data, "--name", "run", *options]
        environment = os.environ | {"EXPLORER_CHECKPOINTS": folder}
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        ends = [time.perf_counter() for line in process.stderr if line.startswith("epoch ")]
        if process.wait() != 0 or not (Path(folder) / "run" / "encoded.safetensors").exists():
            raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
        return time.perf_counter() - started, (ends[-1] - ends[0]) / (len(ends) - 1)


def _text(value: Any) -> str:
    return ",".join(str(width) for width in value) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    main()
