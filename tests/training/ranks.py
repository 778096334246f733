"""What each process of tests/training/test_distributed.py does: train the runs of a folder, and stop some."""

from pathlib import Path

from explorer.runs.run import Run
from explorer.training.distributed import joined_world
from explorer.training.trainer import Trainer
from tests.support import digits
from tests.training.test_resume import stop_at_question

STOPS = 3
"""Times that a run whose name ends in "-stopped" is stopped and gone on with."""


def train_all(folder: str) -> None:
    """Train, in each process, its share of every run."""
    with joined_world("cpu") as world:
        for path in sorted(Path(folder).iterdir()):
            if path.name.endswith("-stopped"):
                for _ in range(STOPS):
                    # Only the first process asks to stop: the others must follow it.
                    stop = stop_at_question(4 if world.is_first else 1)
                    Trainer(Run(path), digits("train", 150), digits("validation", 50), world=world).fit(stop)
            Trainer(Run(path), digits("train", 150), digits("validation", 50), world=world).fit()
