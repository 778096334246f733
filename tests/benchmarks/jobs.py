"""What starting training from the app costs: a run that the app starts and watches, beside the bare command.

``python -m tests.benchmarks.jobs [--epochs N] [--rounds N]`` prints a JSON line for each way and round, and two ratios:
of the seconds of the best rounds, and of the processor time of all, the app's own included, which others on the
machine disturb less. The app's part is a queue that is looked after, and a page that asks for every run twice a
second. Both ways give way to others alike.
"""

import argparse
import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from explorer.data.catalogue import load_split
from explorer.jobs.process_queue import PROGRAM
from explorer.locations import DATA, ROOT
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.training.jobs import TrainingJobs
from explorer.training.status import TrainingState
from explorer.training.trainer import initial_model

SECONDS_BETWEEN_LOOKS = 0.5


def main() -> None:
    """Measure both ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    has_mnist = (DATA / "MNIST" / "raw").is_dir()
    data, epochs = ("mnist", chosen.epochs) if has_mnist else ("digits", 100 * chosen.epochs)
    ways = {"app": _trained_by_the_app, "command": _trained_by_the_command}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    work: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(chosen.rounds):
        for way, train in ways.items():
            took, worked = _measured(train, data, epochs)
            seconds[way].append(took)
            work[way].append(worked)
            line = {"way": way, "round": number, "seconds": round(took, 2), "processor_seconds": round(worked, 2)}
            print(json.dumps(line | {"data": data, "epochs": epochs}), flush=True)
    ratios = {
        "seconds, best rounds": min(seconds["app"]) / min(seconds["command"]),
        "processor seconds, all rounds": sum(work["app"]) / sum(work["command"]),
    }
    for what, ratio in ratios.items():
        print(json.dumps({"ratio": f"by the app / by the command (at most 1.03): {what}", "value": round(ratio, 3)}))


def _measured(train: Callable[[Run], None], data: str, epochs: int) -> tuple[float, float]:
    """Return the seconds until the run said that it had ended, and those of all processors, this process's included."""
    with tempfile.TemporaryDirectory() as folder:
        run = _new_run(Path(folder) / "run", data, epochs)
        started, worked = time.time(), _processor_seconds()
        train(run)
        return (run.path / "progress.json").stat().st_mtime - started, _processor_seconds() - worked


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _new_run(path: Path, data: str, epochs: int) -> Run:
    train = load_split(data, "train")
    config = RunConfig.model_validate(
        {
            "model": {"image_shape": train.image_shape, "latent_dim": 2, "hidden": [400]},
            "training": {"data": data, "epochs": epochs, "batch_size": 128},
        }
    )
    return Run.create(path, config, initial_model(config, train).state_dict())


def _trained_by_the_app(run: Run) -> None:
    jobs = TrainingJobs(run.path.parent, max_running=1)
    jobs.watch()
    jobs.start(run.name)
    pid = run.job().pid
    while any(status.state.is_active for status in jobs.all()) or psutil.pid_exists(pid):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    status = jobs.status(run.name)
    jobs.close()
    if status.state is not TrainingState.FINISHED:
        raise RuntimeError(f"training ended otherwise: {status}")


def _trained_by_the_command(run: Run) -> None:
    command = [*PROGRAM, "train", "--run", str(run.path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    psutil.Process(process.pid).nice(5)
    if process.wait() != 0:
        raise RuntimeError(f"training ended with status {process.returncode}")


if __name__ == "__main__":
    main()
