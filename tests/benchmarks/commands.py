"""Seconds of commands as README names them, each in a fresh process, beside the import of torch alone.

Run: python -m tests.benchmarks.commands [--rounds 5]. Prints JSON lines. Standard input and output are none.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from explorer.locations import ROOT
from tests.benchmarks.report import report

EXPLORER = ("-m", "explorer")
COMMANDS = {
    "runs": (("runs",), ""),
    "sample mnist-cvae-16d --label 7": (("sample", "mnist-cvae-16d", "--label", "7", "--out", "{folder}/grid.png"), ""),
    "evaluate mnist-vae-2d --iwae-samples 5000 --images 20": (
        ("evaluate", "mnist-vae-2d", "--iwae-samples", "5000", "--images", "20"),
        "at most 2.5 s",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        torch = [_seconds("-c", "import torch") for _ in range(rounds + 1)][1:]
        for name, (words, goal) in COMMANDS.items():
            command = [*EXPLORER, *(word.format(folder=Path(folder)) for word in words)]
            seconds = [_seconds(*command) for _ in range(rounds + 1)][1:]
            report(f"`{name}`", "s", seconds, beside="`import torch`", rival=torch, goal=goal)


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
