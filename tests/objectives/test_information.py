"""The KL taken apart, against mixtures of torch.distributions and quadrature."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.models.config import POSTERIORS
from explorer.models.distributions import DiagonalNormal, standard_normal
from explorer.objectives import information
from explorer.objectives.information import (
    Surgery,
    log_density_of_mixture,
    n_active_units,
    surgery,
    surgery_of,
    surgery_terms,
)
from tests.support import model_config

N, L = 40, 3


def normals(n: int = N, spread: float = 1.0) -> DiagonalNormal:
    generator = torch.Generator().manual_seed(4)
    mu = spread * torch.randn(n, L, generator=generator, dtype=torch.float64)
    return DiagonalNormal(mu, 0.5 * torch.randn(n, L, generator=generator, dtype=torch.float64))


def full_normals() -> MultivariateNormal:
    generator = torch.Generator().manual_seed(5)
    factor = 0.4 * torch.randn(N, L, L, generator=generator, dtype=torch.float64).tril(-1)
    factor += torch.diag_embed(0.3 + torch.rand(N, L, generator=generator, dtype=torch.float64))
    return MultivariateNormal(normals().mu, scale_tril=factor)


def torchs_mixture(components: Distribution) -> MixtureSameFamily:
    if isinstance(components, DiagonalNormal):
        components = Independent(Normal(components.mu, (0.5 * components.log_var).exp()), 1)
    return MixtureSameFamily(Categorical(torch.ones(components.batch_shape[0], dtype=torch.float64)), components)


def prior() -> DiagonalNormal:
    return standard_normal(torch.zeros(L, dtype=torch.float64))


def taken_apart(q: Distribution, p: Distribution, seed: int = 1) -> tuple[Surgery, Tensor]:
    """The surgery, and the samples that it was made with."""
    torch.manual_seed(seed)
    parts = surgery(q, p)
    torch.manual_seed(seed)
    return parts, q.rsample()


@pytest.mark.parametrize("q", [normals(), normals(spread=9.0), full_normals()], ids=["diagonal", "apart", "full"])
def test_both_parts_together_are_the_mean_kl_of_the_same_samples(q):
    parts, z = taken_apart(q, prior())
    sampled_kl = (q.log_prob(z) - prior().log_prob(z)).mean().item()
    assert parts.mutual_information + parts.aggregate_kl == pytest.approx(sampled_kl, abs=1e-10)


@pytest.mark.parametrize("q", [normals(), full_normals()], ids=["diagonal", "full"])
def test_both_parts_are_those_of_the_mixture_by_torch(q):
    parts, z = taken_apart(q, prior())
    log_mixture = torchs_mixture(q).log_prob(z)
    assert parts.mutual_information == pytest.approx((q.log_prob(z) - log_mixture).mean().item(), abs=1e-10)
    assert parts.aggregate_kl == pytest.approx((log_mixture - prior().log_prob(z)).mean().item(), abs=1e-10)


def test_a_conditional_prior_is_taken_apart_within_its_classes():
    torch.manual_seed(0)
    model = build_model(model_config("cvae", prior="conditional", latent_dim=L)).requires_grad_(False)
    model.class_prior.copy_(torch.randn(model.class_prior.shape))
    raw, y = torch.randn(N, 2 * L), torch.arange(N) % 3
    torch.manual_seed(1)
    whole = surgery_of(model, raw, y)
    torch.manual_seed(1)
    parts = [surgery(model.posterior(raw[y == c]), model.prior(torch.tensor(c))) for c in range(3)]
    shares = [float((y == c).float().mean()) for c in range(3)]
    for name in ("mutual_information", "aggregate_kl", "ceiling"):
        expected = sum(share * getattr(part, name) for share, part in zip(shares, parts, strict=True))
        assert getattr(whole, name) == pytest.approx(expected, abs=1e-6)


def test_an_image_keeps_its_place_when_it_is_compared_within_its_class():
    torch.manual_seed(0)
    model = build_model(model_config("cvae", prior="conditional", latent_dim=L)).requires_grad_(False)
    raw, y = 0.1 * torch.randn(60, 2 * L), torch.arange(60) % 3
    # Two images lie apart from all others of their classes: each brings nearly the logarithm of 20.
    raw[[7, 41], :L] += 30
    terms = surgery_terms(model, raw, y)
    assert sorted(terms.mutual_information.argsort(descending=True)[:2].tolist()) == [7, 41]
    assert terms.mutual_information[[7, 41]].tolist() == pytest.approx([math.log(20)] * 2, abs=1e-3)
    assert terms.n_compared.tolist() == [20] * 60


def test_a_model_without_a_bound_has_no_kl_to_take_apart():
    with pytest.raises(ConfigError, match="A model of family 'ae' has no KL to take apart"):
        surgery_of(build_model(model_config("ae")), torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))


def test_codes_that_tell_nothing_carry_no_information_and_all_of_the_kl_is_the_aggregates():
    q = DiagonalNormal(torch.full((500, L), 0.7, dtype=torch.float64), torch.zeros(500, L, dtype=torch.float64))
    parts, _ = taken_apart(q, prior())
    assert parts.mutual_information == pytest.approx(0, abs=1e-12)
    shift_error = 4 * 0.7 * math.sqrt(L / 500)
    assert parts.aggregate_kl == pytest.approx(kl_divergence(q, prior())[0].item(), abs=shift_error)


def test_codes_that_tell_every_image_apart_carry_the_ceiling():
    parts, _ = taken_apart(normals(spread=1e4), prior())
    assert parts.ceiling == math.log(N)
    assert parts.mutual_information == pytest.approx(parts.ceiling, abs=1e-12)


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_information_never_exceeds_its_ceiling(posterior):
    torch.manual_seed(0)
    model = build_model(model_config(posterior=posterior, latent_dim=L)).requires_grad_(False)
    raw = 6 * torch.randn(N, model.n_posterior_parameters)
    for seed in range(5):
        parts, _ = taken_apart(model.posterior(raw), model.prior(), seed)
        assert -math.inf < parts.mutual_information <= parts.ceiling + 1e-5


def test_information_and_aggregate_kl_of_two_kinds_of_images_are_those_by_quadrature():
    centre, n = 1.2, 2000
    mu = torch.tensor([[-centre], [centre]], dtype=torch.float64).repeat(n // 2, 1)
    q, p = DiagonalNormal(mu, torch.zeros_like(mu)), standard_normal(torch.zeros(1, dtype=torch.float64))
    parts, z = taken_apart(q, p)
    grid = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    own, other = (Normal(c, 1.0).log_prob(grid) for c in (centre, -centre))
    log_mixture = torch.logaddexp(own, other) - math.log(2)
    exact_information = torch.trapezoid(own.exp() * (own - log_mixture), grid).item()
    exact_aggregate = torch.trapezoid(log_mixture.exp() * (log_mixture - Normal(0.0, 1.0).log_prob(grid)), grid).item()
    log_q, log_p = log_density_of_mixture(q, z), p.log_prob(z)
    error = 4 * (q.log_prob(z) - log_q).std().item() / math.sqrt(n)
    assert parts.mutual_information == pytest.approx(exact_information, abs=error)
    assert parts.aggregate_kl == pytest.approx(exact_aggregate, abs=4 * (log_q - log_p).std().item() / math.sqrt(n))


@pytest.mark.parametrize("components", [normals(), full_normals()], ids=["diagonal", "full"])
@pytest.mark.parametrize("largest", [1, 1000, 20_000_000])
def test_the_density_of_a_mixture_is_torchs_however_it_is_cut(monkeypatch, components, largest):
    monkeypatch.setattr(information, "MAX_COMPARED", largest)
    z = 3 * torch.randn(57, L, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    expected = torchs_mixture(components).log_prob(z)
    torch.testing.assert_close(log_density_of_mixture(components, z), expected, atol=1e-10, rtol=0)


def test_the_density_of_a_mixture_stays_finite_thousands_of_deviations_away():
    z = torch.full((2, L), 5e3, dtype=torch.float64)
    assert log_density_of_mixture(normals(), z).isfinite().all()


def test_a_unit_is_active_if_its_mean_varies_by_more_than_a_hundredth():
    deviation = torch.tensor([0.0, 0.09, 0.11, 3.0])
    mu = 5 + deviation * torch.tensor([-1.0, 1.0]).repeat(50)[:, None]
    assert n_active_units(mu) == 2
    assert n_active_units(mu[:1]) == 0
