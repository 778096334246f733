"""When the objective is no longer a number, the run keeps what was last good."""

import math

import numpy as np
import torch

from explorer.data.images import ImageSplit
from explorer.runs.listing import summary
from explorer.runs.run import Run
from explorer.training.trainer import DIVERGENCE_CHECK_STEPS, StopReason, Trainer
from tests.support import digits, fresh_run, run_config

TRAIN, VALIDATION = digits("train", 128), digits("validation", 50)
EXPLODING = {"likelihood": "gaussian", "learning_rate": 10.0, "epochs": 6, "hidden": (256,) * 4}


def poison(trainer: Trainer) -> None:
    with torch.no_grad():
        trainer.model.decoder.bias.fill_(math.nan)


def assert_good(run: Run) -> None:
    """The run is listed, decodes numbers, and every number that it stores is one."""
    assert summary(run).error is None
    assert run.model().decode(torch.zeros(1, 2)).mean.isfinite().all()
    stored = run.state()
    if stored is not None:
        tensors, numbers = stored
        assert all(tensor.isfinite().all() for tensor in tensors.values())
        assert all(math.isfinite(number) for number in [*numbers["sums"], numbers["best"] or 0])
    for record in run.history():
        figures = (record["train"] | record["validation"]).values()
        assert all(np.isfinite(figure).all() for figure in figures)


def test_a_learning_rate_that_explodes_ends_as_diverged(tmp_path):
    config = run_config(**EXPLODING)
    run = fresh_run(tmp_path / "run", config, TRAIN)
    assert Trainer(run, TRAIN, VALIDATION).fit() is StopReason.DIVERGED
    assert_good(Run(run.path))


def test_weights_that_explode_in_the_only_step_of_an_epoch_are_not_kept(tmp_path):
    # The training sums are those before the step: only validation sees what the step did.
    config = run_config(**EXPLODING, batch_size=128)
    run = fresh_run(tmp_path / "run", config, TRAIN)
    assert Trainer(run, TRAIN, VALIDATION).fit() is StopReason.DIVERGED
    assert_good(Run(run.path))


def test_a_run_that_diverges_keeps_the_epoch_that_was_good(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=5), TRAIN)
    good: list[str] = []

    def after_epoch(_: dict) -> None:
        good.append(run.fingerprint())
        poison(trainer)

    trainer = Trainer(run, TRAIN, VALIDATION, on_epoch=after_epoch)
    assert trainer.fit() is StopReason.DIVERGED
    assert_good(Run(run.path))
    assert [run.fingerprint()] == good
    _, numbers = run.state()
    assert (numbers["epoch"], numbers["step_in_epoch"], len(run.history())) == (1, 0, 1)


def test_a_run_that_diverged_goes_on_from_its_good_epoch(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=2), TRAIN)
    trainer = Trainer(run, TRAIN, VALIDATION, on_epoch=lambda _: poison(trainer))
    trainer.fit()
    again = Trainer(Run(run.path), TRAIN, VALIDATION)
    assert again.epoch == 1
    assert again.fit() is StopReason.FINISHED
    assert_good(Run(run.path))


def test_divergence_is_seen_within_a_hundred_steps_of_a_long_epoch(tmp_path):
    n = 3 * DIVERGENCE_CHECK_STEPS
    many = ImageSplit(
        name="digits",
        part="train",
        images=np.ascontiguousarray(digits("train").images[:n]),
        labels=digits("train").labels[:n],
        class_names=digits("train").class_names,
    )
    trainer = Trainer(fresh_run(tmp_path / "run", run_config(batch_size=1), many), many, VALIDATION)
    poison(trainer)
    assert trainer.fit() is StopReason.DIVERGED
    assert trainer.step_in_epoch == DIVERGENCE_CHECK_STEPS


def test_a_stop_after_divergence_does_not_save_it(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=3), TRAIN)
    trainer = Trainer(run, TRAIN, VALIDATION)
    poison(trainer)
    reason = trainer.fit(stop=lambda: True)
    assert_good(Run(run.path))
    assert reason is StopReason.DIVERGED
