"""Settings of published experiments, number by number, and how a person's choices go before them."""

import re
from typing import Any

import pytest

from explorer.data.catalogue import DATA_SETS
from explorer.errors import ConfigError
from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.choices import FIELDS, DataFacts, configured
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


def test_every_published_preset_is_checked_here():
    assert PUBLISHED.keys() == {name for name, it in PRESETS.items() if it.source}


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
    assert published.choices.keys() <= FIELDS.keys()
    assert published.model.keys() <= ModelConfig.model_fields.keys()
    assert published.training.keys() <= TrainingConfig.model_fields.keys() - {"data"}
    assert published.training.get("objective", {}).keys() <= ObjectiveConfig.model_fields.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_one_gets(name):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert 3 < len(PRESETS[name].title) < 30
    assert re.fullmatch(r"[A-Z0-9].*\.", PRESETS[name].about)
    assert bool(PRESETS[name].source) != ("on two cores" in PRESETS[name].about)
    assert PRESETS[name].data in {"", *DATA_SETS}


@pytest.mark.parametrize("name", PRESETS)
def test_the_choices_of_a_preset_make_what_its_parts_make(name):
    facts = DataFacts(*MNIST)
    assert configured(facts, PRESETS[name].choices) == made(name)


def test_the_presets_are_what_they_are_called():
    assert made("map-in-a-minute").model.latent_dim == 2
    assert made("conditional-digits").model.family == "cvae"
    plain, with_prior = made("plain-autoencoder").model, made("map-in-a-minute").model
    assert (plain.family, plain.hidden, plain.latent_dim) == ("ae", with_prior.hidden, with_prior.latent_dim)
    assert made("best-elbo").training.objective.is_bound
    assert made("best-elbo").is_binary


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_may_be_given_the_class(name):
    config = made(name, family="cvae", prior="conditional")
    assert (config.model.n_classes, config.model.prior) == (10, "conditional")


def test_a_preset_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(
        ConfigError,
        match=r"no preset 'aevb-2041': use one of map-in-a-minute, .*aevb-2014, iwae-2016, pytorch-example\.",
    ):
        preset("aevb-2041")
