import pytest
from pydantic import ValidationError

from explorer.runs.config import FORMAT_VERSION, RunConfig
from tests.support import run_config


@pytest.mark.parametrize("family", ["vae", "cvae", "ae"])
def test_a_configuration_survives_its_json(family):
    objective = {} if family == "ae" else {"beta": 4.0}
    config = run_config(family, likelihood="gaussian", sigma=0.1, schedule="cosine", objective=objective)
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_the_format_version_is_written():
    assert f'"format_version":{FORMAT_VERSION}' in run_config().model_dump_json()


@pytest.mark.parametrize(
    "training",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"seed": -1},
        {"schedule": "warm"},
        {"binarisation": "maybe"},
        {"objective": {"beta": -1.0}},
        {"objective": {"beta": float("nan")}},
        {"objective": {"gamma": 1.0}},
    ],
    ids=str,
)
def test_training_out_of_bounds_is_refused_by_its_field(training):
    with pytest.raises(ValidationError) as caught:
        run_config(**training)
    assert caught.value.errors()[0]["loc"][:2] == ("training", next(iter(training)))


def test_grey_pixels_under_a_bernoulli_are_cautioned_against():
    (caution,) = run_config(binarisation="none").cautions()
    assert "Grey pixels under a Bernoulli are not a likelihood" in caution


@pytest.mark.parametrize(
    "changes",
    [{"binarisation": "fixed"}, {"binarisation": "per-presentation"}, {"likelihood": "continuous-bernoulli"}],
    ids=str,
)
def test_a_likelihood_of_the_pixels_needs_no_caution(changes):
    assert run_config(**changes).cautions() == []


def test_a_beta_below_one_is_cautioned_against_in_a_model_with_a_bound():
    changes = {"binarisation": "fixed", "objective": {"beta": 0.25}}
    assert run_config(**changes).cautions() == ["With beta = 0.25 below 1 the objective is not a bound on log p(x)."]
