import numpy as np
import pytest
import torch

from explorer.analysis.projections.procrustes import epoch_map
from explorer.data.batches import evaluation_pixels
from explorer.runs.run import Run
from explorer.runs.timeline import FOLDER, epoch_path, recorded_epochs
from explorer.training import trainer as trainers
from explorer.training.trainer import StopReason, Trainer, initial_model
from tests.support import digits, fresh_run, run_config
from tests.training.test_resume import assert_same_run, stop_at_question

TRAIN, VALIDATION = digits("train", 150), digits("validation", 50)
STEPS, EPOCHS = 5, 3
FAMILIES = {
    "vae": {},
    "vae, 5 dimensions": {"latent_dim": 5},
    "vae, 1 dimension": {"latent_dim": 1},
    "vae, binary": {"binarisation": "per-presentation"},
    "vae, gamma": {"posterior": "gamma"},
    "cvae": {"family": "cvae", "latent_dim": 3},
    "cvae, prior by class": {"family": "cvae", "prior": "conditional"},
    "ae": {"family": "ae", "likelihood": "gaussian"},
    "gan": {"family": "gan"},
}


def start(path, changes=None, **more) -> Run:
    config = run_config(**{"epochs": EPOCHS, "batch_size": 32, "seed": 5} | (changes or {}) | more)
    return fresh_run(path, config, TRAIN)


def trained(path, changes=None, **more) -> Run:
    run = start(path, changes, **more)
    assert Trainer(run, TRAIN, VALIDATION).fit() is StopReason.FINISHED
    return run


def timeline_bytes(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run.path / FOLDER).iterdir()}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_epoch_is_what_the_trained_model_makes_of_the_sample(tmp_path, family):
    run = start(tmp_path / "run", FAMILIES[family])
    trainer = Trainer(run, TRAIN, VALIDATION)
    trainer.fit()
    timeline, model = run.timeline(), trainer.model.eval()
    record = timeline.record(EPOCHS)
    assert timeline.epochs == (0, 1, 2, 3)
    assert (record.samples is None) == (family == "ae")
    if family == "gan":
        assert (record.codes, record.points, record.reconstructions, len(timeline.sample.labels)) == (None,) * 3 + (0,)
        return
    x = evaluation_pixels(torch.from_numpy(VALIDATION.images), is_binary=run.config.is_binary)
    with torch.inference_mode():
        codes = model.encode(x, torch.from_numpy(VALIDATION.labels)).mean
    np.testing.assert_allclose(record.codes, codes, rtol=2e-3, atol=1e-4)
    assert np.array_equal(timeline.sample.labels, VALIDATION.labels)
    if run.config.model.latent_dim == 2:
        np.testing.assert_allclose(record.points, codes, rtol=2e-3, atol=1e-4)
    shown = [
        np.flatnonzero((x.mul(255).round().numpy() == image).all(axis=(1, 2, 3)))[0]
        for image in timeline.sample.originals
    ]
    assert VALIDATION.labels[shown].tolist() == list(range(8))
    with torch.inference_mode():
        means = model.decode(codes[shown], torch.from_numpy(VALIDATION.labels[shown])).mean.clamp(0, 1)
    assert np.abs(record.reconstructions - 255 * means.numpy()).max() <= 0.51


@pytest.mark.parametrize("family", ["vae", "cvae", "vae, 5 dimensions"])
def test_epoch_0_is_the_model_before_training(tmp_path, family):
    run = trained(tmp_path / "run", FAMILIES[family])
    model = initial_model(run.config, TRAIN).eval()
    with torch.inference_mode():
        x = evaluation_pixels(torch.from_numpy(VALIDATION.images), is_binary=False)
        codes = model.encode(x, torch.from_numpy(VALIDATION.labels)).mean
    np.testing.assert_allclose(run.timeline().record(0).codes, codes, rtol=2e-3, atol=1e-4)


def test_maps_of_several_dimensions_follow_one_another(tmp_path):
    run = trained(tmp_path / "run", latent_dim=5)
    timeline = run.timeline()
    _, maps = timeline.maps()
    before = None
    for epoch, points in zip(timeline.epochs, maps, strict=True):
        expected = epoch_map(timeline.record(epoch).codes, before)
        # The map was made of codes in float32, and these are the stored ones.
        assert np.abs(points - expected).max() < 0.02 * np.abs(points).max()
        before = points


def test_samples_of_every_epoch_are_of_the_same_noise(tmp_path):
    # At a learning rate that moves nothing, every epoch shows the same 64 images.
    for family in ("vae", "cvae, prior by class", "vae, gamma", "gan"):
        run = trained(tmp_path / family.replace(", ", "-").replace(" ", "-"), FAMILIES[family], learning_rate=1e-12)
        samples = [run.timeline().record(epoch).samples for epoch in range(EPOCHS + 1)]
        assert all(np.array_equal(samples[0], later) for later in samples)
        assert len(np.unique(samples[0].reshape(64, -1), axis=0)) > 32


@pytest.mark.parametrize("family", ["vae, binary", "cvae, prior by class", "vae, gamma", "ae", "gan"])
def test_training_is_the_same_to_the_bit_with_and_without_recording(tmp_path, family, monkeypatch):
    recorded = trained(tmp_path / "recorded", FAMILIES[family])
    monkeypatch.setattr(trainers.Trainer, "_begin_recording", lambda _: None)
    plain = trained(tmp_path / "plain", FAMILIES[family])
    assert plain.timeline() is None
    assert_same_run(recorded, plain)


@pytest.mark.parametrize("family", ["vae, 5 dimensions", "cvae", "gan"])
def test_a_run_that_is_stopped_and_gone_on_with_has_the_timeline_of_one_that_never_was(tmp_path, family):
    whole = trained(tmp_path / "whole", FAMILIES[family])
    run = start(tmp_path / "stopped", FAMILIES[family])
    for n in (3, STEPS, STEPS - 1):
        Trainer(Run(run.path), TRAIN, VALIDATION).fit(stop_at_question(n))
    Trainer(Run(run.path), TRAIN, VALIDATION).fit()
    assert timeline_bytes(run) == timeline_bytes(whole)


def test_epochs_that_a_crash_left_ahead_of_the_state_are_recorded_anew(tmp_path):
    whole, run = trained(tmp_path / "whole", latent_dim=5), start(tmp_path / "crashed", latent_dim=5)
    Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(STEPS + 1))
    epoch_path(run.path / FOLDER, 2).write_bytes(b"of another course of things")
    Trainer(Run(run.path), TRAIN, VALIDATION).fit()
    assert timeline_bytes(run) == timeline_bytes(whole)


def test_a_run_of_an_older_program_is_recorded_from_where_it_goes_on(tmp_path, monkeypatch):
    run = start(tmp_path / "run")
    with monkeypatch.context() as older:
        older.setattr(trainers.Trainer, "_begin_recording", lambda _: None)
        Trainer(run, TRAIN, VALIDATION).fit(stop_at_question(STEPS + 1))
    Trainer(Run(run.path), TRAIN, VALIDATION).fit()
    assert run.timeline().epochs == (1, 2, 3)


def test_a_finished_run_that_is_trained_no_further_is_not_touched(tmp_path):
    run = trained(tmp_path / "run")
    before = timeline_bytes(run)
    Trainer(Run(run.path), TRAIN, VALIDATION).fit()
    assert timeline_bytes(run) == before


def test_an_epoch_whose_codes_are_no_numbers_is_left_out(tmp_path):
    run = start(tmp_path / "run", learning_rate=1e-12, family="ae", likelihood="gaussian")
    trainer = Trainer(run, TRAIN, VALIDATION)
    trainer._begin_recording()
    with torch.no_grad():
        next(trainer.model.encoder.parameters()).fill_(float("nan"))
    trainer._recorder.record(trainer.model, 1)
    assert recorded_epochs(run.path / FOLDER) == (0,)


def test_many_dimensions_are_recorded_for_fewer_images(tmp_path):
    run = trained(tmp_path / "run", latent_dim=512, epochs=1, hidden=(8,))
    assert run.timeline().record(1).codes.shape == (50, 512)
    many = digits("train")
    run = start(tmp_path / "many", latent_dim=512, epochs=1, hidden=(8,))
    Trainer(run, TRAIN, many).fit()
    assert run.timeline().record(1).codes.shape == (256, 512)


def test_history_tells_images_per_second(tmp_path):
    run = trained(tmp_path / "run")
    for record in run.history():
        assert record["images_per_second"] >= len(TRAIN) / (record["seconds"] + 0.001)
