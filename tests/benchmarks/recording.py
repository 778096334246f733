"""What recording every epoch costs: MNIST at 784-400-2, trained with it and without it, turn and turn about.

Run: python -m tests.benchmarks.recording [--epochs 4] [--rounds 3]. Prints JSON lines: seconds an epoch of each, the
least of the rounds, saving and validation included; the seconds of one recorded epoch by themselves; and the ratios.
The rival is the same training without recording.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

from explorer.data.catalogue import load_split
from explorer.data.images import ImageSplit
from explorer.runs.config import RunConfig
from explorer.runs.run import Run
from explorer.training.recording import Recorder
from explorer.training.trainer import Trainer, initial_model

BATCH, HIDDEN, LATENT = 128, 400, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    train, validation = load_split("mnist", "train"), load_split("mnist", "validation")
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    recording: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(arguments.rounds):
            for name in ("without", "with"):
                run = _new_run(Path(folder) / f"{name}-{k}", train, arguments.epochs)
                seconds[name].append(_epoch_seconds(run, train, validation, recording, is_recorded=name == "with"))
    for name, measured in seconds.items():
        print(json.dumps({"what": f"an epoch {name} recording", "seconds": round(min(measured), 4)}))
    typical = sorted(recording)[len(recording) // 2]
    print(json.dumps({"what": "recording an epoch, median", "seconds": round(typical, 4)}))
    ratio = typical / min(seconds["without"])
    print(json.dumps({"ratio": "recording an epoch / an epoch without (at most 0.05)", "value": round(ratio, 4)}))
    ratio = min(seconds["with"]) / min(seconds["without"])
    print(json.dumps({"ratio": "an epoch with / without recording (at most 1.05)", "value": round(ratio, 4)}))


def _new_run(path: Path, train: ImageSplit, n_epochs: int) -> Run:
    config = RunConfig.model_validate(
        {
            "model": {"image_shape": train.image_shape, "latent_dim": LATENT, "hidden": [HIDDEN]},
            "training": {"data": train.name, "epochs": n_epochs, "batch_size": BATCH},
        }
    )
    return Run.create(path, config, initial_model(config, train).state_dict())


def _epoch_seconds(
    run: Run, train: ImageSplit, validation: ImageSplit, recording: list[float], *, is_recorded: bool
) -> float:
    """Return the least seconds from one epoch's end to the next one's; add to ``recording`` what recording took."""
    ends: list[float] = []
    trainer = Trainer(run, train, validation, on_epoch=lambda _: ends.append(time.perf_counter()))
    record = _timed(Recorder.record, recording) if is_recorded else _nothing
    with patch.object(Recorder, "record", record):
        trainer.fit()
    return min(later - earlier for earlier, later in pairwise(ends))


def _timed(record: Callable[..., None], seconds: list[float]) -> Callable[..., None]:
    def timed(*arguments: object) -> None:
        started = time.perf_counter()
        record(*arguments)
        seconds.append(time.perf_counter() - started)

    return timed


def _nothing(*_: object) -> None:
    pass


if __name__ == "__main__":
    main()
