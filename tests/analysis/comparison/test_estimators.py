import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn

from explorer.analysis.comparison.estimators import (
    CODES_BY_CLASS,
    NO_CLASS_ASKED,
    NO_CODES,
    NO_PRIOR_TO_SAMPLE,
    NO_TIME,
    active_units,
    bound_outcomes,
    code_outcomes,
    cost_outcomes,
    sample_outcomes,
    smoothness,
)
from explorer.analysis.evaluation.classifier import class_fidelity, class_probabilities
from explorer.analysis.evaluation.evaluate import NO_PRIOR, image_terms
from explorer.analysis.statistics.bootstrap import Estimate, Resampling
from explorer.errors import ConfigError
from explorer.locations import CHECKPOINTS
from explorer.models.build import build_model
from explorer.models.likelihoods import GaussianLikelihood
from explorer.runs.listing import open_run
from explorer.workflows.comparison import measured_runs_of
from tests.support import LinearGaussian, digits, model_config

FEW = Resampling(n_resamples=20)


def shipped(name, n=60):
    return measured_runs_of([open_run(name, CHECKPOINTS)], CHECKPOINTS, n_images=n)[0]


def untrained(family, **changes):
    torch.manual_seed(0)
    model = build_model(model_config(family, **changes)).eval().requires_grad_(False)
    return replace(shipped("digits-vae-2d"), model=model, is_binary=False)


class Circle(nn.Module):
    """z -> (cos z, sin z) as images ``(B, 1, 1, 2)``."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, z, y):
        return torch.stack([z.cos(), z.sin()], dim=-1)[:, None]


def test_a_linear_decoder_walks_without_a_detour():
    model = LinearGaussian.example().requires_grad_(False)
    codes = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    detours = smoothness(replace(shipped("digits-vae-2d", 40), model=model), codes)
    assert detours.shape == (20,)
    np.testing.assert_allclose(detours, 1, rtol=1e-6)


def test_a_walk_on_a_circle_is_as_long_as_its_arc_is_to_its_chord():
    model = LinearGaussian.example()
    model.decoder, model.likelihood = Circle(), GaussianLikelihood(0.5)
    # Every two of these four are the same angle apart, whichever are paired, or twice it, or three times.
    angles = np.array([[0.0], [0.5], [1.0], [1.5]], np.float32)
    found = smoothness(replace(shipped("digits-vae-2d", 4), model=model.requires_grad_(False)), angles)
    arcs = {n: 0.5 * n / (2 * math.sin(0.25 * n)) for n in (1, 2, 3)}
    for each in found:
        assert min(abs(each / arc - 1) for arc in arcs.values()) < 1e-4
    assert found.shape == (2,)


def test_walks_between_codes_that_decode_alike_have_no_detour():
    measured_run = shipped("digits-ae-2d", 8)
    with pytest.raises(ConfigError, match="Two codes decode to the same image"):
        smoothness(measured_run, np.zeros((8, 2), np.float32))
    with pytest.raises(ConfigError, match="3 images make no two pairs"):
        smoothness(measured_run, np.zeros((3, 2), np.float32))


def test_active_units_are_counted_in_each_resample_as_in_the_whole():
    rng = np.random.default_rng(0)
    # The middle one is at the threshold: some resamples have it and others do not.
    mu = (5 + rng.normal(size=(80, 3)) * [1.0, 0.1, 1e-3]).astype(np.float32)
    resampling = Resampling(n_resamples=40)
    found = active_units(mu, resampling)
    expected = [
        (np.repeat(mu.astype(float), row.astype(int), axis=0).var(axis=0) > 0.01).sum() for row in resampling.counts(80)
    ]
    np.testing.assert_array_equal(found.replicates, expected)
    assert found.value == (mu.var(axis=0) > 0.01).sum()
    assert len(set(expected)) == 2


def test_the_bound_is_less_reconstruction_and_kl_and_each_the_mean_over_images():
    measured_run = shipped("digits-vae-2d")
    terms = image_terms(measured_run.model, measured_run.test, is_binary=True, n_samples=3)
    found = bound_outcomes(terms, FEW)
    assert found["elbo"].value == pytest.approx(-found["reconstruction"].value - found["kl"].value, rel=1e-9)
    assert found["iwae"].value == pytest.approx(terms.log_px.mean(), rel=1e-6)
    assert found["iwae"].value > found["elbo"].value
    assert found["mutual_information"].value == pytest.approx(terms.mutual_information.mean(), rel=1e-5)
    assert found["squared_error"].value == pytest.approx(terms.squared_error.mean(), rel=1e-5)


def test_an_autoencoder_has_a_reconstruction_and_says_why_it_has_no_bound():
    measured_run = shipped("digits-ae-2d")
    found = bound_outcomes(image_terms(measured_run.model, measured_run.test, is_binary=False, n_samples=1), FEW)
    assert {name for name, outcome in found.items() if outcome == NO_PRIOR} == {
        "elbo",
        "iwae",
        "kl",
        "mutual_information",
    }
    assert found["active_units"].value == 2


def test_the_distance_of_prior_samples_is_that_of_scipy_in_the_judges_features():
    measured_run = shipped("digits-vae-2d", 200)
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32))
    with torch.inference_mode():
        images = measured_run.model.decode(z).mean.mul(255).round().div(255)
        real = torch.from_numpy(measured_run.test.images).float() / 255
        sets = [measured_run.classifier.features(x).double().numpy() for x in (images, real)]
    means, covariances = [x.mean(0) for x in sets], [np.cov(x.T, bias=True) for x in sets]
    # A ridge keeps scipy's root of a singular product real; it moves the distance by less than its digits here.
    ridge = 1e-9 * np.eye(len(means[0]))
    root = linalg.sqrtm((covariances[0] + ridge) @ (covariances[1] + ridge)).real
    expected = np.square(means[0] - means[1]).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    found = sample_outcomes(measured_run, FEW)
    assert found["frechet_prior"].value == pytest.approx(expected, rel=1e-3)
    assert found["class_accuracy_prior"] == found["class_accuracy_density"] == NO_CLASS_ASKED


def test_the_class_accuracy_of_a_cvae_is_that_of_its_samples_in_the_classes_of_the_test_images():
    measured_run = shipped("digits-cvae-2d")
    found, labels = sample_outcomes(measured_run, FEW), measured_run.test.labels
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((60, 2)).astype(np.float32))
    with torch.inference_mode():
        images = measured_run.model.decode(z, torch.from_numpy(labels)).mean.mul(255).round().to(torch.uint8).numpy()
    expected = class_fidelity(class_probabilities(measured_run.classifier, images), labels)
    accuracy = found["class_accuracy_prior"]
    assert (accuracy.value, accuracy.low, accuracy.high) == (expected.share, expected.low, expected.high)
    assert found["class_accuracy_density"].value > 0.9


def test_each_source_of_samples_that_a_model_lacks_is_told():
    ae, gan = (sample_outcomes(untrained(family), FEW) for family in ("ae", "gan"))
    assert ae["frechet_prior"] == ae["class_accuracy_prior"] == NO_PRIOR_TO_SAMPLE
    assert gan["frechet_density"] == NO_CODES
    assert isinstance(ae["frechet_density"], Estimate)
    assert isinstance(gan["frechet_prior"], Estimate)
    conditional = sample_outcomes(untrained("cvae", prior="conditional"), FEW)
    assert conditional["frechet_density"] == CODES_BY_CLASS
    assert isinstance(conditional["class_accuracy_prior"], Estimate)


def test_without_a_judge_every_number_of_samples_says_how_to_have_one():
    found = sample_outcomes(replace(shipped("digits-vae-2d"), classifier=None), FEW)
    assert set(found) == {"frechet_prior", "frechet_density", "class_accuracy_prior", "class_accuracy_density"}
    assert set(found.values()) == {"there is no judge of digits; train it: python -m explorer judge --data digits"}


def test_images_of_one_class_lack_what_needs_classes_and_keep_their_neighbours():
    split = digits("test", 50)
    alike = replace(split, labels=np.zeros(50, np.int64), class_names=("all",))
    codes = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    found = code_outcomes(codes, alike, FEW)
    for name in ("knn_accuracy", "linear_probe", "silhouette", "nmi"):
        assert "the images are of one class, or have none" in found[name]
    assert 0.4 < found["trustworthiness"].value < 0.6
    assert isinstance(found["continuity"], Estimate)


def test_weights_are_counted_and_time_is_told_where_it_is_known():
    measured_run = shipped("digits-ae-2d")
    found = cost_outcomes(measured_run)
    assert found["parameters"] == sum(p.numel() for p in measured_run.model.parameters())
    assert found["seconds"] == sum(record["seconds"] for record in open_run("digits-ae-2d", CHECKPOINTS).history())
    assert cost_outcomes(replace(measured_run, seconds=None))["seconds"] == NO_TIME
