"""How the bound grows with its samples: known values, Jensen's order, and what the samples are worth."""

import math

import numpy as np
import pytest
import torch

from explorer.analysis.evaluation.iwae_curve import bound_growth, effective_samples, grouped_bound, sample_counts
from explorer.errors import ConfigError
from explorer.models.build import build_model
from explorer.objectives.importance import sample_weights
from tests.support import LinearGaussian, digits, model_config


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return build_model(model_config()).eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("most", "counts"),
    [(1, [1]), (3, [1, 2, 3]), (20, [1, 2, 5, 10, 20]), (100, [1, 2, 5, 10, 20, 50, 100]), (7, [1, 2, 5, 7])],
)
def test_samples_are_counted_in_ones_twos_and_fives_up_to_the_most(most, counts):
    assert sample_counts(most) == counts


def test_no_sample_makes_no_bound():
    with pytest.raises(ConfigError, match="0 importance samples are too few"):
        sample_counts(0)


def test_the_bound_of_groups_is_the_mean_of_the_bounds_of_each():
    log_weights = torch.randn(7, 3, dtype=torch.float64)
    by_hand = torch.stack(
        [log_weights[start : start + 3].exp().mean(0).log() for start in (0, 3)]  # the seventh is left over
    ).mean(0)
    torch.testing.assert_close(grouped_bound(log_weights, 3), by_hand)
    torch.testing.assert_close(grouped_bound(log_weights, 1), log_weights.mean(0))


def test_where_a_number_divides_the_next_the_bound_of_the_same_samples_never_falls():
    log_weights = 5 * torch.randn(64, 20, dtype=torch.float64)
    bounds = torch.stack([grouped_bound(log_weights, k) for k in (1, 2, 4, 8, 16, 32, 64)])
    assert (bounds.diff(dim=0) >= -1e-12).all()


def test_equal_weights_are_worth_all_samples_and_one_that_has_all_the_weight_is_worth_one():
    equal, lonely = torch.full((50, 1), -900.0), torch.full((50, 1), -900.0)
    lonely[7] = 0
    assert float(effective_samples(equal)) == pytest.approx(50, rel=1e-4)
    assert float(effective_samples(lonely)) == pytest.approx(1)


def test_the_effective_number_is_that_of_its_formula():
    log_weights = torch.randn(30, 4, dtype=torch.float64)
    w = log_weights.exp()
    torch.testing.assert_close(effective_samples(log_weights), w.sum(0) ** 2 / (w**2).sum(0))


def test_with_the_exact_posterior_every_bound_is_the_evidence_and_every_sample_counts():
    model = LinearGaussian.example()
    x = torch.randn(4, 1, 1, 5, dtype=torch.float64)
    log_weights = sample_weights(model, x, n_samples=20).total().detach()
    for k in (1, 5, 20):
        torch.testing.assert_close(grouped_bound(log_weights, k), model.log_evidence(x), atol=1e-10, rtol=0)
    torch.testing.assert_close(effective_samples(log_weights), torch.full((4,), 20.0, dtype=torch.float64))


def test_growth_begins_at_the_elbo_rises_and_is_the_same_every_time(vae):
    split = digits("test", 60)
    growth, again = (bound_growth(vae, split, is_binary=True, n_samples=50) for _ in range(2))
    np.testing.assert_array_equal(growth.bounds, again.bounds)
    assert growth.k.tolist() == [1, 2, 5, 10, 20, 50]
    assert growth.bounds.shape == growth.gains().shape == (6, 60)
    assert growth.effective.shape == (60,)
    assert ((growth.effective >= 1 - 1e-6) & (growth.effective <= 50 + 1e-6)).all()
    means = growth.bounds.mean(axis=1)
    assert (np.diff(means) > -1e-3).all()
    assert means[-1] > means[0]
    np.testing.assert_array_equal(growth.gains()[0], 0)


def test_growth_agrees_with_weights_that_were_drawn_apart(vae):
    split = digits("test", 30)
    growth = bound_growth(vae, split, is_binary=False, n_samples=200)
    torch.manual_seed(5)
    x = torch.from_numpy(split.images).float() / 255
    apart = sample_weights(vae, x, n_samples=200).total().double()
    for row, k in enumerate(growth.k.tolist()):
        error = apart.std(0).mean() / math.sqrt(200 * 30)
        assert growth.bounds[row].mean() == pytest.approx(float(grouped_bound(apart, k).mean()), abs=8 * float(error))


def test_what_is_told_of_progress_ends_it_where_it_raises(vae):
    said = []

    def tell(progress):
        said.append(progress.fraction)
        if len(said) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        bound_growth(vae, digits("test", 100), is_binary=True, n_samples=100, on_progress=tell)
    assert said == sorted(said)
    assert len(said) == 2


def test_a_model_without_a_prior_has_no_bound_to_grow():
    autoencoder = build_model(model_config("ae"))
    with pytest.raises(ConfigError, match="no prior, so no p\\(x\\)"):
        bound_growth(autoencoder, digits("test", 10), is_binary=False, n_samples=5)
