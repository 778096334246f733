"""What the page Generate offers for a model, and its traversals, without a browser."""

import numpy as np
import pytest
import torch

from explorer.analysis.coding import decode_codes
from explorer.analysis.evaluation.classifier import ClassFidelity, ClassShares
from explorer.runs.classifiers import ClassifierFacts, EvaluationClassifier
from explorer.serving.run_cache import RunCache
from explorer.ui.generate.sampling import drawn_codes
from explorer.ui.generate.sections import SECTIONS, sections_of
from explorer.ui.generate.traversals import N_STEPS, traversal_of
from explorer.ui.generate.view import GenerateView
from explorer.ui.sampling import decoded, has_temperature
from explorer.ui.widgets.classifier_facts import fidelity_words, shares_words
from tests.support import encode_run, new_run, save_codes

STEPS = np.arange(-3, 4)


@pytest.fixture(scope="module")
def run_cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, changes in {
        "vae": {},
        "ae": {"family": "ae", "likelihood": "gaussian"},
        "laplace": {"posterior": "laplace"},
        "cvae": {"family": "cvae"},
        "wide": {"family": "cvae", "prior": "conditional", "latent_dim": 3},
    }.items():
        encode_run(new_run(folder / name, **changes))
    new_run(folder / "gan", family="gan", latent_dim=5)
    return RunCache(folder)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("cvae", list(SECTIONS)),
        ("wide", ["samples", "style", "blend", "traverse"]),
        ("vae", ["samples", "traverse", "manifold"]),
        ("ae", ["samples", "traverse", "manifold"]),
        ("gan", ["samples", "traverse"]),
    ],
)
def test_a_model_has_the_parts_that_its_classes_and_its_latent_size_allow(run_cache, name, parts):
    assert sections_of(run_cache.run(name)) == parts


def test_why_a_part_is_not_there_names_what_to_choose_for_it(run_cache):
    assert "wide has 3 latent dimensions" in SECTIONS["manifold"].why_missing(run_cache.run("wide"))
    said = SECTIONS["style"].why_missing(run_cache.run("vae"))
    assert said.endswith("“Style of an image” needs: choose a CVAE for it.")


@pytest.mark.parametrize(
    ("name", "has"), [("vae", True), ("ae", False), ("laplace", False), ("wide", True), ("gan", True)]
)
def test_only_a_normal_prior_has_a_temperature(run_cache, name, has):
    assert has_temperature(run_cache.run(name)) == has


def test_a_prior_without_a_temperature_is_drawn_from_whatever_the_link_says(run_cache):
    loaded = run_cache.run("laplace")
    hot, plain = (drawn_codes(loaded, GenerateView(temperature=temperature), 5) for temperature in (2.0, 1.0))
    assert np.array_equal(hot, plain)


def test_more_codes_than_fit_a_request_are_decoded_in_order(run_cache):
    loaded = run_cache.run("vae")
    codes = np.random.default_rng(0).normal(size=(1500, 2)).astype(np.float32)
    images = decoded(loaded, codes)
    assert np.abs(images.astype(int) - decode_codes(loaded.model, codes)).max() <= 1


def test_a_traversal_moves_over_three_deviations_of_the_prior_around_its_mean(run_cache):
    it = traversal_of(run_cache.run("vae"), GenerateView())
    assert it.start.tolist() == [0, 0]
    assert it.values.tolist() == [STEPS.tolist()] * 2
    assert sorted([*it.live, *it.dead]) == [0, 1]
    assert (np.diff(it.measures[it.live]) <= 0).all()
    assert it.measure == "KL"


def test_a_traversal_under_a_prior_of_classes_moves_over_that_of_the_chosen_class(run_cache):
    loaded = run_cache.run("wide")
    with torch.no_grad():
        loaded.model.class_prior[4, 0] = torch.tensor([1.0, 2, 3])
        loaded.model.class_prior[4, 1] = 2 * torch.tensor([0.5, 1, 2]).log()
    it = traversal_of(loaded, GenerateView(label=4))
    assert it.start.tolist() == [1, 2, 3]
    np.testing.assert_allclose(it.values, [1 + 0.5 * STEPS, 2 + STEPS, 3 + 2 * STEPS], rtol=1e-6)


def test_a_traversal_of_an_autoencoder_moves_over_the_deviations_of_its_codes(run_cache):
    loaded = run_cache.run("ae")
    mean, deviation = (getattr(loaded.encoded.mu.astype(np.float64), what)(axis=0) for what in ("mean", "std"))
    it = traversal_of(loaded, GenerateView())
    np.testing.assert_allclose(it.start, mean, rtol=1e-5)
    np.testing.assert_allclose(it.values, mean[:, None] + deviation[:, None] * STEPS, rtol=1e-4, atol=1e-6)
    assert "there is no prior" in it.columns


def test_a_traversal_under_another_prior_moves_over_where_the_codes_lie(run_cache):
    loaded = run_cache.run("laplace")
    it = traversal_of(loaded, GenerateView())
    assert it.values.shape == (2, N_STEPS)
    assert (it.values[:, 0] <= loaded.encoded.mu.min(axis=0)).all()
    assert (it.values[:, -1] >= loaded.encoded.mu.max(axis=0)).all()
    np.testing.assert_allclose(np.diff(it.values, 2), 0, atol=1e-5)


def test_dimensions_that_carry_nothing_are_dead_and_none_is_lost(tmp_path):
    mu = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * np.float32([1, 0, 2])
    log_var = np.tile(np.float32([-2, 0, -3]), (50, 1))
    save_codes(new_run(tmp_path / "run", latent_dim=3), mu, np.arange(50) % 10, log_var=log_var)
    it = traversal_of(RunCache(tmp_path).run("run"), GenerateView())
    assert (it.live.tolist(), it.dead.tolist()) == ([2, 0], [1])


def test_dimensions_of_a_gan_are_sorted_by_what_they_change_in_the_image(run_cache):
    loaded = run_cache.run("gan")
    it = traversal_of(loaded, GenerateView())
    ends = np.concatenate([3 * np.eye(5), -3 * np.eye(5)]).astype(np.float32)
    images = decode_codes(loaded.model, ends).astype(float).reshape(2, 5, -1) / 255
    np.testing.assert_allclose(it.measures, np.abs(images[0] - images[1]).mean(axis=1), atol=1e-2)
    assert (np.diff(it.measures[it.live]) <= 0).all()
    assert len(it.live) == 5
    assert len(it.dead) == 0


def classifier():
    facts = {"data": "digits", "image_shape": (1, 8, 8), "n_classes": 3, "n_test": 1000, "n_right": 990, "seed": 0}
    return EvaluationClassifier(facts=ClassifierFacts(**facts, epochs=1, seconds=1), network=torch.nn.Identity())


def test_what_the_judge_says_stands_beside_how_often_it_is_right():
    fidelity = ClassFidelity(n=50, n_right=49, low=0.895, high=0.996)
    assert fidelity_words(fidelity, classifier(), "class 7") == (
        "**Judged to be class 7: 49 of 50** (95% interval 90% to 100%); the judge is right on 99.0% of 1,000 test "
        "images."
    )
    shares = ClassShares(counts=np.array([3, 0, 2]), confidence=0.876)
    assert shares_words(shares, classifier(), ["a", "b", "c"]) == (
        "**Judged to be 2 of 3 classes** (none is judged to be b), with a mean confidence of 88%; the judge is right "
        "on 99.0% of 1,000 test images."
    )
