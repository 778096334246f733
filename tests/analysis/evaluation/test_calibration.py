"""Calibration by simulation: uniform ranks of an exact posterior, and the sign of one that is wrong in a known way."""

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.analysis.evaluation.sbc import BAND, Calibration, calibrate
from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.distributions import DiagonalNormal
from tests.support import LinearGaussian, model_config

N = 4000


class Misjudging(LinearGaussian):
    """The exact posterior, its deviation times ``scale``, and moved by ``shift`` of the exact deviations."""

    scale, shift = 1.0, 0.0

    def encode(self, x, y=None):
        q = super().encode(x, y)
        deviation = (0.5 * q.log_var).exp()
        return DiagonalNormal(q.mu + self.shift * deviation, q.log_var + 2 * np.log(self.scale))


def calibration(scale=1.0, shift=0.0, seed=0, n=N):
    model = Misjudging.example()
    model.scale, model.shift = scale, shift
    return calibrate(model, n=n, seed=seed)


@pytest.fixture(scope="module")
def exact():
    return calibration()


def test_ranks_of_the_exact_posterior_are_uniform(exact):
    assert exact.ranks.shape == (N, 2)
    assert exact.ranks.min() == 0
    assert exact.ranks.max() == exact.n_draws == 99
    for dim in range(2):
        assert stats.chisquare(np.bincount(exact.ranks[:, dim], minlength=100)).pvalue > 0.001
        assert exact.facts(dim).verdict == "uniform"


def test_a_test_of_exact_posteriors_keeps_its_level():
    found = [calibration(seed=seed, n=200).facts(0).p_value for seed in range(1, 151)]
    assert np.mean(np.array(found) < 0.1) < 0.16


def test_all_but_a_hundredth_of_bars_of_the_exact_posterior_lie_within_the_band(exact):
    low, high = exact.band()
    counts = np.concatenate([exact.histogram(dim) for dim in range(2)])
    assert low < N / 20 < high
    assert ((counts >= low) & (counts <= high)).mean() >= BAND - 0.05
    assert exact.histogram(0).sum() == N


@pytest.mark.parametrize("scale", [0.5, 0.7, 1.5, 2.0])
def test_a_central_interval_holds_what_normal_distributions_say(scale):
    # z lies within 1.645 deviations of q, which are `scale` of its own; 99 draws blur the quantile a little.
    facts = calibration(scale).facts(0)
    expected = 2 * stats.norm.cdf(stats.norm.ppf(0.95) * scale) - 1
    assert facts.coverage == pytest.approx(expected, abs=0.03)
    assert facts.coverage_interval[0] < facts.coverage < facts.coverage_interval[1]


def test_too_narrow_a_posterior_has_high_ends_and_too_wide_a_one_a_high_middle():
    narrow, wide = calibration(0.6), calibration(1.6)
    for dim in range(2):
        counts = narrow.histogram(dim)
        assert min(counts[0], counts[-1]) > 2 * counts[8:12].max()
        assert narrow.facts(dim).verdict == "narrow"
        assert narrow.facts(dim).spread > 1.2
        counts = wide.histogram(dim)
        assert counts[8:12].min() > 2 * max(counts[0], counts[-1])
        assert wide.facts(dim).verdict == "wide"
        assert wide.facts(dim).spread < 0.8


@pytest.mark.parametrize("shift", [-0.4, 0.4])
def test_a_posterior_that_is_moved_up_leaves_codes_below_it(shift):
    facts = calibration(shift=shift).facts(1)
    assert facts.verdict == "shifted"
    assert np.sign(facts.lean) == -np.sign(shift)
    # Phi of a normal moved by s has the mean Phi(s / sqrt 2).
    assert facts.lean == pytest.approx(stats.norm.cdf(-shift / np.sqrt(2)) - 0.5, abs=5 * facts.lean_se)


def test_standard_errors_are_those_of_uniform_ranks():
    rng = np.random.default_rng(0)
    facts = [Calibration(ranks=rng.integers(100, size=(400, 1)), n_draws=99, seed=0).facts(0) for _ in range(400)]
    assert np.std([it.spread for it in facts]) == pytest.approx(facts[0].spread_se, rel=0.15)
    assert np.std([it.lean for it in facts]) == pytest.approx(facts[0].lean_se, rel=0.15)
    assert np.mean([it.spread for it in facts]) == pytest.approx(1, abs=0.01)


def test_ranks_that_are_neither_spread_nor_shifted_and_yet_not_uniform_are_seen():
    # 13.5 and 38.5 % from it on either side: the mean square distance is that of uniform ranks.
    ranks = np.tile([11, 36, 63, 88], 500)[:, None]
    facts = Calibration(ranks=ranks, n_draws=99, seed=0).facts(0)
    assert facts.p_value < 1e-6
    assert facts.verdict == "other"


def test_the_same_seed_simulates_the_same_codes():
    np.testing.assert_array_equal(calibration(n=300).ranks, calibration(n=300).ranks)
    assert (calibration(n=300).ranks != calibration(n=300, seed=1).ranks).any()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"posterior": "normal-full"},
        {"posterior": "gamma"},
        {"posterior": "beta", "likelihood": "gaussian"},
        {"family": "cvae"},
        {"family": "cvae", "prior": "conditional"},
    ],
)
def test_every_kind_of_model_with_a_posterior_can_be_calibrated(changes):
    torch.manual_seed(0)
    model = build_model(model_config(**changes)).eval().requires_grad_(False)
    found = calibrate(model, n_classes=model.config.n_classes, n=250, n_draws=19)
    assert found.ranks.shape == (250, 2)
    assert ((found.ranks >= 0) & (found.ranks <= 19)).all()


def test_ranks_that_do_not_part_into_bins_are_refused(exact):
    with pytest.raises(ConfigError, match="100 ranks cannot be parted into 7"):
        exact.histogram(0, n_bins=7)


def test_a_model_without_a_prior_has_nothing_to_simulate():
    with pytest.raises(ConfigError, match="simulates no codes"):
        calibrate(build_model(model_config("ae")))


def test_what_is_told_of_progress_ends_it_where_it_raises():
    def tell(progress):
        if progress.fraction > 0:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        calibrate(LinearGaussian.example(), on_progress=tell)
