import pytest
from pydantic import ValidationError

from explorer.models.config import POSTERIORS, ModelConfig
from tests.support import model_config

ABSURD = [
    ({"latent_dim": 10**9}, "latent_dim"),
    ({"latent_dim": 0}, "latent_dim"),
    ({"hidden": (10**9,)}, "hidden"),
    ({"hidden": ()}, "hidden"),
    ({"hidden": (8,) * 7}, "hidden"),
    ({"hidden": (0,)}, "hidden"),
    ({"image_shape": (1, 10**6, 28)}, "image_shape"),
    ({"image_shape": (0, 28, 28)}, "image_shape"),
    ({"image_shape": (28, 28)}, "image_shape"),
    ({"sigma": 0.0}, "sigma"),
    ({"sigma": float("nan")}, "sigma"),
    ({"sigma": float("inf")}, "sigma"),
    ({"likelihood": "cauchy"}, "likelihood"),
    ({"network": "transformer"}, "network"),
    ({"posterior": "cauchy"}, "posterior"),
    ({"prior": "flat"}, "prior"),
    ({"degrees_of_freedom": 1.0}, "degrees_of_freedom"),
    ({"degrees_of_freedom": float("nan")}, "degrees_of_freedom"),
    ({"rank": 0}, "rank"),
    ({"rank": 33}, "rank"),
    ({"activation": "__import__('os')"}, "activation"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("changes", "field"), ABSURD, ids=str)
def test_a_value_out_of_bounds_is_refused_by_its_field(changes, field):
    with pytest.raises(ValidationError) as caught:
        model_config(**changes)
    assert caught.value.errors()[0]["loc"][0] == field


def test_a_cvae_without_a_number_of_classes_is_told_what_to_do():
    with pytest.raises(ValidationError, match="needs n_classes, the number of classes in the data; or choose"):
        ModelConfig(family="cvae", image_shape=(1, 8, 8))


@pytest.mark.parametrize("family", ["vae", "ae", "gan"])
def test_only_a_cvae_takes_a_number_of_classes(family):
    with pytest.raises(ValidationError, match="only 'cvae' is given the class"):
        ModelConfig(family=family, image_shape=(1, 8, 8), n_classes=10)


def test_a_conv_network_of_five_layers_is_refused_and_a_dense_one_is_not():
    with pytest.raises(ValidationError, match="5 layers; a conv network halves the image in each and takes at most 4"):
        model_config(network="conv", hidden=(4,) * 5)
    assert len(model_config(network="dense", hidden=(4,) * 5).hidden) == 5


def test_a_configuration_survives_its_json():
    config = model_config("cvae", latent_dim=5, hidden=(7, 9), likelihood="gaussian", sigma=0.1)
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


REAL = [name for name, facts in POSTERIORS.items() if facts.is_real]
RESTRICTED = [name for name in POSTERIORS if name not in REAL]


def assert_refused(message: str, family: str = "vae", **changes: object) -> None:
    with pytest.raises(ValidationError) as caught:
        model_config(family, **changes)
    assert [error["msg"] for error in caught.value.errors()] == [f"Value error, {message}"]


@pytest.mark.parametrize("changes", [{"posterior": "laplace"}, {"prior": "normal"}, {"prior": "conditional"}], ids=str)
@pytest.mark.parametrize("family", ["ae", "gan"])
def test_a_family_without_a_bound_has_neither_posterior_nor_prior_to_choose(family, changes):
    ((name, value),) = changes.items()
    assert_refused(
        f"family {family!r} cannot have {name} {value!r}: it has no q(z|x) with a prior. Leave it out, or choose "
        "family 'vae'",
        family,
        **changes,
    )


def test_a_dirichlet_over_one_dimension_is_refused_and_over_two_is_not():
    expected = "a dirichlet over 1 dimension is always 1; use latent_dim 2 or more, or posterior 'beta'"
    assert_refused(expected, posterior="dirichlet", latent_dim=1)
    assert model_config(posterior="dirichlet", latent_dim=2).latent_dim == 2


def test_a_full_covariance_is_refused_above_64_dimensions():
    expected = "a full covariance over 65 dimensions is not built; use at most 64, or posterior 'normal'"
    assert_refused(expected, posterior="normal-full", latent_dim=65)
    assert model_config(posterior="normal-full", latent_dim=64).latent_dim == 64


def test_a_conditional_prior_without_classes_is_refused():
    expected = "a conditional prior p(z|y) needs classes, and a vae has none; use family 'cvae'"
    assert_refused(expected, prior="conditional")


@pytest.mark.parametrize(("family", "prior"), [("vae", "normal"), ("cvae", "normal"), ("cvae", "conditional")])
@pytest.mark.parametrize("posterior", RESTRICTED)
def test_a_normal_prior_where_a_posterior_cannot_look_is_refused(posterior, family, prior):
    expected = (
        f"a {posterior} posterior lives on {POSTERIORS[posterior].support}, and a normal prior puts most of its mass "
        "elsewhere, where no q(z|x) ever looks: importance sampling would not converge to log p(x). Use prior "
        "'matching'"
    )
    assert_refused(expected, family, posterior=posterior, prior=prior)


@pytest.mark.parametrize("posterior", REAL)
def test_a_posterior_over_the_real_numbers_takes_any_prior(posterior):
    for family, prior in (("vae", "matching"), ("vae", "normal"), ("cvae", "normal"), ("cvae", "conditional")):
        assert model_config(family, posterior=posterior, prior=prior).prior == prior


@pytest.mark.parametrize(("family", "prior"), [("vae", "normal"), ("cvae", "conditional")])
@pytest.mark.parametrize("degrees_of_freedom", [1.5, 2.0])
def test_a_student_t_without_a_variance_is_refused_a_normal_prior(degrees_of_freedom, family, prior):
    expected = (
        f"the KL from a student-t with {degrees_of_freedom:g} degrees of freedom to a normal prior is infinite: its "
        "tails are too heavy. Use more than 2, or prior 'matching'"
    )
    chosen = {"posterior": "student-t", "degrees_of_freedom": degrees_of_freedom}
    assert_refused(expected, family, prior=prior, **chosen)
    assert model_config(family, **chosen).degrees_of_freedom == degrees_of_freedom
    assert model_config(family, prior=prior, posterior="student-t", degrees_of_freedom=2.01).prior == prior
