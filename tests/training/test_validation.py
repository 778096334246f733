"""Figures after an epoch, each worked out again by hand from the same noise."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.data.batches import stream_seed
from explorer.models.latent_model import LatentModel
from explorer.objectives.config import ObjectiveConfig
from explorer.training.trainer import initial_model
from explorer.training.validation import N_COMPARED, validate
from tests.support import digits, run_config

SEED = 11


def grey(part: str = "validation", n: int | None = None) -> tuple[Tensor, Tensor]:
    split = digits(part, n)
    return torch.from_numpy(split.images).float() / 255, torch.from_numpy(split.labels)


def model_of(**changes) -> LatentModel:
    """A model whose codes differ between images by nats."""
    model = initial_model(run_config(**changes), digits("train", 50)).requires_grad_(False)
    model.encoder.body[-1].weight.mul_(6)
    return model


def closed_kl(model: LatentModel, x: Tensor) -> np.ndarray:
    """KL of each dimension in nats, in float64: (mu^2 + sigma^2 - 1 - log sigma^2) / 2."""
    mu, log_var = (part.double().numpy() for part in model.encoder(x, None).chunk(2, -1))
    return (mu**2 + np.exp(log_var) - 1 - log_var) / 2


def drawn_codes(model: LatentModel, x: Tensor, n_samples: int) -> Tensor:
    mu, log_var = model.encoder(x, None).chunk(2, -1)
    return mu + (log_var / 2).exp() * torch.randn(n_samples, *mu.shape)


def log_likelihood(model: LatentModel, z: Tensor, x: Tensor) -> Tensor:
    logits = model.decoder(z.flatten(0, -2), None).view(*z.shape[:-1], *x.shape[1:])
    return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum((-3, -2, -1))


def log_normal(z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return -0.5 * ((z - mu) ** 2 / log_var.exp() + log_var + math.log(2 * math.pi)).sum(-1)


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_terms_are_those_of_one_sample_of_each_image_and_the_objective_weighs_the_kl(beta):
    model, (x, y) = model_of(), grey(n=150)
    figures = validate(model, x, y, ObjectiveConfig(beta=beta), seed=SEED)
    torch.manual_seed(stream_seed(SEED))
    expected = log_likelihood(model, drawn_codes(model, x, 1), x).mean().item()
    kl = closed_kl(model, x)
    assert figures["log_likelihood"] == pytest.approx(expected, rel=1e-5)
    assert figures["kl"] == pytest.approx(kl.sum(1).mean(), rel=1e-5)
    assert figures["kl_per_dimension"] == pytest.approx(kl.mean(0), abs=1e-4)
    assert figures["elbo"] == pytest.approx(expected - kl.sum(1).mean(), rel=1e-5)
    assert figures["objective"] == pytest.approx(expected - beta * kl.sum(1).mean(), rel=1e-5)


def test_a_last_batch_that_is_smaller_weighs_as_many_images_as_it_has():
    model, (x, y) = model_of(), grey("train")
    assert len(x) % N_COMPARED != 0
    figures = validate(model, x, y, ObjectiveConfig(), seed=SEED)
    assert figures["kl"] == pytest.approx(closed_kl(model, x).sum(1).mean(), rel=1e-5)
    assert figures["kl_per_dimension"] == pytest.approx(closed_kl(model, x).mean(0), abs=1e-4)
    assert figures["mutual_information_ceiling"] == math.log(N_COMPARED)


def test_the_importance_weighted_objective_is_its_bound_and_above_the_elbo():
    model, (x, y), k = model_of(), grey(n=50), 5
    figures = validate(model, x, y, ObjectiveConfig(estimator="iwae", n_samples=k), seed=SEED)
    torch.manual_seed(stream_seed(SEED))
    drawn_codes(model, x, 1)
    z = drawn_codes(model, x, k)
    mu, log_var = model.encoder(x, None).chunk(2, -1)
    zero = torch.zeros(2)
    log_weights = log_likelihood(model, z, x) + log_normal(z, zero, zero) - log_normal(z, mu, log_var)
    bound = (log_weights.double().exp().mean(0)).log().mean().item()
    assert figures["objective"] == pytest.approx(bound, rel=1e-5)
    assert figures["objective"] > figures["elbo"] + 0.1


def test_active_units_are_dimensions_whose_mean_varies():
    model, (x, y) = model_of(latent_dim=5), grey()
    last = model.encoder.body[-1]
    last.weight[[1, 3]] = 0
    last.bias[[1, 3]] = 7.0
    mu = model.encoder(x, None)[:, :5].double().numpy()
    assert (mu.var(0) > 0.01).tolist() == [True, False, True, False, True]
    assert validate(model, x, y, ObjectiveConfig(), seed=SEED)["active_units"] == 3


def test_an_encoder_that_says_nothing_carries_no_information():
    model, (x, y) = model_of(), grey()
    told = validate(model, x, y, ObjectiveConfig(), seed=SEED)
    model.encoder.body[-1].weight.zero_()
    silent = validate(model, x, y, ObjectiveConfig(), seed=SEED)
    assert 0.1 < told["mutual_information"] <= told["mutual_information_ceiling"] == math.log(200)
    assert silent["mutual_information"] == pytest.approx(0, abs=1e-4)
    assert silent["active_units"] == 0


@pytest.mark.parametrize(
    "changes",
    [{}, {"family": "cvae", "prior": "conditional"}, {"posterior": "gamma"}, {"family": "ae"}],
    ids=str,
)
def test_the_noise_is_the_same_after_every_epoch_and_another_for_another_seed(changes):
    model, (x, y) = model_of(**changes), grey(n=80)
    torch.manual_seed(1)
    first = validate(model, x, y, ObjectiveConfig(), seed=SEED)
    torch.manual_seed(2)
    assert validate(model, x, y, ObjectiveConfig(), seed=SEED) == first
    other = validate(model, x, y, ObjectiveConfig(), seed=SEED + 1)
    assert (other == first) is (changes.get("family") == "ae")


def test_a_kl_of_whole_codes_is_given_whole():
    model, (x, y) = model_of(posterior="normal-full"), grey(n=80)
    figures = validate(model, x, y, ObjectiveConfig(), seed=SEED)
    assert "kl_per_dimension" not in figures
    assert figures["elbo"] == pytest.approx(figures["log_likelihood"] - figures["kl"])


def test_a_point_has_a_likelihood_and_active_units_and_nothing_of_a_bound():
    model, (x, y) = model_of(family="ae", likelihood="gaussian"), grey(n=80)
    figures = validate(model, x, y, ObjectiveConfig(), seed=SEED)
    squared_error = (x - model.decoder(model.encoder(x, None), None)).square().sum((1, 2, 3)).mean().item()
    assert figures.keys() == {"log_likelihood", "kl", "active_units", "objective"}
    assert figures["objective"] == pytest.approx(-squared_error - 32 * math.log(math.pi), rel=1e-5)
