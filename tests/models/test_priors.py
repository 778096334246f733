"""A prior for each class: where it starts, what it equals, and what training makes of it."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Laplace, MultivariateNormal, Normal, kl_divergence

from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.config import POSTERIORS
from explorer.models.divergences import kl, kl_per_dimension
from explorer.models.latent_model import LatentModel
from explorer.objectives.elbo import elbo_terms
from tests.support import digits, model_config

LATENT_DIM = 3
REAL = [name for name, facts in POSTERIORS.items() if facts.is_real]


def conditional(posterior: str = "normal", *, is_moved: bool = True) -> LatentModel:
    """A CVAE in float64 whose ten class priors are all different, unless it is as built."""
    torch.manual_seed(0)
    changes = {"prior": "conditional", "posterior": posterior, "latent_dim": LATENT_DIM}
    model = build_model(model_config("cvae", **changes)).double()
    if is_moved:
        model.class_prior.data.normal_()
    return model


def images(n: int = 10) -> Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def class_normal(model: LatentModel, y: Tensor) -> Normal:
    mu, log_var = model.class_prior.detach()[y].unbind(-2)
    return Normal(mu, (0.5 * log_var).exp())


@pytest.mark.parametrize("posterior", REAL)
def test_a_conditional_prior_starts_at_the_standard_normal_in_every_class(posterior):
    prior = conditional(posterior, is_moved=False).prior(torch.arange(10))
    z = images(10).flatten(1)[:, :LATENT_DIM]
    standard = Normal(torch.zeros_like(z), torch.ones_like(z))
    torch.testing.assert_close(prior.log_prob(z), standard.log_prob(z).sum(-1), atol=1e-12, rtol=1e-12)
    assert prior.batch_shape == (10,)
    assert prior.event_shape == (LATENT_DIM,)


@pytest.mark.parametrize("posterior", REAL)
def test_a_conditional_prior_is_the_normal_of_each_class(posterior):
    model, y = conditional(posterior), torch.tensor([[7, 0, 0, 3], [1, 2, 9, 9]])
    z = torch.randn(2, 4, LATENT_DIM, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = class_normal(model, y).log_prob(z).sum(-1)
    torch.testing.assert_close(model.prior(y).log_prob(z), expected, atol=1e-12, rtol=1e-12)
    assert model.prior(y).sample((5,)).shape == (5, 2, 4, LATENT_DIM)


def as_torch(posterior: str, q: torch.distributions.Distribution) -> torch.distributions.Distribution:
    if posterior == "normal":
        return Normal(q.mu, (0.5 * q.log_var).exp())
    return MultivariateNormal(q.loc, q.scale_tril @ q.scale_tril.mT) if posterior == "normal-full" else q.base_dist


@pytest.mark.parametrize("posterior", ["normal", "normal-full", "laplace", "gumbel"])
def test_the_kl_to_a_conditional_prior_is_that_of_torch_for_each_image(posterior):
    model, y = conditional(posterior), torch.tensor([7, 0, 0, 3, 1, 2, 9, 9, 5, 4])
    q, p = model.encode(images(), y), class_normal(model, y)
    if posterior == "normal-full":
        expected = kl_divergence(as_torch(posterior, q), MultivariateNormal(p.mean, torch.diag_embed(p.variance)))
    else:
        expected = kl_divergence(as_torch(posterior, q), p).sum(-1)
        torch.testing.assert_close(kl_per_dimension(q, model.prior(y)).sum(-1), expected, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(kl(q, model.prior(y)), expected, atol=1e-10, rtol=1e-10)
    assert isinstance(as_torch(posterior, q), Laplace) == (posterior == "laplace")


def test_the_terms_of_a_bound_use_the_prior_of_the_images_own_class():
    model, y = conditional(), torch.tensor([4, 4, 8, 0, 1, 2, 3, 5, 6, 7])
    torch.manual_seed(0)
    together = elbo_terms(model, images(), y)
    alone = torch.stack([kl(model.encode(images()[i : i + 1], y[i : i + 1]), model.prior(y[i])) for i in range(10)])
    torch.testing.assert_close(together.kl, alone[:, 0], atol=1e-12, rtol=1e-12)


def test_a_conditional_prior_without_classes_says_which_to_pass():
    with pytest.raises(ConfigError, match="a prior for each class: pass classes, 0 to 9"):
        conditional().prior()


@pytest.mark.parametrize("prior", ["matching", "normal"])
def test_any_other_prior_of_a_cvae_is_the_same_in_every_class(prior):
    torch.manual_seed(0)
    cvae = build_model(model_config("cvae", prior=prior))
    vae = build_model(model_config("vae", prior=prior))
    z = torch.randn(4, 2)
    assert torch.equal(cvae.prior(torch.arange(10)).log_prob(z), vae.prior().log_prob(z))
    assert "class_prior" not in cvae.state_dict()


def test_the_best_class_prior_has_the_moments_of_the_posteriors_of_its_class():
    model, y = conditional(), torch.arange(10).repeat(6)
    q = model.encode(images(60), y)
    mu, variance = q.mean.detach().view(6, 10, -1), q.variance.detach().view(6, 10, -1)
    best_variance = variance.mean(0) + mu.var(0, correction=0)
    with torch.no_grad():
        model.class_prior.copy_(torch.stack([mu.mean(0), best_variance.log()], dim=-2))
    kl(model.encode(images(60), y), model.prior(y)).sum().backward()
    torch.testing.assert_close(model.class_prior.grad, torch.zeros_like(model.class_prior), atol=1e-10, rtol=0)


def test_training_moves_the_priors_of_the_classes_apart():
    torch.manual_seed(0)
    split = digits("train")
    is_chosen = split.labels < 2
    x, y = torch.from_numpy(split.images[is_chosen]) / 255, torch.from_numpy(split.labels[is_chosen])
    model = build_model(model_config("cvae", prior="conditional", likelihood="gaussian-learned", sigma=0.3))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        loss = -elbo_terms(model, x, y).elbo().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    zero, one = model.class_prior.detach()[:2, 0]
    assert (zero - one).abs().max() > 0.2
    assert model.class_prior.detach()[2:].abs().max() == 0
    q = model.encode(x, y)
    assert kl(q, model.prior(y)).mean() < kl(q, model.prior(1 - y)).mean() - 0.2


@pytest.mark.parametrize("posterior", REAL)
def test_a_one_hot_row_of_weights_has_the_prior_of_its_class(posterior):
    model, y = conditional(posterior), torch.tensor([7, 0, 3])
    z = images(3).flatten(1)[:, :LATENT_DIM]
    weights = torch.nn.functional.one_hot(y, 10).double()
    torch.testing.assert_close(model.prior(weights).log_prob(z), model.prior(y).log_prob(z), atol=0, rtol=0)


def test_between_two_classes_the_prior_has_the_mean_of_means_and_the_geometric_mean_of_deviations():
    model = conditional()
    weights = torch.zeros(1, 10, dtype=torch.float64)
    weights[0, [2, 5]] = 0.5
    between, one, other = model.prior(weights), *(class_normal(model, torch.tensor([k])) for k in (2, 5))
    torch.testing.assert_close(between.mean, (one.mean + other.mean) / 2)
    torch.testing.assert_close(between.variance.sqrt(), (one.stddev * other.stddev).sqrt())
