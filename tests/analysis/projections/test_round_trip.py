import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from explorer.analysis.latent.neighbourhood import FARTHEST, spread
from explorer.analysis.latent.reliability import ReliabilityGauge
from explorer.analysis.projections.methods import plane
from explorer.analysis.projections.round_trip import RETURNING, round_trip_errors
from explorer.analysis.records import EncodedSet
from explorer.errors import ConfigError
from explorer.models.build import build_model
from tests.support import LinearGaussian, model_config

SIGMA, SIDE = 0.04, 24
WEIGHT = torch.zeros(5, 2)
WEIGHT[0, 0], WEIGHT[1, 1] = 0.06, 0.02


def encoded_set(mu, labels=None):
    zeros = np.zeros(len(mu), np.float32)
    labels = np.zeros(len(mu), np.int64) if labels is None else labels
    return EncodedSet(
        mu=mu.astype(np.float32), log_var=None, labels=labels, reconstruction=zeros, kl=zeros, fingerprint=""
    )


def codes(n=300, n_dims=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_dims))


@pytest.fixture
def swept():
    """A linear model whose images come back shrunk, each dimension by a factor that is known."""
    encoded = encoded_set(codes())
    gauge = ReliabilityGauge(LinearGaussian(WEIGHT, torch.full((5,), 0.5), SIGMA), encoded)
    return encoded, round_trip_errors(gauge, plane(encoded, 0, 1), side=SIDE)


def shrinkage(z):
    squares = np.array([0.06, 0.02]) ** 2
    return np.linalg.norm(z * (1 - squares / (squares + SIGMA**2)), axis=1)


def places(found):
    left, right, bottom, top = found.extent
    steps = (np.arange(SIDE) + 0.5) / SIDE
    return np.array([[left + a * (right - left), bottom + b * (top - bottom)] for b in steps for a in steps])


def test_the_error_of_a_linear_model_is_what_its_posterior_shrinks(swept):
    _, found = swept
    np.testing.assert_allclose(found.error.ravel(), shrinkage(places(found)), atol=1e-5)


def test_a_place_is_a_hole_where_fewer_than_1_in_20_images_come_back_as_badly(swept):
    encoded, found = swept
    own = shrinkage(encoded.mu[spread(len(encoded))])
    assert found.threshold == pytest.approx(np.quantile(own, RETURNING), rel=1e-5)
    assert np.mean(own > found.threshold) == pytest.approx(1 - RETURNING, abs=0.01)
    assert np.array_equal(found.is_hole.ravel(), shrinkage(places(found)) > found.threshold)


def test_a_place_is_empty_where_every_image_is_farther_than_images_are_apart(swept):
    encoded, found = swept
    apart = cdist(encoded.mu, encoded.mu)
    np.fill_diagonal(apart, np.inf)
    reach = np.quantile(apart.min(axis=1), FARTHEST)
    nearest = cdist(places(found), encoded.mu).min(axis=1)
    assert np.array_equal(found.is_empty.ravel(), nearest > reach)
    n_empty, n_filled = found.is_empty.sum(), (~found.is_empty).sum()
    assert found.empty_share == pytest.approx(n_empty / SIDE**2)
    both = n_empty * found.hole_share(of_empty=True) + n_filled * found.hole_share(of_empty=False)
    assert both == pytest.approx(found.is_hole.sum())


def test_the_sweep_covers_the_points_but_for_1_in_100_and_a_margin(swept):
    encoded, found = swept
    left, right, bottom, top = found.extent
    for low, high, values in ((left, right, encoded.mu[:, 0]), (bottom, top, encoded.mu[:, 1])):
        ends = np.percentile(values, [0.5, 99.5])
        np.testing.assert_allclose([low, high], ends + np.array([-0.08, 0.08]) * np.ptp(ends), rtol=1e-5)


def test_a_conditional_model_decodes_each_place_in_the_class_of_the_nearest_image():
    torch.manual_seed(0)
    model = build_model(model_config("cvae")).eval()
    rng = np.random.default_rng(1)
    left_and_right = np.concatenate([rng.normal(-3, 0.1, (60, 2)), rng.normal(3, 0.1, (60, 2))])
    encoded = encoded_set(left_and_right, np.repeat([0, 1], 60))
    asked = []
    forward, model.decode = model.decode, lambda z, y=None: (asked.append((z, y)), forward(z, y))[1]
    found = round_trip_errors(ReliabilityGauge(model, encoded), plane(encoded, 0, 1), side=10)
    z, y = (torch.cat([one[part] for one in asked if len(one[0]) == 100]) for part in (0, 1))
    assert len(z) == found.error.size == 100
    assert torch.equal(y, (z.sum(dim=1) > 0).long())


def test_progress_is_told_and_a_stop_leaves_no_sweep():
    encoded = encoded_set(codes())
    gauge = ReliabilityGauge(LinearGaussian(WEIGHT, torch.full((5,), 0.5), SIGMA), encoded)
    told = []
    round_trip_errors(gauge, plane(encoded, 0, 1), side=SIDE, on_progress=told.append)
    assert [progress.fraction for progress in told] == pytest.approx([200 / 576, 400 / 576, 1.0])
    assert round_trip_errors(gauge, plane(encoded, 0, 1), stop=lambda: True) is None


def test_a_map_without_extent_and_a_square_of_one_place_are_refused():
    line = encoded_set(codes() * [1, 0])
    gauge = ReliabilityGauge(LinearGaussian(WEIGHT, torch.full((5,), 0.5), SIGMA), line)
    with pytest.raises(ConfigError, match="at one place or on one line of this map: there is nothing to sweep"):
        round_trip_errors(gauge, plane(line, 0, 1))
    with pytest.raises(ConfigError, match="1 places along a side sweep nothing: use at least 2"):
        round_trip_errors(gauge, plane(line, 0, 1), side=1)
