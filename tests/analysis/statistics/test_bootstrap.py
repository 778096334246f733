import numpy as np
import pytest
from scipy import stats

from explorer.analysis.statistics.bootstrap import (
    Resampling,
    centred_estimate,
    difference,
    estimate,
    mean_estimate,
    share_estimate,
    wilson_interval,
)
from explorer.errors import ConfigError


def share_covered(draw, truth, n_times=600):
    """How often the interval of the mean of ``draw(rng)`` holds the truth; each time other data and other resamples."""
    rng = np.random.default_rng(7)
    found = (mean_estimate(draw(rng), Resampling(seed=seed, n_resamples=400)) for seed in range(n_times))
    return np.mean([one.low <= truth <= one.high for one in found])


def test_intervals_of_normal_means_hold_the_truth_as_often_as_they_say():
    # Of 600 the standard deviation of the share is 0.009.
    assert share_covered(lambda rng: rng.normal(3.0, 2.0, 80), 3.0) == pytest.approx(0.95, abs=0.03)


def test_intervals_of_means_of_a_skewed_density_nearly_do():
    assert share_covered(lambda rng: rng.exponential(2.0, 200), 2.0) == pytest.approx(0.95, abs=0.03)


def test_the_difference_of_two_alike_is_called_one_as_seldom_as_said():
    rng, called = np.random.default_rng(8), 0
    for seed in range(600):
        common, resampling = rng.normal(size=80), Resampling(seed=seed, n_resamples=400)
        first, second = (mean_estimate(common + rng.normal(0, 0.3, 80), resampling) for _ in range(2))
        called += difference(second, first).excludes_zero
    assert called / 600 == pytest.approx(0.05, abs=0.03)


def test_the_interval_is_that_of_scipy_up_to_its_draws():
    values = np.random.default_rng(0).gamma(3, 1, 300)
    ours = mean_estimate(values, Resampling(n_resamples=5000))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=5000, method="percentile", rng=1).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(theirs, abs=0.02)
    assert ours.value == values.mean()


def test_pairs_make_visible_a_difference_that_is_small_beside_the_spread():
    rng = np.random.default_rng(2)
    first = rng.normal(0, 10, 200)
    second = first + 0.1 + rng.normal(0, 0.1, 200)
    a, b = (mean_estimate(values, Resampling()) for values in (first, second))
    paired = difference(b, a)
    assert paired.excludes_zero
    assert paired.value == pytest.approx((second - first).mean())
    assert paired.high - paired.low < 0.1 < a.high - a.low
    assert not difference(a, a).excludes_zero


def test_resamples_have_as_many_items_and_are_the_same_for_one_seed_alone():
    counts = Resampling(seed=3, n_resamples=50).counts(30)
    assert counts.shape == (50, 30)
    assert (counts.sum(axis=1) == 30).all()
    np.testing.assert_array_equal(counts, Resampling(seed=3, n_resamples=50).counts(30))
    assert (counts != Resampling(seed=4, n_resamples=50).counts(30)).any()


def test_the_means_of_columns_are_those_of_each_and_of_the_items_drawn():
    values = np.random.default_rng(1).normal(size=(20, 3))
    resampling = Resampling(n_resamples=7)
    drawn = np.stack([np.repeat(values, row.astype(int), axis=0).mean(axis=0) for row in resampling.counts(20)])
    np.testing.assert_allclose(resampling.means(values), drawn, rtol=1e-12)
    np.testing.assert_allclose(resampling.means(values[:, 1]), drawn[:, 1], rtol=1e-12)


def test_a_share_of_one_still_has_an_interval_and_it_is_that_of_wilson():
    found = share_estimate(np.ones(50, bool), Resampling())
    assert (found.low, found.high) == wilson_interval(50, 50)
    assert found.low < found.value == 1
    assert (found.replicates == 1).all()


def test_a_biased_statistic_lies_in_its_own_interval_when_centred():
    replicates = np.random.default_rng(0).normal(5, 1, 4000)
    assert estimate(2.0, replicates).low > 2
    centred = centred_estimate(2.0, replicates)
    assert (centred.low, centred.high) == pytest.approx((2 - 1.96, 2 + 1.96), abs=0.1)
    assert centred_estimate(1.0, replicates, least=0).low == 0


@pytest.mark.parametrize(("values", "text"), [([1.0], "at least two items"), ([1.0, np.inf], "not a finite number")])
def test_values_without_an_interval_are_refused_in_words(values, text):
    with pytest.raises(ConfigError, match=text):
        mean_estimate(np.array(values), Resampling())


def test_resamples_of_different_numbers_are_not_paired():
    a, b = (mean_estimate(np.arange(5.0), Resampling(n_resamples=n)) for n in (10, 11))
    with pytest.raises(ValueError, match="10 and 11 resamples"):
        difference(a, b)
