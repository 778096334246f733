import pytest
from pydantic import ValidationError

from explorer.runs.config import FORMAT_VERSION, RunConfig, flat, idle_choices, idle_reasons, new_config
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


BOUNDLESS = ["ae", "gan"]


@pytest.mark.parametrize(
    ("family", "changes", "text"),
    [
        *[
            ("ae", {"objective": {name: value}}, "'ae' has no bound, so estimator, samples, beta")
            for name, value in [
                ("beta", 2.0),
                ("n_samples", 2),
                ("estimator", "iwae"),
                ("kl_schedule", "warm-up"),
                ("free_bits", "per-example"),
            ]
        ],
        ("gan", {"objective": {"beta": 2.0}}, "'gan' has no bound, so estimator, samples, beta"),
        *[
            (family, {"em": em}, f"'{family}' has no posterior and prior to take turns with; use em 'joint'")
            for family in BOUNDLESS
            for em in ("alternating", "aggressive")
        ],
        *[
            (
                "vae",
                {"posterior": posterior, "objective": {"free_bits": form}},
                f"free_bits '{form}' needs a KL for each dimension, which a {posterior} posterior does not have",
            )
            for posterior in ("normal-full", "dirichlet")
            for form in ("per-dimension", "batch-mean")
        ],
        *[
            (
                "vae",
                {"objective": {"free_bits": form, "estimator": "sgvb-a"}},
                f"free_bits '{form}' needs a KL for each dimension, and sgvb-a samples it whole; use 'per-example', or",
            )
            for form in ("per-dimension", "batch-mean")
        ],
        *[
            ("gan", {"binarisation": binarisation}, "a gan makes grey images.*use binarisation 'none'")
            for binarisation in ("fixed", "per-presentation")
        ],
        *[(family, {"posterior": "laplace"}, f"'{family}' cannot have posterior 'laplace'") for family in BOUNDLESS],
        ("vae", {"prior": "conditional"}, r"a conditional prior p\(z\|y\) needs classes, and a vae has none"),
        ("cvae", {"prior": "conditional", "posterior": "gamma"}, "a gamma posterior lives on positive numbers"),
        (
            "vae",
            {"prior": "normal", "posterior": "student-t", "degrees_of_freedom": 2.0},
            "with 2 degrees of freedom .* is infinite",
        ),
        ("vae", {"posterior": "dirichlet", "latent_dim": 1}, "a dirichlet over 1 dimension is always 1"),
        (
            "vae",
            {"posterior": "normal-full", "latent_dim": 65},
            "a full covariance over 65 dimensions is not built; use at most 64",
        ),
    ],
)
def test_choices_that_do_not_go_together_are_refused_with_what_would(family, changes, text):
    with pytest.raises(ValidationError, match=text):
        run_config(family, **changes)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("vae", {"posterior": "normal-full", "objective": {"free_bits": "per-example"}}),
        ("vae", {"objective": {"free_bits": "per-example", "estimator": "sgvb-a"}}),
        ("vae", {"posterior": "laplace", "objective": {"free_bits": "batch-mean"}}),
        ("cvae", {"em": "aggressive", "prior": "conditional", "posterior": "laplace"}),
        ("vae", {"prior": "normal", "posterior": "student-t", "degrees_of_freedom": 2.1}),
        ("vae", {"posterior": "normal-full", "latent_dim": 64}),
        ("gan", {"gradient_penalty": 0.0, "objective": {}}),
    ],
    ids=str,
)
def test_choices_beside_a_refusal_go_together(family, changes):
    assert run_config(family, **changes).model.family == family


def test_another_format_is_refused_with_its_version():
    written = run_config().model_dump() | {"format_version": 2}
    with pytest.raises(ValidationError, match="format_version is 2; this program reads 1"):
        RunConfig.model_validate(written)


BOUND = "is not a bound on log p(x)"
CAUTIONS = {
    "Grey pixels under a Bernoulli": [("vae", {}), ("ae", {}), ("cvae", {"likelihood": "bernoulli"})],
    "A density over pixels that are only 0 or 1": [
        ("vae", {"likelihood": likelihood, "binarisation": "fixed"})
        for likelihood in ("gaussian", "gaussian-learned", "gaussian-diagonal", "gaussian-low-rank")
    ],
    f"With beta = 0.5 below 1 the objective {BOUND}": [
        ("vae", {"binarisation": "fixed", "objective": {"beta": 0.5}}),
        ("vae", {"binarisation": "fixed", "objective": {"beta": 0.5, "kl_schedule": "warm-up"}}),
    ],
    f"While beta rises to 1 the training objective {BOUND}": [
        ("vae", {"binarisation": "fixed", "objective": {"kl_schedule": schedule, "ramp_epochs": 1.0}})
        for schedule in ("warm-up", "cyclic")
    ],
    "In 2 epochs beta reaches only 0.2 of 1: it rises over ramp_epochs, 10": [
        ("vae", {"binarisation": "fixed", "objective": {"kl_schedule": "warm-up"}}),
    ],
    "A gan makes the means of its likelihood: what gaussian-diagonal has beside them is not trained": [
        ("gan", {"likelihood": "gaussian-diagonal"}),
    ],
    "covers only a part of the prior's support": [
        ("vae", {"binarisation": "fixed", "posterior": posterior}) for posterior in ("uniform", "triangular")
    ],
    "A student-t with 1.5 degrees of freedom has no variance": [
        ("vae", {"binarisation": "fixed", "posterior": "student-t", "degrees_of_freedom": 1.5})
    ],
    "64 latent dimensions for images of 64 numbers": [("vae", {"binarisation": "fixed", "latent_dim": 64})],
}
WITHOUT_CAUTION = [
    ("gan", {}),
    ("vae", {"likelihood": "gaussian", "objective": {"beta": 2.0}}),
    ("vae", {"binarisation": "fixed", "posterior": "student-t", "degrees_of_freedom": 2.5}),
    ("vae", {"binarisation": "fixed", "posterior": "gamma"}),
    ("vae", {"binarisation": "fixed", "objective": {"free_bits": "batch-mean"}}),
    ("vae", {"binarisation": "fixed", "objective": {"estimator": "iwae", "n_samples": 50}}),
]


@pytest.mark.parametrize(
    ("caution", "family", "changes"), [(caution, *case) for caution, cases in CAUTIONS.items() for case in cases]
)
def test_a_caution_is_given_alone_where_it_applies(caution, family, changes):
    (given,) = run_config(family, **changes).cautions()
    assert caution in given


@pytest.mark.parametrize(("family", "changes"), WITHOUT_CAUTION, ids=str)
def test_numbers_that_mean_what_they_say_need_no_caution(family, changes):
    assert run_config(family, **changes).cautions() == []


def made(training: dict | None = None, **model) -> RunConfig:
    return new_config("digits", (1, 8, 8), 10, model=model, training=training or {})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            {},
            {"family": "vae", "hidden": (512, 256), "likelihood": "bernoulli", "activation": "relu", "n_classes": None},
        ),
        ({"network": "conv"}, {"hidden": (32, 64, 128)}),
        ({"family": "cvae"}, {"n_classes": 10, "likelihood": "bernoulli"}),
        ({"family": "ae"}, {"likelihood": "gaussian", "sigma": 0.5**0.5, "n_classes": None}),
        ({"family": "gan"}, {"likelihood": "bernoulli", "activation": "leaky-relu"}),
        ({"likelihood": "gaussian"}, {"sigma": 0.5**0.5}),
        ({"likelihood": "gaussian-learned"}, {"sigma": 0.3}),
        ({"likelihood": "gaussian-diagonal"}, {"sigma": 0.3}),
        ({"likelihood": "gaussian-low-rank"}, {"sigma": 0.3}),
        ({"likelihood": "gaussian-learned", "sigma": 0.05}, {"sigma": 0.05}),
        ({"family": "gan", "activation": "tanh"}, {"activation": "tanh"}),
        ({"network": "conv", "hidden": (4,)}, {"hidden": (4,)}),
        ({"latent_dim": None, "hidden": None, "sigma": None}, {"latent_dim": 2, "hidden": (512, 256)}),
    ],
    ids=str,
)
def test_a_new_model_takes_what_was_chosen_and_the_defaults_that_go_with_it(model, expected):
    config = made(**model).model
    assert {name: getattr(config, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("model", "training", "expected"),
    [
        ({}, {}, {"binarisation": "per-presentation", "learning_rate": 1e-3}),
        ({"family": "cvae"}, {}, {"binarisation": "per-presentation"}),
        ({}, {"binarisation": "none"}, {"binarisation": "none"}),
        ({"likelihood": "continuous-bernoulli"}, {}, {"binarisation": "none"}),
        ({"family": "ae"}, {}, {"binarisation": "none", "learning_rate": 1e-3}),
        ({"family": "gan"}, {}, {"binarisation": "none", "learning_rate": 2e-4}),
        ({"family": "gan"}, {"learning_rate": 0.01}, {"learning_rate": 0.01}),
        ({}, {"data": "mnist", "epochs": None}, {"data": "digits", "epochs": 20}),
        ({"family": "ae", "likelihood": "bernoulli"}, {}, {"binarisation": "none"}),
    ],
    ids=str,
)
def test_new_training_takes_what_was_chosen_and_the_defaults_that_go_with_it(model, training, expected):
    config = made(training, **model).training
    assert {name: getattr(config, name) for name in expected} == expected


@pytest.mark.parametrize("family", ["vae", "cvae", "ae", "gan"])
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_the_defaults_of_every_family_need_no_caution(family, network):
    assert made(family=family, network=network).cautions() == []


def test_a_choice_that_changes_nothing_is_told():
    config = run_config(likelihood="gaussian-low-rank", rank=2, objective={"free_nats": 0.1})
    assert idle_choices(config, {"rank", "free_nats", "epochs"}) == [
        "free_nats changes nothing here: it is for free_bits."
    ]
    assert idle_choices(config, {"rank"}) == []


def test_what_a_model_without_a_bound_has_no_use_for_is_told():
    told = idle_choices(run_config("gan"), {"em", "beta", "gradient_penalty", "prior"})
    assert told == [
        f"{name} changes nothing here: it is for family 'vae' or 'cvae'." for name in ("prior", "em", "beta")
    ]


@pytest.mark.parametrize("family", ["vae", "cvae", "ae", "gan"])
def test_a_field_that_is_said_to_change_nothing_is_not_read(family):
    values = flat(run_config(family))
    assert values["family"] == family
    assert ("beta" in idle_reasons(values)) is (family in {"ae", "gan"})
    assert "gradient_penalty" not in idle_reasons(values | {"family": "gan"})


def test_a_flat_configuration_has_every_field_of_its_parts():
    config = run_config("cvae", objective={"beta": 3.0})
    values = flat(config)
    assert (values["family"], values["epochs"], values["beta"]) == ("cvae", 2, 3.0)
    parts = (config.model, config.training, config.training.objective)
    assert values.keys() == {name for part in parts for name in type(part).model_fields}
