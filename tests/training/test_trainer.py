import math

import numpy as np
import pytest
import torch

from explorer.data.images import ImageSplit
from explorer.errors import TrainingError
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.elbo import elbo_terms
from explorer.runs.run import Run
from explorer.training.step import TrainingStep
from explorer.training.trainer import StopReason, Trainer, initial_model
from tests.support import digits, fresh_run, run_config

TRAIN, VALIDATION = digits("train", 200), digits("validation", 100)


def trained(path, *, train: ImageSplit = TRAIN, validation: ImageSplit = VALIDATION, **changes) -> Run:
    run = fresh_run(path, run_config(**changes), train)
    assert Trainer(run, train, validation).fit() is StopReason.FINISHED
    return run


def last_weights(run: Run) -> dict[str, torch.Tensor]:
    tensors, _ = run.state()
    return {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def objective_of(model: LatentModel, images: np.ndarray) -> float:
    """Mean objective of an autoencoder, which draws nothing, computed here."""
    x = torch.from_numpy(images).float() / 255
    squared_error = (x - model.decode(model.encode(x).mean).mean).square().sum(dim=(1, 2, 3))
    return float(-squared_error.mean() - 32 * math.log(math.pi))


def test_training_is_a_function_of_its_seed(tmp_path):
    torch.manual_seed(1)
    first = trained(tmp_path / "first", seed=3)
    torch.manual_seed(2)
    second = trained(tmp_path / "second", seed=3)
    other = trained(tmp_path / "other", seed=4)
    assert same(last_weights(first), last_weights(second))
    assert first.fingerprint() == second.fingerprint() != other.fingerprint()


def test_training_leaves_the_outer_random_state(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(), TRAIN)
    before = torch.get_rng_state()
    Trainer(run, TRAIN, VALIDATION).fit()
    assert torch.equal(torch.get_rng_state(), before)


def test_training_raises_the_objective(tmp_path):
    run = trained(tmp_path / "run", train=digits("train"), epochs=12, binarisation="per-presentation")
    objectives = [record["validation"]["objective"] for record in run.history()]
    assert objectives[-1] > objectives[0] + 1


def test_validation_images_change_no_weight(tmp_path):
    first = trained(tmp_path / "first")
    second = trained(tmp_path / "second", validation=digits("validation").head(7))
    assert same(last_weights(first), last_weights(second))


def test_the_weights_kept_are_those_of_the_best_validation_epoch(tmp_path):
    few = digits("train", 12)
    changes = {"family": "ae", "likelihood": "gaussian", "epochs": 60, "learning_rate": 3e-2, "hidden": (64,)}
    run = trained(tmp_path / "run", train=few, **changes)
    objectives = [record["validation"]["objective"] for record in run.history()]
    assert max(objectives) > objectives[-1] + 0.01
    assert objective_of(run.model(), VALIDATION.images) == pytest.approx(max(objectives), abs=1e-3)


def test_history_says_what_was_maximised_in_nats_per_image(tmp_path):
    run = trained(tmp_path / "run", objective={"beta": 4.0})
    assert [record["epoch"] for record in run.history()] == [1, 2]
    for record in run.history():
        for means in (record["train"], record["validation"]):
            assert means["elbo"] == pytest.approx(means["log_likelihood"] - means["kl"])
            assert means["objective"] == pytest.approx(means["log_likelihood"] - 4 * means["kl"])
            assert means["kl"] > 0


def test_the_history_of_an_autoencoder_claims_no_elbo(tmp_path):
    (first, _) = trained(tmp_path / "run", family="ae", likelihood="gaussian").history()
    assert "elbo" not in first["train"] | first["validation"]
    assert first["validation"]["kl"] == 0


def test_the_loss_is_minus_the_mean_objective(tmp_path):
    model = initial_model(run_config(), TRAIN)
    step = TrainingStep(model)
    x, y = torch.rand(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)
    torch.manual_seed(0)
    loss, sums = step(x, y, ObjectiveConfig(beta=3.0))
    torch.manual_seed(0)
    terms = elbo_terms(model, x)
    torch.testing.assert_close(loss, -terms.elbo(beta=3.0).mean())
    expected = [terms.elbo(beta=3.0).sum(), terms.log_likelihood.sum(), terms.kl.sum()]
    torch.testing.assert_close(sums, torch.stack(expected))
    assert loss.requires_grad
    assert not sums.requires_grad


def test_the_initial_model_decodes_near_the_training_mean():
    model = initial_model(run_config(likelihood="gaussian"), TRAIN)
    mean = torch.from_numpy(TRAIN.images.mean(axis=0, dtype=np.float64) / 255).float()
    torch.testing.assert_close(model.decoder.bias.detach(), mean)


def test_images_of_another_shape_are_refused_in_words(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(), TRAIN)
    wide = ImageSplit(
        name="wide",
        part="train",
        images=np.zeros((3, 1, 8, 9), np.uint8),
        labels=np.zeros(3, np.int64),
        class_names=("only",),
    )
    with pytest.raises(TrainingError, match=r"wide has images of shape \(1, 8, 9\).*made for \(1, 8, 8\)"):
        Trainer(run, wide, VALIDATION)


def test_more_classes_than_the_model_knows_are_refused_in_words(tmp_path):
    run = fresh_run(tmp_path / "run", run_config("cvae"), TRAIN)
    many = ImageSplit(
        name="many",
        part="train",
        images=TRAIN.images,
        labels=TRAIN.labels,
        class_names=tuple("abcdefghijk"),
    )
    with pytest.raises(TrainingError, match="many has 11 classes; the model was made for 10"):
        Trainer(run, many, VALIDATION)


def test_progress_counts_epochs_and_steps(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=400, batch_size=20), TRAIN)
    seen = []
    Trainer(run, TRAIN, VALIDATION, on_progress=seen.append).fit(stop=lambda: len(seen) >= 2)
    first, last = seen[0], seen[-1]
    assert (first.epoch, first.step) < (last.epoch, last.step)
    for progress in seen:
        assert 1 <= progress.step <= progress.steps_per_epoch == 10
        assert progress.images_per_second > 0
        assert progress.seconds_left > 0
        assert all(math.isfinite(figure) for figure in progress.figures.values())
