import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from explorer.analysis.latent import density_models
from explorer.analysis.latent.density_models import KINDS, MAX_KERNELS, CodeDensity
from explorer.errors import ConfigError

CENTRES = np.array([[-4.0, 0.0], [4.0, 1.0], [0.0, 6.0]])
SHARES = np.array([0.5, 0.3, 0.2])


def correlated(n=400, n_dims=3, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, n_dims)) @ rng.normal(size=(n_dims, n_dims)) + 2.0).astype(np.float32)


def planted(n=3000):
    """Codes of a mixture of three normals of deviation 0.7, and the component of each."""
    rng = np.random.default_rng(1)
    component = rng.choice(3, n, p=SHARES)
    return (CENTRES[component] + 0.7 * rng.normal(size=(n, 2))).astype(np.float32), component


def fitted(kind, codes, **settings):
    return CodeDensity(codes, kind, **({"n_components": 3} | settings))


def test_a_gaussian_is_the_normal_of_the_empirical_mean_and_covariance():
    codes, places = correlated(), correlated(50, seed=1)
    exact = stats.multivariate_normal(codes.mean(0, dtype=float), np.cov(codes.T, bias=True))
    np.testing.assert_allclose(fitted("gaussian", codes).log_prob(places), exact.logpdf(places), atol=1e-3)


def test_a_kernel_density_is_the_mean_of_normal_kernels_at_standardised_codes():
    codes, places = correlated(), correlated(50, seed=1).astype(float)
    scale = codes.std(0, dtype=float)
    bandwidth = len(codes) ** (-1 / (3 + 4))  # Scott's rule
    kernels = stats.norm.logpdf(places[:, None], codes[None].astype(float), bandwidth * scale).sum(-1)
    expected = logsumexp(kernels, axis=1) - np.log(len(codes))
    np.testing.assert_allclose(fitted("kde", codes).log_prob(places), expected, rtol=1e-9)


def test_a_mixture_finds_the_components_that_were_planted():
    density_of_planted, (codes, component) = fitted("mixture", planted()[0]), planted()
    drawn = density_of_planted.sample(6000, seed=3)
    nearest = np.linalg.norm(drawn[:, None] - CENTRES, axis=-1).argmin(1)
    for index in range(3):
        found, members = drawn[nearest == index], codes[component == index]
        assert len(found) / 6000 == pytest.approx(SHARES[index], abs=0.03)
        np.testing.assert_allclose(found.mean(0), members.mean(0), atol=0.08)
        np.testing.assert_allclose(found.std(0), members.std(0), atol=0.06)
    exact = [np.log(SHARES[k]) + stats.norm.logpdf(codes, CENTRES[k], 0.7).sum(1) for k in range(3)]
    assert density_of_planted.log_prob(codes).mean() == pytest.approx(logsumexp(exact, axis=0).mean(), abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_density_integrates_to_one(kind):
    codes = planted(500)[0]
    sides = [np.linspace(low - 6, high + 6, 181) for low, high in zip(codes.min(0), codes.max(0), strict=True)]
    grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    heights = np.exp(fitted(kind, codes).log_prob(grid)).reshape(181, 181)
    assert np.trapezoid(np.trapezoid(heights, sides[1]), sides[0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize("kind", KINDS)
def test_scaling_codes_by_c_shifts_the_log_density_by_minus_l_log_c(kind, factor):
    codes = planted(500)[0].astype(float)
    shift = fitted(kind, factor * codes).log_prob(factor * codes) - fitted(kind, codes).log_prob(codes)
    np.testing.assert_allclose(shift, -2 * np.log(factor), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_follow_the_density(kind):
    fit = fitted(kind, planted(200)[0])
    drawn = fit.sample(4000, seed=5)
    # The log density of what is drawn has the law that the density gives it, by importance weights of a wide normal.
    rng = np.random.default_rng(2)
    places = rng.normal(0, 8, (50_000, 2))
    log_p = fit.log_prob(places)
    weights = np.exp(log_p - stats.norm.logpdf(places, 0, 8).sum(1)) / len(places)
    for name, of_density, of_draws in (
        ("mean", weights @ places, drawn.mean(0)),
        ("square", weights @ places**2, (drawn.astype(float) ** 2).mean(0)),
        ("log density", weights @ log_p, fit.log_prob(drawn).mean()),
    ):
        np.testing.assert_allclose(of_draws, of_density, rtol=0.05, atol=0.15, err_msg=name)


def test_draws_of_a_gaussian_are_normal_along_every_axis():
    codes = correlated(2000)
    drawn = fitted("gaussian", codes).sample(4000, seed=2).astype(float)
    for column, mean, scale in zip(drawn.T, codes.mean(0), codes.std(0), strict=True):
        assert stats.kstest(column, stats.norm(mean, scale).cdf).pvalue > 1e-3
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(codes.T), atol=0.06)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_are_a_function_of_the_seed(kind):
    fit = fitted(kind, planted(500)[0])
    first, other, again = (fit.sample(20, seed=seed) for seed in (4, 5, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32


def test_draws_of_a_mixture_do_not_come_sorted_by_component():
    drawn = fitted("mixture", planted()[0]).sample(2000, seed=0)
    nearest = np.linalg.norm(drawn[:, None] - CENTRES, axis=-1).argmin(1)
    n_changes = int((nearest[1:] != nearest[:-1]).sum())
    assert n_changes / 1999 == pytest.approx(1 - (SHARES**2).sum(), abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dimension_that_does_not_vary_stays_where_it_is(kind):
    codes = planted(500)[0]
    flat = np.concatenate([codes, np.full((500, 1), 7.0, np.float32)], axis=1)
    fit = fitted(kind, flat)
    drawn = fit.sample(200, seed=0)
    assert np.isfinite(fit.log_prob(flat)).all()
    assert drawn[:, 2].mean() == pytest.approx(7, abs=0.1)
    assert np.abs(drawn[:, :2]).max() < 20


@pytest.mark.parametrize("kind", KINDS)
def test_one_code_many_times_is_no_error(kind):
    fit = fitted(kind, np.ones((30, 2), np.float32))
    assert np.isfinite(fit.log_prob(np.ones((1, 2)))).all()
    np.testing.assert_allclose(fit.sample(50, seed=0).mean(0), 1, atol=0.3)


def test_a_kernel_density_keeps_a_seeded_part_of_many_codes(monkeypatch):
    assert MAX_KERNELS == 10_000
    monkeypatch.setattr(density_models, "MAX_KERNELS", 200)
    codes = correlated(1000)
    first, other = (fitted("kde", codes, seed=seed) for seed in (0, 1))
    assert (first.n_codes, other.n_codes) == (200, 200)
    assert np.array_equal(first.log_prob(codes), fitted("kde", codes, seed=0).log_prob(codes))
    assert not np.array_equal(first.log_prob(codes), other.log_prob(codes))
    assert [fitted(kind, codes).n_codes for kind in ("gaussian", "mixture")] == [1000, 1000]


def test_a_kernel_density_of_many_codes_keeps_as_many_as_it_says():
    assert fitted("kde", correlated(MAX_KERNELS + 1)).n_codes == MAX_KERNELS


@pytest.mark.parametrize(
    ("kind", "codes", "text"),
    [
        ("histogram", correlated(), "There is no density 'histogram': use one of gaussian, mixture, kde"),
        ("gaussian", correlated(1), "1 codes are too few for a gaussian density: it needs at least 2"),
        ("kde", correlated(1), "1 codes are too few for a kde density: it needs at least 2"),
        ("mixture", correlated(2), "2 codes are too few for a mixture density: it needs at least 3"),
        ("kde", np.full((9, 2), np.nan), "A code is not a finite number: the model has diverged"),
        ("gaussian", np.array([[0.0, np.inf], [1.0, 2.0]]), "A code is not a finite number"),
    ],
    ids=["kind", "one code", "one kernel", "fewer than components", "nan", "inf"],
)
def test_what_has_no_density_is_refused_in_words(kind, codes, text):
    with pytest.raises(ConfigError, match=text):
        fitted(kind, codes)


def test_a_mixture_of_no_components_is_refused_in_words():
    with pytest.raises(ConfigError, match="0 components"):
        fitted("mixture", correlated(), n_components=0)
