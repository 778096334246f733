import pytest
from pydantic import ValidationError

from explorer.models.config import ModelConfig
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


@pytest.mark.parametrize("family", ["vae", "ae"])
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
