"""What the inspector says of dimensions, draws and classes, without a browser."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from explorer.analysis.latent.dimensions import dimension_use
from explorer.analysis.latent.posterior_samples import normal_samples
from explorer.errors import DataError
from explorer.serving.run_cache import RunCache
from explorer.ui.explore.class_grid import class_captions
from explorer.ui.explore.posterior_samples import posterior_draws, why_no_draws
from explorer.ui.pins import Pin
from explorer.ui.places import resolve_pin
from explorer.ui.view import View
from explorer.ui.widgets import sliders as module
from explorer.ui.widgets.sliders import slider_facts, use_of_dimensions
from tests.support import digits, encode_run, new_run

NO_DATA = DataError("MNIST is not here.")


@pytest.fixture(scope="module")
def run_cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    models = {
        "vae": {"latent_dim": 5},
        "ae": {"family": "ae", "likelihood": "gaussian"},
        "one": {"latent_dim": 1},
        "laplace": {"posterior": "laplace"},
        "dirichlet": {"posterior": "dirichlet", "latent_dim": 3},
        "conditional": {"family": "cvae", "prior": "conditional"},
    }
    for name, changes in models.items():
        encode_run(new_run(folder / name, **changes))
    return RunCache(folder)


def facts_of(run_cache, name, **changes):
    loaded = run_cache.run(name)
    return slider_facts(loaded, dataclasses.replace(dimension_use(loaded.encoded, loaded.config.model), **changes))


def dead(*which):
    return np.array(which, bool)


def test_dead_dimensions_come_last_are_counted_and_explained(run_cache):
    kl = np.array([0.001, 2.0, 0.5, 0.002, 3.0])
    order = np.argsort(-kl)
    facts = facts_of(run_cache, "vae", kl=kl, order=order, is_dead=kl < 0.01)
    assert [it["i"] for it in facts["dimensions"]] == [4, 1, 2, 3, 0]
    assert [it["measure"] for it in facts["dimensions"]] == ["3.00", "2.00", "0.50", "2.0e-03", "1.0e-03"]
    assert facts["n_live"] == 3
    assert facts["dead_title"] == "2 of 5 dimensions carry nothing"
    assert "KL below 0.01 nats" in facts["dead_reason"]
    assert "Sorted by the KL from q(z|x) to N(0, 1), its mean over 60 test images." in facts["note"]


@pytest.mark.parametrize(
    ("is_dead", "title"),
    [
        (dead(0, 0, 0, 0, 0), ""),
        (dead(0, 1, 0, 0, 0), "1 of 5 dimensions carries nothing"),
        (dead(1, 1, 1, 1, 1), "All 5 dimensions carry nothing"),
    ],
)
def test_the_title_of_the_fold_counts(run_cache, is_dead, title):
    assert facts_of(run_cache, "vae", is_dead=is_dead)["dead_title"] == title


def test_a_single_dimension_that_carries_nothing_is_said_so(run_cache):
    assert facts_of(run_cache, "one", is_dead=dead(1))["dead_title"] == "The only dimension carries nothing"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ae", "an autoencoder has no prior, so no KL"),
        ("laplace", "of a laplace posterior the KL of each dimension is not known here"),
        ("dirichlet", "the dimensions of a dirichlet posterior are not independent, so none has a KL of its own"),
        ("dirichlet", "Codes of this model sum to 1; one that a slider has moved does not."),
        ("conditional", "Sorted by the KL from q(z|x, y) to p(z|y)"),
    ],
)
def test_what_the_order_is_by_is_said(run_cache, name, words):
    assert words in facts_of(run_cache, name)["note"]


@pytest.mark.parametrize("name", ["vae", "ae", "one", "laplace", "dirichlet", "conditional"])
def test_what_the_browser_is_told_is_finite_and_lists_every_dimension_once(run_cache, name):
    facts = facts_of(run_cache, name)
    json.dumps(facts, allow_nan=False)
    n_dims = run_cache.run(name).config.model.latent_dim
    assert sorted(it["i"] for it in facts["dimensions"]) == list(range(n_dims))
    assert all(it["low"] <= it["mark"] <= it["high"] for it in facts["dimensions"])


def test_a_conditional_priors_kl_is_to_the_prior_of_each_images_class(run_cache):
    loaded = run_cache.run("conditional")
    with torch.no_grad():
        loaded.model.class_prior.normal_(generator=torch.Generator().manual_seed(0))
    mu, log_var = module._class_priors(loaded)
    expected = loaded.model.class_prior.detach()[torch.from_numpy(loaded.encoded.labels)].numpy()
    np.testing.assert_array_equal(mu, expected[:, 0])
    np.testing.assert_array_equal(log_var, expected[:, 1])
    expected_kl = dimension_use(loaded.encoded, loaded.config.model, (mu, log_var)).kl
    np.testing.assert_array_equal(use_of_dimensions(loaded).kl, expected_kl)


def test_a_normal_posterior_is_drawn_from_without_the_original(run_cache):
    loaded = run_cache.run("vae")
    assert why_no_draws(loaded, 3, NO_DATA) is None
    codes = posterior_draws(loaded, 3, NO_DATA, 8, seed=2)
    expected = normal_samples(loaded.encoded.mu[3], loaded.encoded.log_var[3], 8, seed=2)
    np.testing.assert_array_equal(codes, expected)


def test_another_posterior_is_drawn_from_only_where_its_original_is(run_cache):
    loaded = run_cache.run("laplace")
    reason = why_no_draws(loaded, 3, NO_DATA)
    assert "only mean and variance of the laplace posterior" in reason
    assert "MNIST is not here." in reason
    originals = digits("test", 60)
    assert why_no_draws(loaded, 3, originals) is None
    assert posterior_draws(loaded, 3, originals, 8, seed=0).shape == (8, 2)
    with pytest.raises(DataError, match="MNIST is not here"):
        posterior_draws(loaded, 3, NO_DATA, 8, seed=0)


@pytest.mark.parametrize(("name", "row", "words"), [("ae", 3, "no q(z|x)"), ("vae", None, "Click on a point")])
def test_where_there_is_no_posterior_the_reason_is_given(run_cache, name, row, words):
    assert words in why_no_draws(run_cache.run(name), row, NO_DATA)


def test_the_class_of_the_pinned_image_is_named_as_its_own(run_cache):
    loaded = run_cache.run("conditional")
    place = resolve_pin(loaded, View(pins=(Pin(row=4),)))
    label = int(loaded.encoded.labels[4])
    captions = class_captions(tuple("abcdefghij"), place)
    assert captions[label] == f"{'abcdefghij'[label]} (its own)"
    assert sum("own" in caption for caption in captions) == 1
    between = class_captions(tuple("abcdefghij"), resolve_pin(loaded, View(pins=(Pin(point=(0.0, 0.0)),), decode_as=2)))
    assert between[2] == "c (shown above)"
