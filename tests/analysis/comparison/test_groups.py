import numpy as np
import pytest
from scipy import stats

from explorer.analysis.comparison.compare import Comparison, Row
from explorer.analysis.comparison.measurements import Figure
from explorer.analysis.comparison.seeds import ONE_SEED, groups, spread_of
from explorer.analysis.evaluation.metrics import NAMES
from explorer.analysis.statistics.bootstrap import welch_interval
from explorer.locations import CHECKPOINTS
from explorer.workflows.comparison import measured_runs_of
from tests.support import new_run


def row(name, group, value=None, reason="none"):
    found = Figure(reason=reason) if value is None else Figure(value=value, reason="counted")
    return Row(name=name, group=group, figures=dict.fromkeys(NAMES, found))


def side_by_side(*rows, difference=0.0):
    differences = tuple(row(each.name, each.group, difference, "other images") for each in rows[1:])
    return Comparison(rows=rows, differences=differences, n_images=(9,) * len(rows), n_samples=1, seed=0)


def test_the_interval_of_two_means_is_welchs_by_scipy():
    a, b = [1.0, 2.5, 2.0, 4.0], [0.5, 0.7, 0.4]
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert welch_interval(a, b) == pytest.approx((expected.low, expected.high))
    assert welch_interval([2.0, 2.0], [1.0, 1.0]) == (1, 1)
    low, high = welch_interval([2.0, 2.0], [1.0, 1.5])
    assert low < 0.75 < high


def test_seeds_of_one_configuration_are_a_group_with_mean_and_spread():
    found = groups(side_by_side(row("a", "x", 1.0), row("b", "y", 7.0), row("c", "x", 2.0), row("d", "y", 7.5)))
    assert [group.names for group in found] == [("a", "c"), ("b", "d")]
    spread = found[0].spreads["nmi"]
    assert (spread.mean, spread.deviation, spread.n) == (1.5, pytest.approx(np.sqrt(0.5)), 2)
    difference = found[1].differences["nmi"]
    assert difference.value == 5.75
    assert (difference.low, difference.high) == welch_interval([7.0, 7.5], [1.0, 2.0])
    assert difference.is_difference
    assert found[0].differences == {}


def test_a_group_of_one_has_no_spread_and_no_interval():
    found = groups(side_by_side(row("a", "x", 1.0), row("b", "x", 2.0), row("c", "y", 3.0)))
    assert found[1].spreads["nmi"].deviation is None
    assert found[1].differences["nmi"].reason == ONE_SEED
    assert not found[1].differences["nmi"].is_difference


def test_groups_that_cannot_be_compared_or_lack_the_number_say_why():
    rows = row("a", "x", 1.0), row("b", "x", 2.0), row("c", "y", 3.0), row("d", "y", 4.0)
    apart = groups(side_by_side(*rows, difference=None))
    assert apart[1].differences["nmi"].reason == "other images"
    lacking = groups(side_by_side(*rows[:2], row("c", "y"), row("d", "y")))
    assert lacking[1].differences["nmi"].reason == "none"
    assert spread_of([row("c", "y")], "nmi").reason == "none"


def test_runs_of_one_seed_each_are_no_groups():
    assert groups(side_by_side(row("a", "x", 1.0), row("b", "y", 2.0))) == ()


def test_runs_that_differ_by_their_seed_alone_are_of_one_group(tmp_path):
    runs = [new_run(tmp_path / f"seed-{seed}", seed=seed) for seed in (0, 1)]
    longer = new_run(tmp_path / "longer", seed=1, epochs=3)
    keys = [one.group for one in measured_runs_of([*runs, longer], CHECKPOINTS, n_images=20)]
    assert keys[0] == keys[1] != keys[2]
