import json
import subprocess
import sys
import time

import pytest
import torch

from explorer.errors import ConfigError, TrainingError
from explorer.locations import ROOT
from explorer.runs.config import RunConfig
from explorer.training import memory
from explorer.training.estimate import Estimate, estimate, put_together
from explorer.training.estimator import Estimator
from explorer.training.memory import step_bytes
from tests.support import run_config

KINDS = {
    "vae": {},
    "cvae": {"family": "cvae", "prior": "conditional"},
    "ae": {"family": "ae", "likelihood": "gaussian"},
    "gan": {"family": "gan"},
    "conv": {"network": "conv", "hidden": (4, 8)},
    "alternating": {"em": "alternating", "encoder_steps": 3},
    "iwae": {"objective": {"estimator": "iwae", "n_samples": 5}},
    "fixed pixels": {"binarisation": "fixed"},
}
PATIENCE = 60.0


def answer(estimator: Estimator, config: RunConfig):
    deadline = time.monotonic() + PATIENCE
    while (outcome := estimator.ask(config, 500, 50)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return outcome


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_every_kind_of_run_has_an_estimate_that_leaves_the_random_state_as_it_was(changes):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    config = run_config(**changes)
    found = estimate(config, 500, 50)
    assert torch.equal(torch.get_rng_state(), before)
    least, most = found.epoch_seconds
    assert 0 < least <= most
    assert found.step_bytes == step_bytes(config)


def test_a_whole_run_is_its_epochs_and_what_is_done_once():
    found = Estimate(epoch_seconds=(2.0, 3.0), once_seconds=5.0, step_bytes=1)
    assert found.in_all(10) == (25.0, 35.0)


def epoch_seconds(n_train, **changes):
    found = put_together(
        run_config(batch_size=64, **changes), n_train, step_seconds=(0.5, 0.6), validation_seconds=2.0, weight_bytes=0
    )
    return found.epoch_seconds


def test_an_epoch_is_a_step_for_every_batch_a_validation_and_what_is_saved():
    assert epoch_seconds(640) == (pytest.approx(5 + 2 + 0.06), pytest.approx(6 + 2 + 0.06))
    assert epoch_seconds(641) == (pytest.approx(5.5 + 2 + 0.06), pytest.approx(6.6 + 2 + 0.06))


def test_an_aggressive_epoch_has_from_one_step_to_a_hundred_and_one_for_a_batch():
    assert epoch_seconds(640, em="aggressive") == (pytest.approx(7.06), pytest.approx(608.06))


def test_what_does_not_fit_into_memory_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(memory, "_free_bytes", lambda _: 1_000_000)
    with pytest.raises(ConfigError, match=r"needs about [\d.]+ GB; 0\.0 GB are free\."):
        estimate(run_config(hidden=(512,), batch_size=1000), 1000, 100)


def test_the_program_answers_a_line_with_a_line():
    request = {"config": run_config().model_dump(mode="json"), "n_train": 500, "n_validation": 50}
    absurd = run_config(batch_size=65_536, objective={"n_samples": 5000}, hidden=(512,))
    lines = [json.dumps(request | {"config": it.model_dump(mode="json")}) for it in (run_config(), absurd)]
    done = subprocess.run(
        [sys.executable, "-m", "explorer.training.estimate"],
        input="".join(line + "\n" for line in lines),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first.keys() == {"epoch_seconds", "once_seconds", "step_bytes"}
    assert "GB are free" in second["error"]


@pytest.fixture(scope="module")
def estimator():
    """One for the tests that follow: its process takes seconds to start. They ask about runs of their own."""
    made = Estimator(idle_seconds=1.0)
    yield made
    deadline = time.monotonic() + PATIENCE
    while made.is_working and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not made.is_working


def test_the_app_asks_without_waiting_and_is_answered_later(estimator):
    config = run_config()
    assert estimator.ask(config, 500, 50) is None
    found = answer(estimator, config)
    assert isinstance(found, Estimate)
    again = config.model_copy(update={"training": config.training.model_copy(update={"epochs": 99, "seed": 7})})
    assert estimator.ask(again, 500, 50) is found
    assert estimator.ask(config, 501, 50) is None


def test_an_answer_that_is_old_is_given_and_measured_anew(estimator, monkeypatch):
    config = run_config(latent_dim=4)
    first = answer(estimator, config)
    monkeypatch.setattr("explorer.training.estimator.FRESH_SECONDS", 0.0)
    assert estimator.ask(config, 500, 50) is first
    deadline = time.monotonic() + PATIENCE
    while (second := estimator.ask(config, 500, 50)) is first and time.monotonic() < deadline:
        time.sleep(0.05)
    assert second is not first
    assert isinstance(second, Estimate)


def test_a_refusal_comes_through_in_words(estimator):
    found = answer(estimator, run_config(batch_size=65_536, hidden=(512,), objective={"n_samples": 5000}))
    assert isinstance(found, TrainingError)
    assert "GB are free" in str(found)


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_is_asked_anew():
    estimator = Estimator(answer_seconds=0.01, idle_seconds=0.5)
    found = answer(estimator, run_config())
    assert isinstance(found, TrainingError)
    assert "no answer within 0.01 s" in str(found)
    assert isinstance(answer(estimator, run_config(latent_dim=3)), TrainingError)


def test_the_process_ends_when_nobody_asks_and_starts_again_when_somebody_does(estimator):
    assert isinstance(answer(estimator, run_config(latent_dim=5)), Estimate)
    deadline = time.monotonic() + PATIENCE
    while estimator.is_working and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not estimator.is_working
    assert isinstance(answer(estimator, run_config(latent_dim=3)), Estimate)
