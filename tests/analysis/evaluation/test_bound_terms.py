"""The terms of a bound: they add up, and what a model has not is not among them."""

import numpy as np
import pytest
import torch

from explorer.analysis.evaluation.elbo_terms import bound_terms
from explorer.analysis.evaluation.evaluate import evaluate, image_terms, scored
from explorer.analysis.statistics.bootstrap import Resampling
from explorer.errors import ConfigError
from explorer.models.build import build_model
from tests.support import digits, model_config

FEW = Resampling(n_resamples=200)


def model(family="vae", **changes):
    torch.manual_seed(0)
    return build_model(model_config(family, **changes)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def found():
    return scored(model(), digits("test", 120), is_binary=True, n_samples=1)


def test_the_terms_add_up_to_the_elbo_and_are_those_of_the_evaluation(found):
    evaluation, terms = found
    values = {term.name: term.estimate.value for term in bound_terms(terms, FEW)}
    assert values["elbo"] == pytest.approx(values["log_likelihood"] - values["kl"])
    for name in ("elbo", "kl", "log_likelihood", "mutual_information", "aggregate_kl", "squared_error"):
        assert values[name] == pytest.approx(getattr(evaluation, name), rel=1e-5), name


def test_information_and_aggregate_add_up_to_the_kl_of_the_same_samples(found):
    _, terms = found
    # By one sample of each image: the closed KL differs by that noise alone.
    sampled = terms.mutual_information + terms.aggregate_kl
    error = (sampled - terms.kl).std() / np.sqrt(len(sampled))
    assert sampled.mean() == pytest.approx(terms.kl.mean(), abs=4 * error)
    np.testing.assert_allclose(terms.kl_per_dimension.sum(axis=1), terms.kl, rtol=1e-5)


def test_an_interval_is_about_two_standard_errors_to_either_side(found):
    _, terms = found
    elbo = next(term.estimate for term in bound_terms(terms) if term.name == "elbo")
    each = terms.log_likelihood - terms.kl
    se = each.std(ddof=1) / np.sqrt(len(each))
    assert elbo.high - elbo.low == pytest.approx(2 * 1.96 * se, rel=0.15)
    assert elbo.replicates.std() == pytest.approx(se, rel=0.1)


def test_an_autoencoder_has_what_it_makes_of_images_and_no_bound():
    terms = image_terms(model("ae"), digits("test", 30), is_binary=False, n_samples=1)
    shown = bound_terms(terms, FEW)
    assert [term.name for term in shown] == ["log_likelihood", "squared_error"]
    assert "no bound" in shown[0].explanation
    assert terms.kl is terms.aggregate_kl is terms.kl_per_dimension is None


def test_every_term_is_explained_and_has_a_source(found):
    for term in bound_terms(found[1], FEW):
        assert term.explanation.endswith("."), term.name
        assert "http" in term.source, term.name


def test_one_image_has_no_interval():
    with pytest.raises(ConfigError, match="at least two"):
        bound_terms(image_terms(model(), digits("test", 1), is_binary=True, n_samples=1), FEW)


def test_scores_are_those_of_an_evaluation_and_tell_how_far_they_are(found):
    said = []
    again, _ = scored(model(), digits("test", 120), is_binary=True, n_samples=1, on_progress=said.append)
    assert again == found[0] == evaluate(model(), digits("test", 120), is_binary=True, n_samples=1)
    assert [progress.what for progress in said] == [
        "images scored, 0 of 120",
        "comparing every code with every posterior",
    ]
    assert 0 < said[-1].fraction < said[-1].until <= 1
