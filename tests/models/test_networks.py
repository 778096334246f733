from typing import get_args

import pytest
import torch

from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.config import LikelihoodName, ModelConfig
from explorer.models.latent_model import LatentModel
from explorer.models.networks import JoinedLayer
from explorer.objectives.elbo import elbo_terms

SHAPES = [(1, 8, 8), (1, 28, 28), (1, 27, 27), (3, 15, 20), (2, 9, 31), (4, 4, 5), (3, 64, 64)]
HIDDEN = {"dense": (24, 12), "conv": (6, 8, 10)}


def small_model(shape: tuple[int, int, int], network: str, family: str = "vae", **changes: object) -> LatentModel:
    torch.manual_seed(0)
    settings = {"hidden": HIDDEN[network], "latent_dim": 3, "activation": "tanh"} | changes
    n_classes = 4 if family == "cvae" else None
    return build_model(ModelConfig(family=family, image_shape=shape, network=network, n_classes=n_classes, **settings))


@pytest.mark.parametrize("family", ["vae", "cvae", "ae"])
@pytest.mark.parametrize("network", ["dense", "conv"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_image_returns_in_its_shape_and_gradients_reach_every_weight(shape, network, family):
    model = small_model(shape, network, family)
    x, y = torch.rand(5, *shape), torch.tensor([0, 1, 2, 3, 0])
    posterior = model.encode(x, y)
    assert posterior.mean.shape == (5, 3)
    assert model.decode(posterior.rsample(), y).mean.shape == x.shape
    terms = elbo_terms(model, x, y)
    terms.elbo().sum().backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert without == []


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 5, 7), (1, 28, 28)], ids=str)
def test_each_depth_of_a_conv_network_undoes_its_halvings(shape, layers):
    model = small_model(shape, "conv", hidden=(4,) * layers)
    assert model.decode(torch.zeros(2, 3)).mean.shape == (2, *shape)


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_every_image_of_a_batch_is_treated_alone(network):
    model = small_model((1, 9, 10), network)
    x = torch.rand(4, 1, 9, 10)
    alone = torch.cat([model.encode(image[None]).mean for image in x])
    torch.testing.assert_close(model.encode(x).mean, alone)


@pytest.mark.parametrize("likelihood", get_args(LikelihoodName))
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_a_decoder_that_says_nothing_decodes_to_the_training_mean(network, likelihood):
    model = small_model((2, 9, 7), network, likelihood=likelihood)
    mean = torch.linspace(0.002, 0.998, 2 * 9 * 7).view(2, 9, 7)
    model.start_at_mean(mean)
    with torch.no_grad():
        model.decoder.body[-1].weight.zero_()
    decoded = model.decode(torch.randn(6, 3))
    torch.testing.assert_close(decoded.mean, mean.expand(6, 2, 9, 7), atol=1e-5, rtol=0)
    if likelihood.startswith("gaussian"):
        torch.testing.assert_close(decoded.variance, torch.full((6, 2, 9, 7), 0.5))


def test_a_joined_layer_is_a_linear_layer_over_the_input_and_the_one_hot_class():
    torch.manual_seed(0)
    joined = JoinedLayer(torch.nn.Linear(5, 3), n_classes=4)
    x, y = torch.randn(6, 5), torch.tensor([0, 1, 2, 3, 3, 0])
    weight = torch.cat([joined.layer.weight, joined.label_weight.T], dim=1)
    concatenated = torch.cat([x, torch.nn.functional.one_hot(y, 4).float()], dim=1)
    torch.testing.assert_close(joined(x, y), concatenated @ weight.T + joined.layer.bias)


def test_a_joined_convolution_adds_the_column_of_its_class_everywhere():
    torch.manual_seed(0)
    joined = JoinedLayer(torch.nn.Conv2d(1, 3, 3, padding=1), n_classes=2)
    x = torch.randn(2, 1, 5, 5)
    difference = joined(x, torch.tensor([0, 1])) - joined.layer(x)
    torch.testing.assert_close(difference, joined.label_weight[:, :, None, None].expand(2, 3, 5, 5))


@pytest.mark.parametrize("layer", [torch.nn.Linear(5, 3), torch.nn.Conv2d(1, 3, 3)], ids=["dense", "conv"])
def test_a_one_hot_row_of_weights_is_its_class_to_the_last_bit(layer):
    joined = JoinedLayer(layer, n_classes=4)
    x, y = torch.randn(6, 5) if isinstance(layer, torch.nn.Linear) else torch.randn(6, 1, 5, 5), torch.arange(6) % 4
    assert torch.equal(joined(x, torch.nn.functional.one_hot(y, 4).float()), joined(x, y))


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_half_of_one_class_and_half_of_another_joins_as_the_mean_of_their_columns(network):
    joined = small_model((1, 8, 8), network, "cvae").decoder.input
    z = torch.randn(5, 3)
    half = torch.tensor([0.0, 0.5, 0.0, 0.5]).expand(5, 4)
    one, other = (joined(z, torch.full((5,), label)) for label in (1, 3))
    torch.testing.assert_close(joined(z, half), (one + other) / 2, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_codes_of_any_batch_shape_decode_with_weights_of_classes(network):
    model = small_model((1, 8, 8), network, "cvae")
    z, y = torch.randn(2, 3, 3), torch.tensor([[0, 1, 2], [3, 3, 0]])
    weights = torch.nn.functional.one_hot(y, 4).float()
    assert torch.equal(model.decode(z, weights).mean, model.decode(z, y).mean)


def test_weights_of_another_number_of_classes_are_refused_in_words():
    model = small_model((1, 8, 8), "dense", "cvae")
    with pytest.raises(ConfigError, match="Weights of 3 classes were given; this cvae has 4: pass a weight for each"):
        model.decode(torch.randn(2, 3), torch.full((2, 3), 1 / 3))
