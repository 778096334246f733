import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from explorer.errors import TrainingError
from explorer.runs.run import Run
from explorer.training.tensorboard import FOLDER, EventFiles, scalars
from explorer.training.trainer import Trainer
from tests.support import digits, fresh_run, run_config
from tests.training.test_resume import STEPS, stop_at_question

TRAIN, VALIDATION = digits("train", 150), digits("validation", 50)


def start(path, family="vae", **changes) -> Run:
    return fresh_run(path, run_config(family, **{"epochs": 3, "batch_size": 32} | changes), TRAIN)


def train(run: Run, *stop, watched=True) -> None:
    files = EventFiles(run)
    Trainer(Run(run.path), TRAIN, VALIDATION, on_epoch=files.write if watched else lambda _: None).fit(*stop)
    files.close()


def read(run: Run) -> EventAccumulator:
    events = EventAccumulator(str(run.path / FOLDER))
    events.Reload()
    return events


def series(run: Run, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(run).Scalars(tag)]


@pytest.mark.parametrize("family", ["vae", "ae", "gan"])
def test_every_number_of_the_history_is_read_back_by_tensorboard(tmp_path, family):
    run = start(tmp_path / "run", family)
    train(run)
    expected = {name: [] for name in scalars(run.history()[0])}
    for record in run.history():
        for name, value in scalars(record).items():
            expected[name].append((record["epoch"], pytest.approx(value, rel=1e-6)))
    assert sorted(read(run).Tags()["scalars"]) == sorted(expected)
    assert {name: series(run, name) for name in expected} == expected
    assert all(name.startswith(("train/", "validation/")) for name in expected)


def test_a_run_that_is_stopped_and_gone_on_with_has_every_step_once(tmp_path):
    run = start(tmp_path / "run")
    for n in (3, STEPS, STEPS - 1):
        train(run, stop_at_question(n))
    train(run)
    assert [step for step, _ in series(run, "validation/elbo")] == [1, 2, 3]


def test_steps_that_a_crash_left_ahead_of_the_state_are_replaced(tmp_path):
    run = start(tmp_path / "run")
    train(run, stop_at_question(STEPS + 1))
    ahead = EventFiles(run)
    for epoch in (2, 3):
        ahead.write(run.history()[0] | {"epoch": epoch, "validation": {"elbo": -1e6}})
    ahead.close()
    train(run)
    values = series(run, "validation/elbo")
    assert [step for step, _ in values] == [1, 2, 3]
    assert min(value for _, value in values) > -1e5


def test_a_run_that_is_watched_late_brings_its_past_along(tmp_path):
    run = start(tmp_path / "run")
    train(run, stop_at_question(STEPS + 1), watched=False)
    assert not (run.path / FOLDER).exists()
    train(run)
    assert [step for step, _ in series(run, "train/elbo")] == [1, 2, 3]


def test_without_the_package_one_is_told_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match="Install it: pip install tensorboard"):
        EventFiles(start(tmp_path / "run"))
