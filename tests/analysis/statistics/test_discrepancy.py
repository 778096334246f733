"""The maximum mean discrepancy: against a double loop, zero on average under equality, a test that keeps its level."""

import itertools

import numpy as np
import pytest
from scipy import stats

from explorer.analysis.statistics.mmd import MOST_ITEMS, discrepancy
from explorer.errors import ConfigError


def samples(seed, n=100, shift=0.0, n_dims=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_dims)), rng.normal(size=(n, n_dims)) + shift


def test_it_is_that_of_a_direct_double_loop():
    x, y = samples(0, n=12, shift=0.5)
    joined = np.concatenate([x, y])
    bandwidth = np.median([np.linalg.norm(a - b) for a, b in itertools.combinations(joined, 2)])

    def kernel(a, b):
        return np.exp(-(np.linalg.norm(a - b) ** 2) / (2 * bandwidth**2))

    within = [sum(kernel(a, b) for a, b in itertools.permutations(part, 2)) / (12 * 11) for part in (x, y)]
    across = sum(kernel(a, b) for a, b in itertools.product(x, y)) / 12**2
    found = discrepancy(x, y, n_permutations=10)
    assert found.value == pytest.approx(sum(within) - 2 * across, abs=1e-12)
    assert found.bandwidth == pytest.approx(bandwidth)
    assert (found.n, found.n_permutations, found.seed) == (12, 10, 0)


def test_it_is_zero_in_expectation_where_both_are_of_one_distribution_and_often_below():
    values = np.array([discrepancy(*samples(seed, n=50), n_permutations=1).value for seed in range(300)])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(300)
    assert 0.3 < (values < 0).mean() < 0.9


def test_a_test_of_equal_distributions_rejects_as_often_as_its_level():
    p_values = [discrepancy(*samples(seed, n=30), n_permutations=99, seed=seed).p_value for seed in range(200)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert min(p_values) >= 1 / 100


def test_a_shift_is_seen_and_a_longer_one_is_farther():
    near, far = (discrepancy(*samples(1, n=200, shift=shift)) for shift in (0.5, 2.0))
    assert near.p_value == far.p_value == 1 / 1001
    assert far.value > near.value > near.null_high > 0


def test_its_standard_error_is_what_it_varies_by_where_the_two_differ():
    found = [discrepancy(*samples(seed, n=80, shift=1.0), n_permutations=1) for seed in range(150)]
    spread = np.std([it.value for it in found], ddof=1)
    assert np.mean([it.se for it in found]) == pytest.approx(spread, rel=0.25)


def test_permutations_are_the_seeds_and_nothing_else():
    x, y = samples(2)
    first, again, other = (discrepancy(x, y, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert other.value == first.value
    assert other.null_high != first.null_high


def test_order_and_swap_of_the_samples_leave_the_value():
    x, y = samples(4, shift=0.3)
    value = discrepancy(x, y, n_permutations=1).value
    assert discrepancy(y, x, n_permutations=1).value == pytest.approx(value, abs=1e-12)
    assert discrepancy(x[::-1], y, n_permutations=1).value == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 2)), "4 to 2,000"),
        (np.zeros((5, 2)), np.zeros((6, 2)), "as many codes of one as of the other"),
        (np.zeros((MOST_ITEMS + 1, 1)), np.zeros((MOST_ITEMS + 1, 1)), "4 to 2,000"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), "the model has diverged"),
        (np.zeros((5, 2)), np.zeros((5, 2)), "median distance"),
    ],
)
def test_what_cannot_be_compared_is_said(x, y, message):
    with pytest.raises(ConfigError, match=message):
        discrepancy(x, y)


def test_what_is_told_of_progress_ends_it_where_it_raises():
    def tell(_):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        discrepancy(*samples(0), on_progress=tell)
