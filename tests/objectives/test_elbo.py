"""The bound against a model whose evidence and posterior are known: probabilistic PCA, in float64."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.distributions import DiagonalNormal, PointMass
from explorer.models.likelihoods import GaussianLikelihood
from explorer.objectives.config import ObjectiveConfig
from explorer.objectives.elbo import ElboTerms, elbo_terms, elbo_terms_given
from tests.support import LinearGaussian, LinearVAE, model_config


def drawn_images(model: LinearGaussian, n: int = 20) -> Tensor:
    torch.manual_seed(0)
    return model.decode(model.prior().rsample((n,))).sample().detach()


def other_posterior(model: LinearGaussian, x: Tensor) -> DiagonalNormal:
    """Some q(z|x) that is not the posterior."""
    exact = model.encode(x)
    generator = torch.Generator().manual_seed(2)
    shift = torch.randn(exact.mu.shape, generator=generator, dtype=torch.float64)
    return DiagonalNormal(exact.mu + 0.5 * shift, exact.log_var + shift.flip(-1))


def exact_elbo(model: LinearGaussian, q: DiagonalNormal, x: Tensor, beta: float = 1.0) -> Tensor:
    """The bound in closed form, with the KL that training uses."""
    terms = elbo_terms_given(model, q, x)
    return ElboTerms(log_likelihood=model.expected_log_likelihood(q, x), kl=terms.kl).elbo(beta)


def test_elbo_at_the_exact_posterior_is_the_evidence():
    model = LinearGaussian.example()
    x = drawn_images(model)
    torch.testing.assert_close(exact_elbo(model, model.encode(x), x), model.log_evidence(x), atol=1e-10, rtol=0)


def test_every_sample_of_the_exact_posterior_has_the_evidence_for_its_importance_weight():
    model = LinearGaussian.example()
    x = drawn_images(model)
    posterior = model.encode(x)
    for _ in range(5):
        z = posterior.rsample()
        log_weight = model.decode(z).log_prob(x) + model.prior().log_prob(z) - posterior.log_prob(z)
        torch.testing.assert_close(log_weight, model.log_evidence(x), atol=1e-10, rtol=0)


def test_the_estimate_of_the_elbo_is_unbiased():
    model = LinearGaussian.example()
    x = drawn_images(model, n=3)
    repeated = x.repeat_interleave(40_000, dim=0)
    torch.manual_seed(1)
    estimates = elbo_terms_given(model, other_posterior_of(model, x, 40_000), repeated).elbo().view(3, -1)
    error = estimates.std(1) / estimates.shape[1] ** 0.5
    expected = exact_elbo(model, other_posterior(model, x), x)
    assert ((estimates.mean(1) - expected).abs() < 4 * error).all()


def other_posterior_of(model: LinearGaussian, x: Tensor, n: int) -> DiagonalNormal:
    q = other_posterior(model, x)
    return DiagonalNormal(q.mu.repeat_interleave(n, dim=0), q.log_var.repeat_interleave(n, dim=0))


def test_the_elbo_at_the_encoders_posterior_is_the_evidence_on_average():
    model = LinearGaussian.example()
    x = drawn_images(model, n=1)
    torch.manual_seed(1)
    estimates = elbo_terms(model, x.expand(100_000, -1, -1, -1)).elbo()
    assert abs(estimates.mean() - model.log_evidence(x)[0]) < 4 * estimates.std() / 100_000**0.5


def test_what_the_elbo_lacks_is_the_kl_to_the_exact_posterior():
    model = LinearGaussian.example()
    x = drawn_images(model)
    q = other_posterior(model, x)
    gap = model.log_evidence(x) - exact_elbo(model, q, x)
    torch.testing.assert_close(gap, kl_divergence(q, model.encode(x)), atol=1e-10, rtol=0)
    assert gap.min() > 0.01


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_a_beta_below_one_exceeds_the_evidence_and_says_that_it_is_no_bound(beta):
    model = LinearGaussian.example()
    x = drawn_images(model)
    assert (exact_elbo(model, model.encode(x), x, beta) > model.log_evidence(x)).all()
    assert not ObjectiveConfig(beta=beta).is_bound


@pytest.mark.parametrize("beta", [1.0, 1.5, 10.0])
def test_a_beta_of_one_or_more_never_exceeds_the_evidence(beta):
    model = LinearGaussian.example()
    x = drawn_images(model)
    for q in (model.encode(x), other_posterior(model, x)):
        assert (exact_elbo(model, q, x, beta) <= model.log_evidence(x) + 1e-10).all()
    assert ObjectiveConfig(beta=beta).is_bound


def test_beta_weights_the_kl_alone():
    terms = ElboTerms(log_likelihood=torch.tensor([-10.0, -20.0]), kl=torch.tensor([1.0, 3.0]))
    assert terms.elbo().tolist() == [-11.0, -23.0]
    assert terms.elbo(beta=4.0).tolist() == [-14.0, -32.0]


def test_an_autoencoder_has_a_reconstruction_term_and_no_kl():
    torch.manual_seed(0)
    ae = build_model(model_config("ae", likelihood="gaussian"))
    x = torch.rand(4, 1, 8, 8)
    terms = elbo_terms(ae, x)
    decoded = ae.decode(ae.encode(x).mean).mean
    expected = -(x - decoded).square().sum(dim=(1, 2, 3)) - 32 * math.log(math.pi)
    torch.testing.assert_close(terms.log_likelihood, expected)
    assert terms.kl.tolist() == [0.0] * 4


def test_a_point_under_a_vae_is_not_given_a_kl():
    torch.manual_seed(0)
    vae = build_model(model_config("vae"))
    with pytest.raises(ConfigError, match="A point has no KL"):
        elbo_terms_given(vae, PointMass(torch.zeros(1, 2)), torch.rand(1, 1, 8, 8))


EIGENVALUES = (4.0, 2.0, 1.0, 0.2, 0.1, 0.05)
NOISE = 0.5


def images_with_eigenvalues() -> tuple[Tensor, Tensor]:
    """Images whose covariance has exactly ``EIGENVALUES``, and its eigenvectors in rows."""
    generator = torch.Generator().manual_seed(0)
    whitened, _ = torch.linalg.qr(torch.randn(600, 7, generator=generator))
    whitened = whitened[:, 1:] - whitened[:, 1:].mean(0)
    whitened, _ = torch.linalg.qr(whitened)
    vectors, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    scaled = whitened * (600 * torch.tensor(EIGENVALUES)).sqrt()
    return (scaled @ vectors.T)[:, None, None, :], vectors.T


def train(model: LinearVAE, x: Tensor, n_steps: int) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    for _ in range(n_steps):
        loss = -elbo_terms(model, x).elbo().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def test_the_dimensions_that_stay_active_are_the_eigenvalues_above_the_noise():
    # Source: Lucas et al. (2019), Don't Blame the ELBO!, https://arxiv.org/abs/1911.02469
    torch.manual_seed(1)
    x, vectors = images_with_eigenvalues()
    model = LinearVAE(n_pixels=6, latent_dim=5, sigma=NOISE**0.5)
    train(model, x, n_steps=1500)
    n_active = int((model.encode(x).mean.var(0) > 0.01).sum())
    assert n_active == sum(value > NOISE for value in EIGENVALUES) == 3
    learned = model.decoder.weight.detach()
    expected = sum((EIGENVALUES[k] - NOISE) * torch.outer(vectors[k], vectors[k]) for k in range(3))
    torch.testing.assert_close(learned @ learned.T, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("n_kept", [1, 3])
def test_the_learned_variance_is_the_mean_of_the_discarded_eigenvalues(n_kept):
    # Source: Tipping & Bishop (1999), Probabilistic Principal Component Analysis, equations 7 and 8.
    torch.manual_seed(1)
    x, vectors = images_with_eigenvalues()
    model = LinearVAE(n_pixels=6, latent_dim=n_kept, sigma=1.0)
    model.likelihood = GaussianLikelihood(1.0, is_learned=True)
    train(model, x, n_steps=1500)
    noise = sum(EIGENVALUES[n_kept:]) / (6 - n_kept)
    assert model.likelihood.sigma**2 == pytest.approx(noise, rel=0.02)
    learned = model.decoder.weight.detach()
    expected = sum((EIGENVALUES[k] - noise) * torch.outer(vectors[k], vectors[k]) for k in range(n_kept))
    torch.testing.assert_close(learned @ learned.T, expected, atol=0.05, rtol=0)
