"""Seconds to map 10,000 codes by each method, beside scikit-learn's t-SNE, and how far each map can be believed.

Run: python -m tests.benchmarks.projections [--run mnist-vae-16d]. Prints JSON lines. Each method runs in a process of
its own, from the import on: what is compiled when a method is first used counts.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict

from explorer.analysis.projections.methods import METHODS, measured, project
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run

RIVAL = "scikit-learn t-SNE"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="mnist-vae-16d")
    parser.add_argument("--method", help="Only this one, in this process.")
    arguments = parser.parse_args()
    if arguments.method:
        _map(arguments.run, arguments.method)
        return
    seconds = {}
    for method in (*(name for name in METHODS if name != "plane"), RIVAL):
        started = time.perf_counter()
        command = [sys.executable, "-m", "tests.benchmarks.projections", "--run", arguments.run, "--method", method]
        figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        seconds[method] = time.perf_counter() - started - figures.pop("measuring")
        print(json.dumps({"method": method, "seconds": round(seconds[method], 1), **figures}), flush=True)
    for method, took in seconds.items():
        print(json.dumps({"ratio": f"times faster than {RIVAL}: {method}", "value": round(seconds[RIVAL] / took, 1)}))


def _map(run: str, method: str) -> None:
    """Map the run's codes, and print the map's quality and the seconds that measuring it took."""
    encoded = open_run(run, CHECKPOINTS).encoded()
    assert encoded is not None
    if method == RIVAL:
        from sklearn.manifold import TSNE

        TSNE(random_state=0, n_jobs=-1).fit_transform(encoded.mu)
        print(json.dumps({"measuring": 0.0}))
        return
    projection = project(encoded, method)
    started = time.perf_counter()
    quality = measured(projection, encoded).quality
    assert quality is not None
    figures = {name: value if value is None else round(value, 4) for name, value in asdict(quality).items()}
    print(json.dumps({"measuring": time.perf_counter() - started, **figures}))


if __name__ == "__main__":
    main()
