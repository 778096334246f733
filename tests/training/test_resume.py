"""A run that is stopped and gone on with equals one that never was, to the bit."""

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.errors import ExplorerError, TrainingError
from explorer.runs.run import Run
from explorer.training.trainer import StopReason, Trainer, initial_model
from tests.support import digits, fresh_run, run_config

TRAIN, VALIDATION = digits("train", 150), digits("validation", 50)
STEPS, EPOCHS = 5, 3
MODELS = {
    "vae": {"binarisation": "per-presentation"},
    "vae, fixed": {"binarisation": "fixed"},
    "vae, conv": {"network": "conv", "hidden": (4, 6)},
    "vae, cosine": {"schedule": "cosine", "likelihood": "continuous-bernoulli"},
    "cvae": {"family": "cvae", "likelihood": "gaussian", "objective": {"beta": 2.0}},
    "cvae, conv": {"family": "cvae", "network": "conv", "hidden": (4, 6), "binarisation": "fixed"},
    "ae": {"family": "ae", "likelihood": "gaussian", "schedule": "cosine"},
    "ae, conv": {"family": "ae", "likelihood": "gaussian", "network": "conv", "hidden": (4, 6)},
    "cvae, learned prior": {"family": "cvae", "prior": "conditional", "optimiser": "adagrad"},
    "gan": {"family": "gan", "learning_rate": 1e-3},
    "gan, sgd": {"family": "gan", "optimiser": "sgd", "gradient_penalty": 0.0, "likelihood": "gaussian-learned"},
    "alternating": {"em": "alternating", "encoder_steps": 4, "binarisation": "per-presentation"},
    "alternating, sgd": {"em": "alternating", "encoder_steps": 2, "optimiser": "sgd", "learning_rate": 1e-3},
    "aggressive": {"em": "aggressive", "binarisation": "per-presentation"},
    "aggressive, iwae": {"em": "aggressive", "objective": {"estimator": "iwae", "n_samples": 2}},
    "iwae": {"objective": {"estimator": "iwae", "n_samples": 3}, "schedule": "iwae-2016", "epsilon": 1e-4},
    "warm-up": {"objective": {"kl_schedule": "warm-up", "ramp_epochs": 2.5}, "optimiser": "adagrad"},
    "cyclic, free bits": {"objective": {"kl_schedule": "cyclic", "ramp_epochs": 0.7, "free_bits": "batch-mean"}},
    "sgvb-a, sgd": {"objective": {"estimator": "sgvb-a", "n_samples": 2}, "optimiser": "sgd", "weight_decay": 0.01},
    "gamma": {"posterior": "gamma"},
    "full covariance": {"posterior": "normal-full", "objective": {"free_bits": "per-example"}},
    "student-t": {"posterior": "student-t"},
    "learned sigma": {"likelihood": "gaussian-learned", "sigma": 0.3},
    "low rank": {"likelihood": "gaussian-low-rank", "rank": 2, "sigma": 0.3, "learning_rate": 1e-3},
}


def stop_at_question(n: int) -> Callable[[], bool]:
    """Say yes from the ``n``-th time on that the trainer asks; it asks after each step, and after each epoch."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked >= n

    return stop


def start(path, changes: dict) -> Run:
    config = run_config(**{"epochs": EPOCHS, "batch_size": 32, "seed": 5} | changes)
    return fresh_run(path, config, TRAIN)


def never_stopped(path, changes: dict) -> Run:
    run = start(path, changes)
    assert Trainer(run, TRAIN, VALIDATION).fit() is StopReason.FINISHED
    return run


def stopped(path, changes: dict, stops: list[int]) -> Run:
    run = start(path, changes)
    for n in stops:
        torch.manual_seed(n)  # what was drawn outside must not matter
        assert Trainer(Run(path), TRAIN, VALIDATION).fit(stop_at_question(n)) is StopReason.STOPPED
        assert Run(path).model() is not None
    assert Trainer(Run(path), TRAIN, VALIDATION).fit() is StopReason.FINISHED
    return run


def without_seconds(record: dict) -> dict:
    return {key: value for key, value in record.items() if key not in ("seconds", "images_per_second")}


def assert_same_run(first: Run, second: Run) -> None:
    (tensors, numbers), (other_tensors, other_numbers) = first.state(), second.state()
    assert tensors.keys() == other_tensors.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], other_tensors[name])] == []
    assert without_seconds(numbers) == without_seconds(other_numbers)
    assert [*map(without_seconds, first.history())] == [*map(without_seconds, second.history())]
    assert first.fingerprint() == second.fingerprint()


@pytest.mark.parametrize("model", MODELS)
def test_every_model_goes_on_bit_for_bit_from_the_middle_and_the_end_of_an_epoch(tmp_path, model):
    expected = never_stopped(tmp_path / "whole", MODELS[model])
    assert_same_run(stopped(tmp_path / "stopped", MODELS[model], [3, STEPS, STEPS - 1]), expected)


@pytest.mark.parametrize("n", range(1, (STEPS + 1) * EPOCHS - 1))
def test_training_stopped_at_any_step_goes_on_bit_for_bit(tmp_path, n):
    expected = never_stopped(tmp_path / "whole", MODELS["vae"])
    assert_same_run(stopped(tmp_path / "stopped", MODELS["vae"], [n]), expected)


@pytest.mark.parametrize("model", ["gan", "alternating", "aggressive", "cyclic, free bits"])
def test_training_of_any_regime_stopped_after_every_step_goes_on_bit_for_bit(tmp_path, model):
    expected = never_stopped(tmp_path / "whole", MODELS[model])
    assert_same_run(stopped(tmp_path / "stopped", MODELS[model], [1] * (STEPS * EPOCHS - 1)), expected)


def test_a_run_that_starts_from_another_decoder_and_loses_its_state_starts_from_it_again(tmp_path):
    start_of = start(tmp_path / "origin", {"family": "gan", "seed": 9}).model().state_dict()
    config = run_config(epochs=EPOCHS, batch_size=32, seed=5)
    runs = [
        Run.create(tmp_path / name, config, initial_model(config, TRAIN, start_of).state_dict(), start=start_of)
        for name in ("whole", "killed")
    ]
    first = Trainer(runs[1], TRAIN, VALIDATION)
    assert torch.equal(first.model.decoder.input.layer.weight, start_of["decoder.input.layer.weight"])
    first.fit(stop_at_question(3))
    (runs[1].path / "state.safetensors").unlink()
    for run in runs:
        assert Trainer(Run(run.path), TRAIN, VALIDATION).fit() is StopReason.FINISHED
    assert_same_run(runs[1], runs[0])


def test_a_state_of_another_regime_is_refused_in_words(tmp_path):
    run = start(tmp_path / "run", {})
    Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(2))
    run.save_config(start(tmp_path / "other", {"em": "alternating"}).config)
    with pytest.raises(TrainingError, match="state of an optimiser 'model', and this run has encoder, decoder"):
        Trainer(Run(run.path), TRAIN, VALIDATION)


def test_training_stopped_after_every_step_goes_on_bit_for_bit(tmp_path):
    expected = never_stopped(tmp_path / "whole", MODELS["cvae"])
    assert_same_run(stopped(tmp_path / "stopped", MODELS["cvae"], [1] * (STEPS * EPOCHS - 1)), expected)


def test_a_stop_within_an_epoch_is_saved_within_it(tmp_path):
    run = start(tmp_path / "run", {})
    Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(STEPS + 1 + 2))
    _, numbers = run.state()
    assert (numbers["epoch"], numbers["step_in_epoch"]) == (1, 2)
    assert len(run.history()) == 1


def test_a_stop_in_the_first_epoch_keeps_the_weights_trained_so_far(tmp_path):
    run = start(tmp_path / "run", {})
    before = run.fingerprint()
    trainer = Trainer(run, TRAIN, VALIDATION)
    trainer.fit(stop_at_question(2))
    assert run.fingerprint() != before
    assert torch.equal(run.model().decoder.bias, trainer.model.decoder.bias)


def test_a_stop_that_comes_with_the_last_step_changes_nothing(tmp_path):
    expected = never_stopped(tmp_path / "whole", {})
    run = start(tmp_path / "stopped", {})
    assert Trainer(run, TRAIN, VALIDATION).fit(stop_at_question((STEPS + 1) * EPOCHS - 1)) is StopReason.FINISHED
    assert_same_run(run, expected)


def test_a_finished_run_is_finished_when_gone_on_with(tmp_path):
    run = never_stopped(tmp_path / "run", {})
    before = run.fingerprint()
    assert Trainer(Run(run.path), TRAIN, VALIDATION).fit() is StopReason.FINISHED
    assert (run.fingerprint(), len(run.history())) == (before, EPOCHS)


def test_more_epochs_are_those_that_a_longer_run_would_have_had(tmp_path):
    expected = never_stopped(tmp_path / "long", {"epochs": EPOCHS + 1})
    run = never_stopped(tmp_path / "short", {})
    run.save_config(expected.config)
    Trainer(Run(run.path), TRAIN, VALIDATION).fit()
    assert_same_run(run, expected)


def test_history_that_ran_ahead_of_the_state_is_cut_back(tmp_path):
    # What a crash leaves between the writing of the one and of the other.
    expected = never_stopped(tmp_path / "whole", {})
    run = start(tmp_path / "crashed", {})
    Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(STEPS + 1))
    run.save_history([*run.history(), {"epoch": 2, "seconds": 1.0, "train": {}, "validation": {}}])
    Trainer(Run(run.path), TRAIN, VALIDATION).fit()
    assert_same_run(run, expected)


@pytest.mark.parametrize("change", ["weights of another size", "a missing weight", "no optimiser"])
def test_a_state_that_does_not_fit_is_refused_in_words(tmp_path, change):
    run = start(tmp_path / "run", {})
    Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(2))
    tensors, numbers = run.state()
    if change == "weights of another size":
        tensors["model.decoder.bias"] = torch.zeros(1, 9, 9)
    elif change == "a missing weight":
        del tensors["model.decoder.bias"]
    else:
        tensors = {"optimiser.x": torch.zeros(1)} | tensors
    run.save_state(tensors, numbers)
    with pytest.raises(TrainingError, match=r"state\.safetensors does not fit config\.json"):
        Trainer(Run(run.path), TRAIN, VALIDATION)


@pytest.mark.parametrize("numbers", [{}, {"epoch": "x"}, {"epoch": None}], ids=str)
def test_a_state_of_damaged_numbers_is_refused_in_words(tmp_path, numbers):
    run = start(tmp_path / "run", {})
    Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(2))
    tensors, whole = run.state()
    run.save_state(tensors, whole | numbers if numbers else {})
    with pytest.raises(TrainingError, match=r"state\.safetensors does not fit config\.json"):
        Trainer(Run(run.path), TRAIN, VALIDATION)


def test_a_damaged_state_is_not_taken_for_none(tmp_path):
    run = start(tmp_path / "run", {})
    Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(2))
    path = run.path / "state.safetensors"
    save_file(load_file(path), path)
    with pytest.raises(ExplorerError, match=r"state\.safetensors"):
        Trainer(Run(run.path), TRAIN, VALIDATION)
