"""Optimisers against their update rules written out, and step sizes against their published stages."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from explorer.runs.config import TrainingConfig
from explorer.runs.presets import preset
from explorer.training.optimisers import build_optimiser, learning_rate_at

RATE, EPSILON, DECAY = 0.1, 0.5, 0.25
CURVATURE, TARGET, START = 3.0, 2.0, -1.0


def training(**changes) -> TrainingConfig:
    return TrainingConfig(data="digits", **changes)


def sgd(w: float, decay: float) -> Iterator[float]:
    while True:
        w -= RATE * (CURVATURE * (w - TARGET) + decay * w)
        yield w


def adagrad(w: float, decay: float) -> Iterator[float]:
    squares = 0.0
    while True:
        gradient = CURVATURE * (w - TARGET) + decay * w
        squares += gradient**2
        w -= RATE * gradient / (math.sqrt(squares) + EPSILON)
        yield w


def adam(w: float, decay: float, first: float = 0.9, second: float = 0.999) -> Iterator[float]:
    mean = square = 0.0
    n = 0
    while True:
        n += 1
        gradient = CURVATURE * (w - TARGET) + decay * w
        mean, square = first * mean + (1 - first) * gradient, second * square + (1 - second) * gradient**2
        w -= RATE * (mean / (1 - first**n)) / (math.sqrt(square / (1 - second**n)) + EPSILON)
        yield w


def trained(n_steps: int, *, is_adversarial: bool = False, **changes) -> list[float]:
    """A weight after each step down the parabola CURVATURE (w - TARGET)^2 / 2."""
    weight = nn.Parameter(torch.tensor([START], dtype=torch.float64))
    config = training(learning_rate=RATE, epsilon=EPSILON, **changes)
    optimiser = build_optimiser([weight], config, is_adversarial=is_adversarial)
    path = []
    for _ in range(n_steps):
        optimiser.zero_grad()
        (0.5 * CURVATURE * (weight - TARGET).square()).sum().backward()
        optimiser.step()
        path.append(weight.item())
    return path


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("rule", [sgd, adagrad, adam], ids=lambda rule: rule.__name__)
def test_an_optimiser_takes_the_steps_of_its_rule(rule, decay):
    path = rule(START, decay)
    expected = [next(path) for _ in range(5)]
    assert trained(5, optimiser=rule.__name__, weight_decay=decay) == pytest.approx(expected, rel=1e-9)


def test_adam_against_a_critic_averages_over_two_gradients():
    path = adam(START, 0.0, first=0.5)
    expected = [next(path) for _ in range(5)]
    assert trained(5, optimiser="adam", is_adversarial=True) == pytest.approx(expected, rel=1e-9)


def test_weight_decay_pulls_to_zero():
    plain, decayed = (trained(400, optimiser="sgd", weight_decay=decay)[-1] for decay in (0.0, DECAY))
    assert plain == pytest.approx(TARGET)
    assert decayed == pytest.approx(CURVATURE * TARGET / (CURVATURE + DECAY))


def test_a_constant_step_size_is_constant():
    assert {learning_rate_at(epoch, training(learning_rate=0.02)) for epoch in (0, 0.5, 19, 1000)} == {0.02}


@pytest.mark.parametrize(("epoch", "share"), [(0, 1), (5, (2 + math.sqrt(2)) / 4), (10, 0.5), (20, 0)])
def test_a_cosine_falls_from_the_whole_step_size_to_zero(epoch, share):
    config = training(learning_rate=0.02, schedule="cosine", epochs=20)
    assert learning_rate_at(epoch, config) == pytest.approx(0.02 * share, abs=1e-15)


@pytest.mark.parametrize(
    ("epochs", "stage"),
    [
        ([0, 0.999], 0),
        ([1, 2.5, 3.999], 1),
        ([4, 12.9], 2),
        ([13, 39], 3),
        ([40, 120], 4),
        ([121, 363], 5),
        ([364, 1092], 6),
        ([1093, 3279.9, 3280, 99_999], 7),
    ],
)
def test_the_step_size_of_2016_falls_by_the_seventh_root_of_ten_in_stages_of_three_to_the_i_epochs(epochs, stage):
    config = training(learning_rate=1e-3, schedule="iwae-2016")
    rates = [learning_rate_at(epoch, config) for epoch in epochs]
    assert rates == pytest.approx([1e-3 * 10 ** (-stage / 7)] * len(epochs), rel=1e-12)


def test_the_published_experiment_ends_with_its_last_stage_at_a_tenth_of_its_step_size():
    config = training(**preset("iwae-2016").training)
    rates = [learning_rate_at(epoch, config) for epoch in range(config.epochs)]
    assert config.epochs == sum(3**stage for stage in range(8)) == 3280
    assert [rates.count(rate) for rate in dict.fromkeys(rates)] == [3**stage for stage in range(8)]
    assert rates[-1] == pytest.approx(1e-4)
