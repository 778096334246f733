import pytest
from pydantic import ValidationError

from explorer.objectives.config import ObjectiveConfig


@pytest.mark.parametrize(
    ("schedule", "betas"),
    [
        ("constant", {0: 4, 0.5: 4, 10: 4, 1000: 4}),
        ("warm-up", {0: 0, 2.5: 1, 5: 2, 10: 4, 10.1: 4, 1000: 4}),
        ("cyclic", {0: 0, 5: 2, 10: 4, 15: 4, 19.9: 4, 20: 0, 25: 2, 30: 4, 39: 4, 40: 0, 1005: 2}),
    ],
)
def test_beta_is_constant_or_rises_over_the_ramp_once_or_in_cycles(schedule, betas):
    config = ObjectiveConfig(beta=4.0, kl_schedule=schedule, ramp_epochs=10.0)
    assert {epoch: config.at(epoch).beta for epoch in betas} == pytest.approx(betas)


@pytest.mark.parametrize("schedule", ["constant", "warm-up", "cyclic"])
def test_no_schedule_ever_exceeds_beta_or_falls_below_zero(schedule):
    config = ObjectiveConfig(beta=0.7, kl_schedule=schedule, ramp_epochs=0.3)
    betas = [config.at(step / 97).beta for step in range(1000)]
    assert min(betas) >= 0
    assert max(betas) == 0.7


@pytest.mark.parametrize("schedule", ["constant", "warm-up", "cyclic"])
def test_the_objective_of_a_moment_differs_in_its_beta_alone_and_stays_as_it_is(schedule):
    config = ObjectiveConfig(beta=4.0, kl_schedule=schedule, free_bits="batch-mean", free_nats=0.2, n_samples=3)
    now = config.at(2.5)
    assert now.at(7.0) == now
    assert now == config.model_copy(update={"beta": now.beta, "kl_schedule": "constant"})


@pytest.mark.parametrize(
    "changes", [{"beta": 0.5}, {"beta": 2.0}, {"kl_schedule": "warm-up"}, {"free_bits": "per-example"}], ids=str
)
def test_the_importance_weighted_bound_has_no_kl_to_weigh_or_to_free(changes):
    with pytest.raises(ValidationError, match="has no KL term of its own to weigh or to free; use beta 1"):
        ObjectiveConfig(estimator="iwae", **changes)
    assert ObjectiveConfig(estimator="iwae", n_samples=50).is_bound


@pytest.mark.parametrize(
    ("changes", "is_bound"),
    [
        ({}, True),
        ({"beta": 0.999}, False),
        ({"beta": 0.0}, False),
        ({"beta": 5.0}, True),
        ({"beta": 0.5, "kl_schedule": "warm-up"}, False),
        ({"kl_schedule": "cyclic"}, True),
        ({"free_bits": "batch-mean", "free_nats": 3.0}, True),
        ({"estimator": "sgvb-a", "n_samples": 8}, True),
    ],
    ids=str,
)
def test_a_beta_below_one_is_no_bound_and_nothing_else_changes_that(changes, is_bound):
    assert ObjectiveConfig(**changes).is_bound is is_bound


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_samples", 0),
        ("n_samples", 5001),
        ("beta", 1001.0),
        ("ramp_epochs", 0.0),
        ("ramp_epochs", float("nan")),
        ("free_nats", -0.1),
        ("free_nats", float("inf")),
        ("estimator", "reinforce"),
        ("free_bits", "per-batch"),
        ("kl_schedule", "linear"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_by_its_name(field, value):
    with pytest.raises(ValidationError) as caught:
        ObjectiveConfig(**{field: value})
    assert caught.value.errors()[0]["loc"] == (field,)
