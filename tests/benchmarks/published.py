"""Short real runs on MNIST beside the figures that are published for their settings.

Run: python -m tests.benchmarks.published [iwae] [pytorch] [collapse]. Prints JSON lines. It types the commands that a
person would, in a temporary folder. Training is on 55,000 of the 60,000 images (5,000 are for validation), so an epoch
has 8 % fewer steps than a published one.

iwae: L_500 of the IWAE setting at k = 1 after 1, 4 and 13 epochs. pytorch: minus the test ELBO of PyTorch's example
after 10 epochs. collapse: a setting in which joint training ignores its codes, with and without the aggressive phase.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from typing import Any

COLLAPSING = (
    *("--data", "mnist", "--latent-dim", "10", "--hidden", "200,200,200"),
    *("--optimiser", "sgd", "--learning-rate", "0.03", "--max-gradient-norm", "20"),
)
SHOWN = ("elbo", "kl", "log_px", "log_px_se", "mutual_information", "active_units")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", nargs="*", default=["iwae", "pytorch", "collapse"])
    for setting in parser.parse_args().settings:
        with tempfile.TemporaryDirectory() as folder:
            SETTINGS[setting](folder)


def _iwae(folder: str) -> None:
    for epochs, published in ((1, 113.5), (4, 102.4), (13, 96.4)):
        start = ("--run", "run") if epochs > 1 else ("--data", "mnist", "--preset", "iwae-2016", "--name", "run")
        _explorer(folder, "train", *start, "--epochs", str(epochs))
        figures = _evaluated(folder, "run", samples=500)
        _print("iwae, k = 1", epochs=epochs, published=published, ours=-figures["log_px"], **figures)


def _pytorch(folder: str) -> None:
    _explorer(folder, "train", "--data", "mnist", "--preset", "pytorch-example", "--name", "run")
    figures = _evaluated(folder, "run", samples=1)
    _print("PyTorch's example", epochs=10, published=105.6, ours=-figures["elbo"])


def _collapse(folder: str) -> None:
    for em, epochs in (("joint", 40), ("aggressive", 3)):
        _explorer(folder, "train", *COLLAPSING, "--em", em, "--epochs", str(epochs), "--name", em)
        _print("collapse", em=em, epochs=epochs, **_evaluated(folder, em, samples=50))


SETTINGS = {"iwae": _iwae, "pytorch": _pytorch, "collapse": _collapse}


def _explorer(folder: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "explorer", *arguments, "--checkpoints", folder]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _evaluated(folder: str, run: str, *, samples: int) -> dict[str, Any]:
    figures = json.loads(_explorer(folder, "evaluate", run, "--iwae-samples", str(samples), "--json"))
    return {name: figures[name] for name in SHOWN}


def _print(setting: str, **figures: Any) -> None:
    rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}
    print(json.dumps({"setting": setting} | rounded), flush=True)


if __name__ == "__main__":
    main()
