import json
import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from torch.distributions import (
    Beta,
    Categorical,
    Dirichlet,
    Gamma,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from explorer.analysis.coding import encode_split
from explorer.analysis.evaluation.evaluate import NO_DIMENSIONS, NO_ENCODER, NO_PRIOR, Evaluation, evaluate, image_terms
from explorer.errors import ConfigError
from explorer.locations import CHECKPOINTS
from explorer.models.build import build_model
from explorer.models.distributions import DiagonalNormal, standard_normal
from explorer.objectives.importance import estimate_evidence
from explorer.objectives.information import surgery
from explorer.runs.listing import open_run
from explorer.training.trainer import Trainer
from tests.support import digits, fresh_run, model_config, run_config


def model(family="vae", **changes):
    torch.manual_seed(0)
    return build_model(model_config(family, **changes)).eval().requires_grad_(False)


def mutual_information(posterior):
    return surgery(posterior, standard_normal(torch.zeros_like(posterior.mu[0]))).mutual_information


def test_posteriors_that_are_all_the_same_carry_no_information():
    posterior = DiagonalNormal(torch.zeros(500, 2), torch.zeros(500, 2))
    assert mutual_information(posterior) == pytest.approx(0, abs=1e-5)


def test_posteriors_far_apart_carry_log_n_nats_and_no_estimate_is_above_it():
    posterior = DiagonalNormal(100 * torch.arange(300.0)[:, None], torch.zeros(300, 1))
    assert mutual_information(posterior) == pytest.approx(math.log(300), abs=1e-4)


def test_information_of_gaussian_posteriors_under_a_gaussian_is_the_channel_capacity():
    torch.manual_seed(1)
    spread, noise = 1.5, 0.8
    mu = spread * torch.randn(4000, 1, dtype=torch.float64)
    posterior = DiagonalNormal(mu, torch.full_like(mu, 2 * math.log(noise)))
    capacity = 0.5 * math.log1p(spread**2 / noise**2)
    assert mutual_information(posterior) == pytest.approx(capacity, abs=0.04)


def test_units_are_active_where_the_mean_code_varies_over_images():
    silent = model(latent_dim=4)
    silent.encoder.body[-1].weight[1].zero_()
    silent.encoder.body[-1].weight[3].zero_()
    silent.encoder.body[-1].weight[0].mul_(50)
    silent.encoder.body[-1].weight[2].mul_(50)
    assert evaluate(silent, digits("test", 60), is_binary=False, n_samples=1).active_units == 2


def test_the_kl_per_dimension_is_that_of_torch_and_sums_to_the_kl():
    vae, split = model(latent_dim=3), digits("test", 40)
    result = evaluate(vae, split, is_binary=False, n_samples=1)
    encoded = encode_split(vae, split, is_binary=False, fingerprint="")
    q = Normal(torch.from_numpy(encoded.mu).double(), torch.from_numpy(np.exp(encoded.log_var / 2)).double())
    expected = kl_divergence(q, Normal(torch.zeros(3), torch.ones(3))).mean(0)
    assert result.kl_per_dimension == pytest.approx(expected.tolist(), rel=1e-4)
    assert result.kl == pytest.approx(sum(result.kl_per_dimension), rel=1e-5)
    assert result.elbo == pytest.approx(result.log_likelihood - result.kl, rel=1e-6)


def test_the_squared_error_is_that_of_the_decoded_mean_codes():
    ae, split = model("ae"), digits("test", 30)
    result = evaluate(ae, split, is_binary=False, n_samples=1)
    x = torch.from_numpy(split.images).float() / 255
    decoded = ae.decode(ae.encode(x).mean).mean
    assert result.squared_error == pytest.approx(float((x - decoded).square().sum() / 30), rel=1e-5)


def test_the_means_of_what_is_known_of_each_image_are_the_evaluation():
    vae, split = model(latent_dim=3), digits("test", 250)
    terms = image_terms(vae, split, is_binary=True, n_samples=5)
    result = evaluate(vae, split, is_binary=True, n_samples=5)
    for name in ("squared_error", "log_likelihood", "kl", "log_px", "mutual_information"):
        assert getattr(terms, name).mean() == pytest.approx(getattr(result, name), rel=1e-5)
    assert (terms.mu.var(0) > 0.01).sum() == result.active_units
    assert terms.mu.shape == (250, 3)


def test_the_images_of_an_autoencoder_have_no_terms_of_a_bound():
    terms = image_terms(model("ae"), digits("test", 20), is_binary=False, n_samples=1)
    assert (terms.kl, terms.log_px, terms.mutual_information) == (None, None, None)
    assert terms.log_likelihood.shape == terms.squared_error.shape == (20,)


def test_the_importance_weighted_bound_is_above_the_elbo():
    trained = open_run("digits-vae-2d", CHECKPOINTS).model()
    result = evaluate(trained, digits("test", 100), is_binary=True, n_samples=200)
    # The gap of this run is several times the noise of one posterior sample of each image.
    assert result.elbo < result.log_px - 0.3
    assert result.mutual_information <= result.mutual_information_ceiling == math.log(100)


def test_an_evaluation_is_a_function_of_its_arguments():
    first, second = (evaluate(model(), digits("test", 50), is_binary=True, n_samples=5) for _ in range(2))
    assert first == second


def test_what_an_autoencoder_lacks_is_absent_with_its_reason():
    result = evaluate(model("ae"), digits("test", 20), is_binary=False, n_samples=1)
    assert (result.elbo, result.kl, result.log_px, result.mutual_information) == (None, None, None, None)
    assert set(result.reasons.values()) == {NO_PRIOR}
    assert result.active_units in {0, 1, 2}


def test_too_few_samples_and_images_of_another_shape_are_refused_in_words():
    with pytest.raises(ConfigError, match="0 importance samples are too few"):
        evaluate(model(), digits("test", 5), is_binary=False, n_samples=0)
    with pytest.raises(ConfigError, match="not"):
        evaluate(model(image_shape=(1, 9, 9)), digits("test", 5), is_binary=False)


def test_the_mixture_density_is_that_of_torch():
    torch.manual_seed(2)
    mu, log_var = torch.randn(6, 2).double(), torch.randn(6, 2).double()
    torch.manual_seed(3)
    estimate = mutual_information(DiagonalNormal(mu, log_var))
    torch.manual_seed(3)
    z = DiagonalNormal(mu, log_var).rsample()
    own = Independent(Normal(mu, (log_var / 2).exp()), 1)
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(torch.ones(6).double()), own)
    assert estimate == pytest.approx(float((own.log_prob(z) - mixture.log_prob(z)).mean()), abs=1e-10)


POSTERIORS = ("normal", "normal-full", "gamma", "beta", "dirichlet", "laplace", "logistic")


def varied(family="vae", **changes):
    """A model whose posteriors differ from image to image."""
    built = model(family, latent_dim=3, **changes)
    built.encoder.body[-1].weight.mul_(4)
    return built


def unit(split):
    return torch.from_numpy(split.images).float() / 255


def posteriors(built, split):
    return built.encode(unit(split), torch.from_numpy(split.labels))


def absent(result):
    return {field.name for field in fields(result) if getattr(result, field.name) is None}


def class_prior(built, means):
    """Give each class of a conditional prior a place of its own and a deviation of 1/2."""
    built.class_prior[:, 0] = means
    built.class_prior[:, 1] = 2 * math.log(0.5)
    return built


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [
        ("gamma", Independent(Gamma(torch.ones(3), torch.ones(3)), 1)),
        ("beta", Independent(Beta(torch.ones(3), torch.ones(3)), 1)),
        ("dirichlet", Dirichlet(torch.ones(3))),
        ("normal-full", MultivariateNormal(torch.zeros(3), torch.eye(3))),
    ],
)
def test_the_kl_of_every_posterior_is_that_of_torch(posterior, prior):
    built, split = varied(posterior=posterior), digits("test", 60)
    result, q = evaluate(built, split, is_binary=False, n_samples=1), posteriors(built, split)
    joined = posterior in {"dirichlet", "normal-full"}
    expected = kl_divergence(q, prior) if joined else kl_divergence(q.base_dist, prior.base_dist).sum(-1)
    assert result.kl == pytest.approx(float(expected.mean()), rel=1e-4)
    assert result.kl > 0.1
    assert result.elbo == pytest.approx(result.log_likelihood - result.kl, rel=1e-6)
    assert absent(result) == ({"kl_per_dimension"} if joined else set())
    assert result.reasons == ({"kl_per_dimension": NO_DIMENSIONS} if joined else {})
    if not joined:
        assert sum(result.kl_per_dimension) == pytest.approx(result.kl, rel=1e-5)


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_the_kl_is_mutual_information_and_the_kl_of_the_aggregate(posterior):
    built, split = varied(posterior=posterior), digits("test")
    result = evaluate(built, split, is_binary=False, n_samples=1)
    q = posteriors(built, split)
    torch.manual_seed(6)
    z = q.sample()
    ratio = q.log_prob(z) - built.prior().log_prob(z)
    information = q.log_prob(z) - q.log_prob(z[:, None]).logsumexp(1) + math.log(len(split))
    errors = [5 * float(each.std() / len(split) ** 0.5) for each in (ratio, information)]
    assert result.mutual_information + result.aggregate_kl == pytest.approx(result.kl, abs=errors[0])
    assert result.mutual_information == pytest.approx(float(information.mean()), abs=errors[1])
    assert result.mutual_information <= result.mutual_information_ceiling == math.log(len(split))


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_mean_and_variance_of_the_aggregate_are_those_of_its_samples(posterior):
    built, split = varied(posterior=posterior), digits("test", 80)
    result = evaluate(built, split, is_binary=False, n_samples=1)
    torch.manual_seed(5)
    z = posteriors(built, split).sample((4000,)).flatten(0, 1).double()
    deviation = z.std(0)
    assert ((torch.tensor(result.aggregate_mean) - z.mean(0)).abs() / deviation).max() < 0.02
    np.testing.assert_allclose(result.aggregate_variance, z.var(0), rtol=0.05)
    drawn = built.prior().sample((200_000,)).double()
    np.testing.assert_allclose(result.prior_mean, drawn.mean(0), atol=0.02)
    np.testing.assert_allclose(result.prior_variance, drawn.var(0), rtol=0.05)


def test_a_conditional_prior_is_compared_class_by_class():
    split = digits("test")
    y, means = torch.from_numpy(split.labels), torch.linspace(-2, 2, 30).view(10, 3)
    built = class_prior(varied("cvae", prior="conditional"), means)
    result = evaluate(built, split, is_binary=False, n_samples=5)
    q = posteriors(built, split)
    q = Normal(q.mu, (q.log_var / 2).exp())
    expected = kl_divergence(q, Normal(means[y], torch.tensor(0.5))).mean(0)
    np.testing.assert_allclose(result.kl_per_dimension, expected, rtol=1e-4)
    prior = MixtureSameFamily(Categorical(torch.bincount(y).float()), Independent(Normal(means, 0.5), 1))
    np.testing.assert_allclose(result.prior_mean, prior.mean, atol=1e-5)
    np.testing.assert_allclose(result.prior_variance, prior.variance, rtol=1e-4)
    torch.manual_seed(4)
    z = q.sample()
    ratio = (q.log_prob(z) - Normal(means[y], 0.5).log_prob(z)).sum(-1)
    error = float(ratio.std() / len(split) ** 0.5)
    assert result.mutual_information + result.aggregate_kl == pytest.approx(result.kl, abs=5 * error)
    assert result.mutual_information <= result.mutual_information_ceiling < math.log(len(split))
    assert result.log_px > result.elbo


def test_a_class_prior_at_the_standard_normal_is_the_standard_normal():
    conditional, plain = varied("cvae", prior="conditional"), varied("cvae")
    plain.load_state_dict({k: v for k, v in conditional.state_dict().items() if k != "class_prior"})
    first, second = (
        asdict(evaluate(it, digits("test", 50), is_binary=True, n_samples=5)) for it in (conditional, plain)
    )
    assert first.keys() == second.keys()
    of_classes = {"mutual_information", "mutual_information_ceiling", "aggregate_kl"}
    for name, value in first.items():
        if name in of_classes:  # within the classes, and over all images
            continue
        assert value == (pytest.approx(second[name], rel=1e-5, abs=1e-5) if name != "reasons" else {})


@pytest.mark.parametrize(("family", "reason"), [("ae", NO_PRIOR), ("gan", NO_ENCODER)])
def test_every_absent_number_has_its_reason_and_all_is_json(family, reason):
    result = evaluate(model(family), digits("test", 20), is_binary=False, n_samples=1)
    assert absent(result) == set(result.reasons)
    assert set(result.reasons.values()) == {reason}
    assert Evaluation(**json.loads(json.dumps(asdict(result), allow_nan=False))) == result
    assert ("squared_error" in absent(result)) == (family == "gan")


@pytest.mark.parametrize("posterior", ["normal", "normal-full", "gamma", "dirichlet", "student-t", "log-normal"])
def test_every_number_of_a_vae_is_json(posterior):
    result = evaluate(varied(posterior=posterior), digits("test", 20), is_binary=False, n_samples=2)
    assert Evaluation(**json.loads(json.dumps(asdict(result), allow_nan=False))) == result


def test_a_variance_that_does_not_exist_is_absent_with_its_reason():
    result = evaluate(varied(posterior="student-t", degrees_of_freedom=1.5), digits("test", 20), is_binary=False)
    json.dumps(asdict(result), allow_nan=False)
    assert absent(result) == set(result.reasons) == {"aggregate_variance", "prior_variance"}


def test_a_standard_error_of_one_image_is_absent_with_its_reason():
    result = evaluate(model(), digits("test", 1), is_binary=False, n_samples=2)
    assert absent(result) == set(result.reasons) == {"elbo_se", "log_px_se"}


def repeated(index, n):
    split = digits("test")
    return replace(split, images=split.images[[index] * n], labels=split.labels[[index] * n])


@pytest.mark.parametrize("posterior", ["normal", "gamma"])
def test_with_one_sample_log_px_is_the_elbo_in_expectation(posterior):
    # One image many times: the standard errors are then those of the samples alone.
    result = evaluate(varied(posterior=posterior), repeated(3, 4000), is_binary=True, n_samples=1)
    error = math.hypot(result.elbo_se, result.log_px_se)
    assert result.log_px == pytest.approx(result.elbo, abs=4 * error)
    assert error < 0.3


def test_the_standard_error_is_the_deviation_of_means_over_other_images():
    built, split = varied(), digits("train", 1200)
    parts = [
        evaluate(
            built, replace(split, images=split.images[rows], labels=split.labels[rows]), is_binary=True, n_samples=5
        )
        for rows in np.arange(1200).reshape(30, 40)
    ]
    for name in ("elbo", "log_px"):
        spread = np.std([getattr(part, name) for part in parts], ddof=1)
        claimed = np.mean([getattr(part, f"{name}_se") for part in parts])
        assert claimed == pytest.approx(spread, rel=0.4)


@pytest.mark.parametrize("posterior", ["normal", "gamma", "dirichlet"])
def test_log_px_depends_on_batch_and_chunk_by_noise_alone(posterior):
    built, split = varied(posterior=posterior), digits("test", 90)
    x = unit(split)
    torch.manual_seed(1)
    estimates = [estimate_evidence(built, x, n_samples=300, max_decoded=chunk) for chunk in (1, 700, 100_000)]
    alone = [estimate_evidence(built, part, n_samples=300) for part in torch.split(x, 7)]
    means = [float(each.log_px.mean()) for each in estimates]
    means += [float(torch.cat([each.log_px for each in alone]).mean())]
    means += [evaluate(built, split, is_binary=False, n_samples=300).log_px]
    error = float(estimates[0].se.square().sum().sqrt() / len(x))
    assert np.ptp(means) < 6 * error


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A model of digits with more dimensions than it uses."""
    train = digits("train")
    config = run_config(latent_dim=12, hidden=(64,), epochs=60, binarisation="fixed")
    run = fresh_run(tmp_path_factory.mktemp("wide") / "run", config, train)
    Trainer(run, train, digits("validation")).fit()
    return run.model().requires_grad_(False)


def test_removing_the_inactive_units_moves_log_px_by_less_than_six_hundredths_of_a_nat(wide):
    split = digits("test")
    mu = posteriors(wide, split).mu
    is_active = mu.var(0, correction=0) > 0.01
    before = evaluate(wide, split, is_binary=True, n_samples=50)
    assert before.active_units == int(is_active.sum())
    assert 2 <= before.active_units <= 9
    weight = wide.decoder.input.layer.weight
    kept = weight.clone()
    weight[:, ~is_active] = 0
    removed = evaluate(wide, split, is_binary=True, n_samples=50)
    weight.copy_(kept)
    weight[:, is_active.nonzero()[0]] = 0
    without_one = evaluate(wide, split, is_binary=True, n_samples=50)
    weight.copy_(kept)
    assert abs(removed.log_px - before.log_px) < 0.06
    assert before.log_px - without_one.log_px > 0.5


def test_how_many_importance_samples_are_taken_moves_no_other_number():
    split, vae = digits("test", 450), model()
    few, many = (image_terms(vae, split, is_binary=False, n_samples=k) for k in (1, 7))
    for name in ("squared_error", "log_likelihood", "kl", "mutual_information", "aggregate_kl"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name))
    assert (few.log_px != many.log_px).any()
