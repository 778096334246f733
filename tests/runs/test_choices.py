from typing import get_args

import pytest
from pydantic import ValidationError

from explorer.errors import ConfigError
from explorer.models.config import Family, ModelConfig, PosteriorName
from explorer.objectives.config import ObjectiveConfig
from explorer.runs.choices import (
    FIELDS,
    GROUPS,
    DataFacts,
    Problem,
    as_in_origin,
    choices_of,
    configured,
    default_of,
    group_of,
    problems_of,
    values_of,
    widths_from_text,
    with_changes,
)
from explorer.runs.config import DEPENDENT_DEFAULTS, TrainingConfig, flat
from explorer.runs.presets import PRESETS
from tests.support import run_config

MNIST = DataFacts("mnist", (1, 28, 28), 10)


def problems(**choices):
    with pytest.raises(ValidationError) as caught:
        configured(MNIST, choices)
    return problems_of(caught.value)


def makes(choices, config):
    try:
        return configured(MNIST, choices) == config
    except ValidationError:
        return False


def test_every_field_of_a_configuration_is_in_one_group_but_what_the_data_decides():
    every = [name for part in (ModelConfig, TrainingConfig, ObjectiveConfig) for name in part.model_fields]
    grouped = [name for fields in GROUPS.values() for name in fields]
    assert len(set(every)) == len(every)
    assert sorted(grouped) == sorted(set(every) - {"image_shape", "n_classes", "data", "objective"})
    assert sorted(FIELDS) == sorted(grouped)
    assert (group_of("beta"), group_of("hidden"), group_of("epochs"), group_of("name")) == (
        *("Objective", "Model", "Training"),
        "",
    )


@pytest.mark.parametrize("family", get_args(Family))
def test_the_values_that_are_shown_are_those_of_the_configuration(family):
    choices = {"family": family, "latent_dim": 5, "batch_size": 77}
    config = configured(MNIST, choices)
    assert values_of(MNIST, choices) == {name: flat(config)[name] for name in FIELDS}


@pytest.mark.parametrize("family", get_args(Family))
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_without_choices_the_defaults_follow_the_family_and_the_network(family, network):
    values = values_of(MNIST, {"family": family, "network": network})
    assert values["hidden"] == ((32, 64, 128) if network == "conv" else (512, 256))
    assert values["likelihood"] == ("gaussian" if family == "ae" else "bernoulli")
    assert values["activation"] == ("leaky-relu" if family == "gan" else "relu")
    assert values["learning_rate"] == (2e-4 if family == "gan" else 1e-3)
    assert values["binarisation"] == ("per-presentation" if family in {"vae", "cvae"} else "none")


def test_a_default_is_what_a_field_would_be_without_its_choice():
    choices = {"family": "gan", "learning_rate": 0.5}
    assert values_of(MNIST, choices)["learning_rate"] == 0.5
    assert default_of("learning_rate", MNIST, choices) == 2e-4


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"family": "cvae", "prior": "conditional"},
        {"family": "ae", "likelihood": "bernoulli", "binarisation": "fixed"},
        {"family": "gan", "gradient_penalty": 3.0},
        {"network": "conv", "hidden": (8, 16), "likelihood": "gaussian-learned"},
        {"likelihood": "gaussian-low-rank", "sigma": 0.5, "rank": 2},
        {"posterior": "student-t", "degrees_of_freedom": 3.0, "beta": 4.0, "kl_schedule": "cyclic"},
        {"estimator": "iwae", "n_samples": 5, "max_gradient_norm": 20.0, "decoder_from": "other"},
        *(it.choices for it in PRESETS.values()),
    ],
    ids=str,
)
def test_the_choices_of_a_configuration_make_it_again_and_none_can_be_left_out(choices):
    config = configured(MNIST, choices)
    found = choices_of(config)
    assert configured(MNIST, found) == config
    assert found.items() <= choices.items()
    for name in found:
        assert not makes({other: value for other, value in found.items() if other != name}, config)


def test_a_choice_that_changes_nothing_is_left_out_of_the_configuration():
    config = configured(MNIST, {"family": "gan", "beta": 4.0, "posterior": "gamma", "em": "aggressive"})
    assert config == configured(MNIST, {"family": "gan"})
    assert configured(MNIST, {"rank": 9}) == configured(MNIST, {})


@pytest.mark.parametrize(
    ("choices", "field", "group"),
    [
        ({"latent_dim": 0}, "latent_dim", "Model"),
        ({"hidden": (8, 0)}, "hidden", "Model"),
        ({"hidden": ()}, "hidden", "Model"),
        ({"beta": -1.0}, "beta", "Objective"),
        ({"learning_rate": 0.0}, "learning_rate", "Training"),
        ({"network": "conv", "hidden": (8,) * 5}, "hidden", "Model"),
        ({"likelihood": "gaussian-learned", "sigma": 0.003}, "sigma", "Model"),
        ({"posterior": "dirichlet", "latent_dim": 1}, "latent_dim", "Model"),
        ({"posterior": "normal-full", "latent_dim": 65}, "posterior", "Model"),
        ({"prior": "conditional"}, "prior", "Model"),
        ({"posterior": "gamma", "prior": "normal"}, "posterior", "Model"),
        ({"posterior": "student-t", "prior": "normal", "degrees_of_freedom": 1.5}, "prior", "Model"),
        ({"estimator": "iwae", "beta": 2.0}, "beta", "Objective"),
        ({"estimator": "sgvb-a", "free_bits": "batch-mean"}, "free_bits", "Objective"),
        ({"posterior": "normal-full", "free_bits": "per-dimension"}, "free_bits", "Objective"),
        ({"family": "gan", "binarisation": "fixed"}, "binarisation", "Training"),
    ],
    ids=str,
)
def test_a_problem_is_at_its_field(choices, field, group):
    (problem,) = problems(**choices)
    assert (problem.field, problem.group) == (field, group)
    assert problem.message[:12] != "Value error,"


def test_every_problem_is_told_at_once():
    assert {problem.field for problem in problems(latent_dim=0, epochs=0, beta=-1.0)} == {
        *("latent_dim", "epochs", "beta")
    }


def test_a_problem_that_names_no_field_is_at_the_top_of_its_group():
    error = ValidationError.from_exception_data(
        "RunConfig",
        [{"type": "value_error", "loc": ("training",), "input": {}, "ctx": {"error": ValueError("it is all wrong")}}],
    )
    assert problems_of(error) == [Problem("", "Training", "it is all wrong")]


def test_a_remedy_changes_what_it_says_and_what_follows_from_it():
    config = run_config("ae", likelihood="gaussian", hidden=(16,))
    changed = with_changes(config, {"family": "vae"})
    assert (changed.model.family, changed.model.hidden) == ("vae", (16,))
    assert (changed.model.likelihood, changed.training.binarisation) == ("bernoulli", "per-presentation")
    with pytest.raises(ValidationError):
        with_changes(config, {"latent_dim": 0})


def test_the_decoder_of_another_run_is_taken_whole():
    origin = run_config(network="conv", hidden=(4, 8), activation="tanh", latent_dim=7).model
    config = configured(DataFacts("digits", (1, 8, 8), 10), as_in_origin(origin))
    assert (config.model.network, config.model.hidden, config.model.activation) == ("conv", (4, 8), "tanh")
    assert config.model.latent_dim == 7


@pytest.mark.parametrize(("text", "widths"), [("512,256", (512, 256)), (" 8 ", (8,)), ("1, 2 ,3", (1, 2, 3))])
def test_widths_are_read_with_or_without_spaces(text, widths):
    assert widths_from_text(text) == widths


@pytest.mark.parametrize("text", ["", "a", "512 256", "8,,8", "1.5"])
def test_what_is_no_list_of_widths_is_refused(text):
    with pytest.raises(ConfigError, match="is not a list of widths such as 512,256"):
        widths_from_text(text)


def test_every_default_that_depends_on_others_is_told_in_words():
    plain = {name: FIELDS[name].default for name in FIELDS}
    asked = [{"family": family, "network": network} for family in get_args(Family) for network in ("dense", "conv")]
    asked.append({"likelihood": "gaussian-learned"})
    moved = {
        name
        for choices in asked
        for name, value in values_of(MNIST, choices).items()
        if value != plain[name] and name not in choices
    }
    assert moved == DEPENDENT_DEFAULTS.keys()


@pytest.mark.parametrize("posterior", get_args(PosteriorName))
def test_no_posterior_has_a_choice_too_many(posterior):
    assert choices_of(configured(MNIST, {"posterior": posterior})).keys() <= {"posterior"}
