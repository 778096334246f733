"""A GAN, a prior for each class, codes that are not normal and maps that are not linear, on every page."""

import numpy as np
import pytest

from explorer.analysis.coding import decode_codes
from explorer.analysis.latent.priors import prior_codes
from explorer.runs.listing import open_run
from tests.pictures import cells


@pytest.fixture
def run_others(run_page, other_models):
    """Runs a page of the app with the three runs."""
    return lambda path="", **query: run_page(path, on=other_models, **query)


@pytest.fixture(scope="module")
def drawn(other_models):
    """Returns images of draws from a model's own prior, by the model itself."""

    def draw(name, n, **settings):
        model = open_run(name, other_models).model()
        return decode_codes(model, prior_codes(model, n, **settings), settings.get("labels"))[:, 0]

    return draw


def assert_no_error(page):
    assert page.n_tracebacks() == 0
    assert len(page.test.error) == 0


def assert_shows(picture, expected, n_rows):
    shown = cells(picture, n_rows, 10, 8)
    assert np.abs(shown.reshape(-1, 8, 8).astype(int) - expected).max() <= 1


# What they make


@pytest.mark.parametrize("name", ["digits-gan", "digits-vae-gamma"])
def test_samples_are_those_of_the_models_own_prior(run_others, drawn, name):
    page = run_others("generate", run=name, seed="3")
    assert_shows(page.picture("Samples from the prior"), drawn(name, 50, seed=3), 5)
    assert_no_error(page)


def test_samples_of_a_class_and_one_z_in_every_class_come_from_the_classes_own_priors(run_others, drawn):
    name = "digits-cvae-conditional"
    page = run_others("generate", run=name, label="7")
    of_class = drawn(name, 50, seed=0, labels=np.full(50, 7))
    assert_shows(page.picture("Samples of class 7"), of_class, 5)
    columns = [drawn(name, 6, seed=0, labels=np.full(6, label)) for label in range(10)]
    table = page.picture("A row per z, a column per class")
    assert_shows(table, np.stack(columns, axis=1).reshape(60, 8, 8), 6)
    np.testing.assert_allclose(columns[7], of_class[:6].astype(float), atol=1)
    assert "the class's own normal prior" in page.words()
    assert_no_error(page)


def test_a_prior_that_is_not_normal_is_named_and_has_no_temperature(run_others):
    page = run_others("generate", run="digits-vae-gamma", temperature="0.5")
    assert "z from the prior, a standard gamma distribution" in page.words()
    assert page.labels("slider") == ["Images"]  # how many are taken away
    assert_no_error(page)


def test_a_temperature_scales_the_noise_of_a_gan(run_others, drawn):
    page = run_others("generate", run="digits-gan", temperature="0.5")
    assert "Temperature" in page.labels("slider")
    assert "its deviation times 0.5" in page.words()
    assert_shows(page.picture("Samples from the prior"), drawn("digits-gan", 50, seed=0, temperature=0.5), 5)


def test_drawing_again_shows_another_fifty_of_a_gan(run_others, drawn):
    page = run_others("generate", run="digits-gan").click("Draw again")
    assert page.query["seed"] == "1"
    assert_shows(page.picture("Samples from the prior"), drawn("digits-gan", 50, seed=1), 5)


def test_generating_with_a_gan_says_what_it_has_not(run_others):
    page = run_others("generate", run="digits-gan")
    (message,) = page.alerts()
    assert "is a GAN: it makes images, and has no encoder" in message
    # Below the name of the page, and not in the gallery of runs alone.
    assert any("no p(x), so no ELBO" in one.value for one in page.test.markdown)


def test_every_dimension_of_a_gan_is_moved_over_its_prior(run_others, other_models):
    page = run_others("generate", run="digits-gan", generate="traverse")
    assert "8 of 8 latent dimensions, one moved at a time" in page.words()
    assert "without an encoder no KL says what a dimension carries" in page.words()
    alts = {alt[:11]: alt for alt in page.alts()}
    assert sorted(alts) == [f"Dimension {dim}" for dim in range(8)]
    codes = np.zeros((7, 8), np.float32)
    codes[:, 3] = np.arange(-3, 4)
    expected = decode_codes(open_run("digits-gan", other_models).model(), codes)[:, 0]
    shown = cells(page.picture(alts["Dimension 3"]), 1, 7, 8)[0]
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert_no_error(page)


def test_a_blend_under_priors_of_classes_keeps_the_noise_between_them(run_others, drawn):
    name = "digits-cvae-conditional"
    page = run_others("generate", run=name, generate="blend", blend="1,6", steps="3")
    weights = np.zeros((4, 10), np.float32)
    weights[:, [1, 6]] = 0.5
    blend = cells(page.picture("A blend of 1 and 6"), 4, 3, 8)
    assert np.abs(blend[:, 1].astype(int) - drawn(name, 4, seed=0, labels=weights)).max() <= 1
    assert "A row has one noise" in page.words()
    assert_no_error(page)


def test_codes_that_are_not_normal_are_traversed_where_the_encoded_ones_lie(run_others):
    page = run_others("generate", run="digits-vae-gamma", generate="traverse")
    assert "in equal steps over where the encoded codes lie" in page.words()
    assert page.alts()[0].startswith("Dimension ")
    assert page.picture(page.alts()[0]).size
    assert_no_error(page)


# Where they lie


def test_a_gan_chosen_on_another_models_map_is_told_of_once(run_others):
    page = run_others(run="digits-vae-gamma", space="pca").click("digits-gan")
    assert page.query["run"] == "digits-gan"
    (message,) = page.alerts()
    assert "has no encoder" in message


def test_a_map_of_neighbours_is_offered_where_it_is_stored_and_is_labelled_approximate(run_others, other_models):
    page = run_others(run="digits-vae-gamma")
    assert "Approximate." not in page.words()
    (maps,) = [one for one in page.test.button_group if one.label == "Map"]
    waits = [option for option in maps.options if "schedule" in option]
    assert [option.split()[0] for option in waits] == ["t-SNE", "UMAP"]
    page.choose("Map", "pacmap")
    assert page.query["space"] == "pacmap"
    shown = page.words()
    assert "Approximate." in shown
    quality = open_run("digits-vae-gamma", other_models).projection("pacmap").quality
    assert f"misses by {quality.round_trip:.1%} of the map's radius" in shown
    assert f"Trustworthiness {quality.trustworthiness:.2f}" in shown
    assert_no_error(page)


def test_a_link_to_a_map_that_is_not_made_yet_offers_it_and_shows_the_default(run_others):
    page = run_others(run="digits-vae-gamma", space="tsne")
    assert "Compute t-SNE" in page.labels("button")
    assert page.query.get("space", "plane") == "plane"
    assert "horizontal z0, vertical z1" in page.component("latent-map")["alt"]


# What is told of them


def test_an_attribute_of_a_gan_is_told_in_words(run_others):
    page = run_others("interpolate", run="digits-gan", interpolate="attribute")
    assert "encodes no images, so none with an attribute can be told" in page.words()
    assert page.n_tracebacks() == 0


@pytest.mark.parametrize(
    ("name", "drawn_from"),
    [("digits-vae-gamma", "draws of the prior;"), ("digits-cvae-conditional", "images' classes;")],
)
def test_an_evaluation_knows_codes_that_are_not_normal_and_priors_of_each_class(run_others, name, drawn_from):
    page = run_others("evaluate", run=name, evaluate="aggregate").until(drawn_from)
    assert_no_error(page)
    page.choose("What to evaluate", "calibration").until("Simulation-based calibration")
    assert_no_error(page)
