"""What is told of a path, against models whose images are known, and against the reliability of each code by itself."""

import json
import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from explorer.analysis.latent.reliability import ReliabilityGauge
from explorer.analysis.paths.geodesics import geodesic_path
from explorer.analysis.paths.interpolation import (
    N_FINE,
    at_constant_speed,
    linear_path,
    path_along,
    path_times,
    spherical_path,
)
from explorer.analysis.paths.neighbour_graph import NeighbourGraph
from explorer.analysis.paths.summary import fine_path, labels_at, mean_images, path_facts
from explorer.analysis.records import EncodedSet
from explorer.errors import ConfigError
from explorer.locations import CHECKPOINTS
from explorer.models.build import build_model
from explorer.runs.listing import open_run
from tests.support import LinearGaussian, model_config

T = path_times(9, overshoot=0.25)


class Bent:
    """A curve that is walked ever faster: z = (t^2, 0)."""

    def at(self, t):
        return np.stack([np.square(t), np.zeros_like(t)], axis=1).astype(np.float32)


def linear_gaussian():
    model = LinearGaussian.example().float()
    mu = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    zeros = np.zeros(300, np.float32)
    encoded = EncodedSet(
        mu=mu, log_var=None, labels=np.zeros(300, np.int64), reconstruction=zeros, kl=zeros, fingerprint=""
    )
    return model, ReliabilityGauge(model, encoded)


def gauge_of(name):
    run = open_run(name, CHECKPOINTS)
    return ReliabilityGauge(run.model(), run.encoded())


def test_of_a_linear_model_lengths_and_energy_are_those_of_the_straight_line_in_images():
    model, gauge = linear_gaussian()
    a, b = np.array([1, 0], np.float32), np.array([-1, 3], np.float32)
    facts = path_facts(model, gauge, linear_path(a, b, T))
    length = np.linalg.norm(model.decoder.weight.detach().numpy() @ (b - a))
    assert facts.latent_length == pytest.approx(math.sqrt(13), rel=1e-5)
    assert facts.image_length == pytest.approx(length, rel=1e-5)
    assert facts.image_energy == pytest.approx(length**2 / 2, rel=1e-4)
    assert facts.n_steps == N_FINE


def test_an_uneven_walk_has_the_length_of_an_even_one_and_more_energy():
    model, gauge = linear_gaussian()
    walk = path_along(Bent(), np.linspace(0, 1, 5), "linear")
    facts = path_facts(model, gauge, walk)
    length = float(model.decoder.weight.detach()[:, 0].norm())
    assert facts.image_length == pytest.approx(length, rel=1e-5)
    # 1/2 of the integral of (2 t)^2 is 2/3.
    assert facts.image_energy == pytest.approx(2 / 3 * length**2, rel=1e-3)


def test_a_fine_path_at_hand_tells_the_same_whatever_the_times_of_the_path():
    model, gauge = linear_gaussian()
    a, b = np.array([1, 0], np.float32), np.array([-1, 3], np.float32)
    fine = fine_path(model, spherical_path(a, b, T))
    other = spherical_path(a, b, path_times(5))
    assert path_facts(model, gauge, other, None, fine).to_json() == path_facts(model, gauge, other).to_json()


def test_facts_of_each_code_are_those_that_the_gauge_tells_of_it_alone():
    gauge = gauge_of("digits-vae-2d")
    path = spherical_path(gauge.encoded.mu[0], 3 * gauge.encoded.mu[9], T)
    facts = path_facts(gauge.model, gauge, path)
    alone = gauge.measure(path.codes, None, path.codes)
    assert facts.n_near.tolist() == [reliability.n_near for reliability in alone]
    np.testing.assert_allclose(facts.nearest, [reliability.nearest for reliability in alone])
    assert facts.verdicts == tuple(reliability.verdict for reliability in alone)
    assert set(facts.verdicts) >= {"near", "far"}
    np.testing.assert_allclose(facts.log_prior, [reliability.log_prior for reliability in alone])
    expected = MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.from_numpy(path.codes))
    np.testing.assert_allclose(facts.log_prior, expected.numpy(), rtol=1e-5)
    assert (facts.radius, facts.n_typical) == (alone[0].radius, alone[0].n_typical)


def test_a_conditional_model_is_compared_with_the_images_of_its_class():
    gauge = gauge_of("digits-cvae-2d")
    path = linear_path(gauge.encoded.mu[0], gauge.encoded.mu[9], T)
    labels = np.full(len(path), 4)
    facts = path_facts(gauge.model, gauge, path, labels)
    alone = gauge.measure(path.codes, labels, path.codes)
    assert facts.n_near.tolist() == [reliability.n_near for reliability in alone]
    assert facts.radius == gauge.neighbourhood(4).radius
    images = mean_images(gauge.model, path.finely().codes, np.full(N_FINE + 1, 4))
    assert facts.image_length == pytest.approx(np.linalg.norm(np.diff(images, axis=0), axis=1).sum(), rel=1e-5)
    assert facts.image_length != path_facts(gauge.model, gauge, path, labels + 1).image_length


def test_between_frames_of_two_classes_each_place_has_the_class_of_the_nearer():
    found = labels_at(np.linspace(0, 1, 11), np.array([0, 0.5, 1]), np.array([3, 4, 5]))
    assert found.tolist() == [3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5]
    assert labels_at(T, T, None) is None


def test_an_autoencoder_has_no_prior_and_an_unencoded_model_no_neighbours():
    gauge = gauge_of("digits-ae-2d")
    path = linear_path(gauge.encoded.mu[0], gauge.encoded.mu[9], T)
    assert path_facts(gauge.model, gauge, path).log_prior is None

    torch.manual_seed(0)
    facts = path_facts(build_model(model_config("gan")).eval(), None, path)
    assert (facts.n_near, facts.nearest, facts.verdicts, facts.radius) == (None, None, None, None)
    assert facts.log_prior.shape == (11,)
    assert facts.image_length > 0


def test_a_conditional_model_without_classes_is_refused_in_words():
    gauge = gauge_of("digits-cvae-2d")
    path = linear_path(gauge.encoded.mu[0], gauge.encoded.mu[9], T)
    with pytest.raises(ConfigError, match="decodes given a class"):
        path_facts(gauge.model, gauge, path)


def test_classes_of_another_number_are_a_mistake_of_the_caller():
    gauge = gauge_of("digits-cvae-2d")
    path = linear_path(gauge.encoded.mu[0], gauge.encoded.mu[9], T)
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(11,\)"):
        path_facts(gauge.model, gauge, path, np.zeros(3, np.int64))


@pytest.mark.parametrize("name", ["digits-vae-2d", "mnist-vae-16d"])
def test_of_all_kinds_the_geodesic_has_the_least_energy_and_no_energy_is_below_half_the_squared_length(name):
    gauge = gauge_of(name)
    a, b = gauge.encoded.mu[[0, 1]]
    paths = {
        "linear": linear_path(a, b, T),
        "spherical": spherical_path(a, b, T),
        "geodesic": geodesic_path(gauge.model, a, b, T),
        "data": NeighbourGraph(gauge.encoded.mu).path(a, b, T),
    }
    facts = {kind: path_facts(gauge.model, gauge, path) for kind, path in paths.items()}
    assert min(facts, key=lambda kind: facts[kind].image_energy) == "geodesic"
    assert min(facts, key=lambda kind: facts[kind].latent_length) == "linear"
    for told in facts.values():
        assert told.image_energy >= told.image_length**2 / 2 * (1 - 1e-6)


def test_at_constant_speed_the_frames_of_a_decoder_are_equally_far_apart():
    gauge = gauge_of("digits-vae-2d")
    path = linear_path(gauge.encoded.mu[0], gauge.encoded.mu[9], path_times(33))
    fine = path.finely()
    even = at_constant_speed(path, fine, mean_images(gauge.model, fine.codes))
    steps, before = (
        np.linalg.norm(np.diff(mean_images(gauge.model, each.codes), axis=0), axis=1) for each in (even, path)
    )
    assert steps.std() / steps.mean() < 0.05 < before.std() / before.mean()


def test_the_fine_sampling_is_fine_enough():
    gauge = gauge_of("mnist-vae-16d")
    path = linear_path(gauge.encoded.mu[0], gauge.encoded.mu[1], T)
    finest = mean_images(gauge.model, path.finely(4096).codes)
    length = np.linalg.norm(np.diff(finest, axis=0), axis=1).sum()
    assert path_facts(gauge.model, gauge, path).image_length == pytest.approx(length, rel=2e-3)


def test_facts_become_json_in_which_nothing_is_infinite():
    model = build_model(model_config(posterior="gamma")).eval()
    facts = path_facts(model, None, linear_path(np.full(2, -1, np.float32), np.ones(2, np.float32), T))
    assert np.isneginf(facts.log_prior[0])
    told = json.loads(json.dumps(facts.to_json(), allow_nan=False))
    assert told["log_prior"][0] is None
    assert told["log_prior"][-1] == pytest.approx(facts.log_prior[-1])
    assert told["n_near"] is None
    assert told["image_length"] == facts.image_length
