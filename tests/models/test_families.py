from functools import partial
from typing import get_args

import pytest
import torch

from explorer.errors import ConfigError
from explorer.models.build import build_model, empty_model
from explorer.models.config import MAX_PARAMETERS, LikelihoodName, ModelConfig
from explorer.models.distributions import PointMass
from explorer.models.latent_model import LatentModel
from explorer.models.networks import JoinedLayer
from explorer.objectives.elbo import ElboTerms, elbo_terms
from tests.support import model_config

HIDDEN = {"dense": (24, 12), "conv": (6, 8)}


def images(n: int = 9) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def cvae_with_the_weights_of(vae: LatentModel, network: str) -> LatentModel:
    cvae = build_model(model_config("cvae", network=network, hidden=HIDDEN[network]))
    missing, unexpected = cvae.load_state_dict(vae.state_dict(), strict=False)
    assert sorted(missing) == ["decoder.input.label_weight", "encoder.input.label_weight"]
    assert unexpected == []
    return cvae


def seeded_terms(model: LatentModel, y: torch.Tensor | None) -> ElboTerms:
    torch.manual_seed(5)
    return elbo_terms(model, images(), y)


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_a_cvae_with_zeroed_label_weights_equals_the_vae_bit_for_bit(network):
    torch.manual_seed(0)
    vae = build_model(model_config("vae", network=network, hidden=HIDDEN[network]))
    cvae = cvae_with_the_weights_of(vae, network)
    y = torch.arange(9)
    assert not torch.equal(seeded_terms(cvae, y).elbo(), seeded_terms(vae, None).elbo())
    with torch.no_grad():
        for layer in (module for module in cvae.modules() if isinstance(module, JoinedLayer)):
            layer.label_weight.zero_()
    ours, theirs = seeded_terms(cvae, y), seeded_terms(vae, None)
    assert torch.equal(ours.log_likelihood, theirs.log_likelihood)
    assert torch.equal(ours.kl, theirs.kl)


def test_a_cvae_decodes_one_code_differently_in_each_class():
    torch.manual_seed(0)
    cvae = build_model(model_config("cvae"))
    decoded = cvae.decode(torch.zeros(10, 2), torch.arange(10)).mean
    assert len(decoded.flatten(1).unique(dim=0)) == 10


@pytest.mark.parametrize("ask", [lambda model: model.encode(images()), lambda model: model.decode(torch.zeros(1, 2))])
def test_a_cvae_without_classes_says_which_to_pass(ask):
    with pytest.raises(ConfigError, match="given a class and got none: pass one of 0 to 9 for each image"):
        ask(build_model(model_config("cvae")))


def test_a_vae_takes_no_notice_of_classes():
    torch.manual_seed(0)
    vae = build_model(model_config("vae"))
    assert torch.equal(vae.encode(images(), torch.arange(9)).mean, vae.encode(images()).mean)


def test_an_autoencoder_has_no_prior_and_encodes_to_points():
    torch.manual_seed(0)
    ae = build_model(model_config("ae"))
    posterior = ae.encode(images())
    assert ae.prior() is None
    assert isinstance(posterior, PointMass)
    assert torch.equal(posterior.rsample(), posterior.mean)
    assert seeded_terms(ae, None).kl.tolist() == [0.0] * 9


def test_the_prior_of_a_vae_is_the_standard_normal_in_the_precision_of_its_weights():
    prior = build_model(model_config("vae", latent_dim=3)).double().prior()
    assert prior.mu.dtype == torch.float64
    assert prior.mu.tolist() == prior.log_var.tolist() == [0.0] * 3


def gan_with_the_decoder_of(vae: LatentModel) -> LatentModel:
    gan = build_model(vae.config.model_copy(update={"family": "gan"}))
    gan.decoder.load_state_dict(vae.decoder.state_dict())
    gan.likelihood.load_state_dict(vae.likelihood.state_dict())
    return gan


@pytest.mark.parametrize("likelihood", get_args(LikelihoodName))
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_a_gan_is_the_decoder_of_a_vae_and_makes_the_same_images(network, likelihood):
    torch.manual_seed(0)
    vae = build_model(model_config("vae", network=network, hidden=HIDDEN[network], likelihood=likelihood))
    vae.start_at_mean(images(1)[0])
    gan, z = gan_with_the_decoder_of(vae), torch.randn(5, 2)
    expected = {name: weight.shape for name, weight in vae.state_dict().items() if not name.startswith("encoder.")}
    assert {n: weight.shape for n, weight in gan.state_dict().items() if not n.startswith("critic.")} == expected
    assert torch.equal(gan.generate(z), vae.decode(z).mean)
    assert torch.equal(gan.prior().log_prob(z), vae.prior().log_prob(z))


def test_a_gan_cannot_encode_and_says_what_can():
    gan = build_model(model_config("gan"))
    assert not gan.can_encode
    assert (gan.config.can_encode, gan.config.has_prior, gan.config.has_bound) == (False, True, False)
    for ask in (gan.encode, gan.posterior_parameters, partial(elbo_terms, gan)):
        with pytest.raises(ConfigError, match=r"A gan has no encoder: .* choose a vae, a cvae or an ae"):
            ask(images())


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_a_critic_judges_each_image_alone_and_its_gradient_reaches_the_generator(network):
    torch.manual_seed(0)
    gan = build_model(model_config("gan", network=network, hidden=HIDDEN[network]))
    x = images()
    alone = torch.cat([gan.criticise(image[None]) for image in x])
    torch.testing.assert_close(gan.criticise(x), alone)
    assert len(alone.unique()) == len(x)
    gan.criticise(gan.generate(torch.randn(9, 2))).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in gan.generative_parameters())


@pytest.mark.parametrize(
    ("family", "changes", "generative"),
    [
        ("vae", {}, {"decoder"}),
        ("ae", {}, {"decoder"}),
        ("vae", {"likelihood": "gaussian-learned"}, {"decoder", "likelihood"}),
        ("cvae", {"prior": "conditional"}, {"decoder", "class_prior"}),
        ("gan", {"likelihood": "gaussian-learned"}, {"decoder", "likelihood"}),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_weights_are_those_of_q_or_those_of_p_and_never_of_both(family, changes, generative):
    model = build_model(model_config(family, **changes))
    owner = {id(weight): name.split(".")[0] for name, weight in model.named_parameters()}
    encoding, generating = model.encoding_parameters(), model.generative_parameters()
    assert {owner[id(weight)] for weight in encoding} == ({"encoder"} if model.can_encode else set())
    assert {owner[id(weight)] for weight in generating} == generative
    both = [id(weight) for weight in [*encoding, *generating]]
    assert len(both) == len(set(both)) == sum(name != "critic" for name in owner.values())


def test_an_encoder_has_two_numbers_a_dimension_only_where_there_is_a_posterior():
    def n_outputs(family: str) -> int:
        return build_model(model_config(family, latent_dim=7)).encoder.body[-1].out_features

    assert (n_outputs("vae"), n_outputs("cvae"), n_outputs("ae")) == (14, 14, 7)


@pytest.mark.parametrize("build", [build_model, empty_model])
def test_a_model_of_too_many_weights_is_refused_before_memory_is_asked_for(build):
    config = ModelConfig(image_shape=(4, 128, 128), hidden=(4096,) * 6, latent_dim=512)
    with pytest.raises(ConfigError, match=f"at most {MAX_PARAMETERS:,} are built. Make hidden"):
        build(config)


def test_an_empty_model_holds_no_memory_and_takes_the_weights_of_a_real_one():
    torch.manual_seed(0)
    real, empty = build_model(model_config()), empty_model(model_config())
    assert {parameter.device.type for parameter in empty.parameters()} == {"meta"}
    empty.load_state_dict(real.state_dict(), assign=True)
    assert torch.equal(empty.encode(images()).mean, real.encode(images()).mean)
