"""What starting training from the app costs: seconds of a run that the app starts and watches, beside the bare command.

``python -m tests.benchmarks.jobs [--epochs N] [--rounds N]`` prints a JSON line for each way and round, the ratio of
the best rounds, and the processor time that watching takes: a queue that is looked after, and a page that asks for
every run twice a second. On a busy machine the ratio is not that of an idle one: what the app starts gives way.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

from explorer.data.catalogue import load_split
from explorer.jobs import PROGRAM
from explorer.locations import DATA, ROOT
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.training.jobs import TrainingJobs
from explorer.training.status import TrainingState
from explorer.training.trainer import initial_model

SECONDS_BETWEEN_LOOKS = 0.5

_SHARES: list[float] = []


def main() -> None:
    """Measure both ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    has_mnist = (DATA / "MNIST" / "raw").is_dir()
    data, epochs = ("mnist", chosen.epochs) if has_mnist else ("digits", 100 * chosen.epochs)
    ways = {"the app": _seconds_from_the_app, "the command": _seconds_of_the_command}
    best = dict.fromkeys(ways, float("inf"))
    for number in range(chosen.rounds):
        for way, seconds_of in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds = seconds_of(_new_run(Path(folder) / "run", data, epochs))
            best[way] = min(best[way], seconds)
            print(
                json.dumps({"way": way, "round": number, "data": data, "epochs": epochs, "seconds": round(seconds, 2)})
            )
    ratio = best["the app"] / best["the command"]
    print(json.dumps({"share": "of a core that watching takes", "value": round(max(_SHARES), 4)}))
    print(json.dumps({"ratio": "started by the app / the bare command (at most 1.03)", "value": round(ratio, 3)}))


def _new_run(path: Path, data: str, epochs: int) -> Run:
    train = load_split(data, "train")
    config = RunConfig.model_validate(
        {
            "model": {"image_shape": train.image_shape, "latent_dim": 2, "hidden": [400]},
            "training": {"data": data, "epochs": epochs, "batch_size": 128},
        }
    )
    return Run.create(path, config, initial_model(config, train).state_dict())


def _seconds_from_the_app(run: Run) -> float:
    jobs = TrainingJobs(run.path.parent, max_running=1)
    jobs.watch()
    started, used = time.perf_counter(), time.process_time()
    jobs.start(run.name)
    while any(status.state.is_active for status in jobs.all()):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    _SHARES.append((time.process_time() - used) / (time.perf_counter() - started))
    # The end is seen at the next look; the run itself ended when it said so.
    seconds = time.perf_counter() - started - (time.time() - (run.path / "progress.json").stat().st_mtime)
    status = jobs.status(run.name)
    jobs.close()
    if status.state is not TrainingState.FINISHED:
        raise RuntimeError(f"training ended otherwise: {status}")
    return seconds


def _seconds_of_the_command(run: Run) -> float:
    started = time.perf_counter()
    subprocess.run([*PROGRAM, "train", "--run", str(run.path)], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started - (time.time() - (run.path / "progress.json").stat().st_mtime)


if __name__ == "__main__":
    main()
