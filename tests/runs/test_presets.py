"""Settings of published experiments, number by number, and how a person's choices go before them."""

from typing import Any

import pytest

from explorer.errors import ConfigError
from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.config import RunConfig, TrainingConfig, new_config
from explorer.runs.presets import PRESETS, preset

MNIST = ("mnist", (1, 28, 28), 10)
PUBLISHED = {
    "aevb-2014": (
        {"hidden": (500,), "activation": "tanh", "likelihood": "bernoulli", "posterior": "normal"},
        {"batch_size": 100, "optimiser": "adagrad", "weight_decay": 1 / 60_000, "schedule": "constant"},
        {"estimator": "sgvb-b", "n_samples": 1, "beta": 1.0},
    ),
    "iwae-2016": (
        {"latent_dim": 50, "hidden": (200, 200), "activation": "tanh", "likelihood": "bernoulli"},
        {
            "epochs": 3280,
            "batch_size": 20,
            "optimiser": "adam",
            "learning_rate": 1e-3,
            "epsilon": 1e-4,
            "schedule": "iwae-2016",
            "binarisation": "per-presentation",
        },
        {"estimator": "iwae", "n_samples": 1},
    ),
    "pytorch-example": (
        {"latent_dim": 20, "hidden": (400,), "activation": "relu", "likelihood": "bernoulli"},
        {"epochs": 10, "batch_size": 128, "optimiser": "adam", "learning_rate": 1e-3, "binarisation": "none"},
        {"estimator": "sgvb-b", "n_samples": 1, "beta": 1.0, "free_bits": "none"},
    ),
}


def made(name: str, **chosen: Any) -> RunConfig:
    published = preset(name)
    return new_config(*MNIST, model=published.model | chosen, training=published.training)


def test_every_preset_is_checked_here():
    assert PUBLISHED.keys() == PRESETS.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_has_the_settings_of_its_source(name):
    config = made(name)
    parts = (config.model, config.training, config.training.objective)
    for part, published in zip(parts, PUBLISHED[name], strict=True):
        assert {field: getattr(part, field) for field in published} == published
    assert PRESETS[name].source.split("https://")[1]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_fields_that_exist(name):
    published = preset(name)
    assert published.model.keys() <= ModelConfig.model_fields.keys()
    assert published.training.keys() <= TrainingConfig.model_fields.keys() - {"data"}
    assert published.training.get("objective", {}).keys() <= ObjectiveConfig.model_fields.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_may_be_given_the_class(name):
    config = made(name, family="cvae", prior="conditional")
    assert (config.model.n_classes, config.model.prior) == (10, "conditional")


def test_a_preset_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"no preset 'aevb-2041': use one of aevb-2014, iwae-2016, pytorch-example\."):
        preset("aevb-2041")
