"""A GAN, a prior for each class, codes that are not normal and maps that are not linear, in the app."""

import re

import numpy as np
import pytest

from explorer.analysis.coding import decode_codes, encode_split
from explorer.analysis.latent.priors import prior_codes
from explorer.analysis.projections.methods import measured, pacmap, pca
from explorer.runs.listing import open_run
from explorer.training.trainer import Trainer
from tests.browser.app_driver import cells
from tests.browser.conftest import serving
from tests.support import digits, fresh_run, run_config

pytestmark = pytest.mark.browser

RUNS = {
    "digits-gan": ("gan", {"latent_dim": 8, "epochs": 30, "learning_rate": 2e-3, "activation": "leaky-relu"}),
    "digits-cvae-conditional": ("cvae", {"latent_dim": 4, "epochs": 30, "prior": "conditional"}),
    "digits-vae-gamma": ("vae", {"latent_dim": 4, "epochs": 30, "posterior": "gamma"}),
}


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """The app with the three runs."""
    folder = tmp_path_factory.mktemp("others")
    for name, (family, changes) in RUNS.items():
        run = fresh_run(folder / name, run_config(family, **({"hidden": (64,)} | changes)), digits("train"))
        Trainer(run, digits("train"), digits("validation")).fit()
        if family != "gan":
            encoded = encode_split(run.model(), digits("test"), is_binary=False, fingerprint=run.fingerprint())
            run.save_encoded(encoded)
            run.save_projection(pca(encoded))
            run.save_projection(measured(pacmap(encoded), encoded))
    with serving(tmp_path_factory.mktemp("server"), folder) as app:
        yield app


@pytest.fixture
def visit_others(visit, others):
    """Opens the app of the three runs."""
    return lambda path="", **query: visit(path, on=others, **query)


def assert_no_error(page):
    assert page.n_tracebacks() == 0
    assert page.page.locator('[data-testid="stAlertContentError"]').count() == 0


def drawn(others, name, n, **settings):
    model = open_run(name, others.checkpoints).model()
    return decode_codes(model, prior_codes(model, n, **settings), settings.get("labels"))[:, 0]


def assert_shows(picture, expected, n_rows):
    shown = cells(picture, n_rows, 10, 8)
    assert np.abs(shown.reshape(-1, 8, 8).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ["digits-gan", "digits-vae-gamma"])
def test_samples_are_those_of_the_models_own_prior(visit_others, others, name):
    page = visit_others("generate", run=name, seed="3")
    page.page.get_by_alt_text("Samples from the prior", exact=True).wait_for()
    assert_shows(page.picture("Samples from the prior"), drawn(others, name, 50, seed=3), 5)
    assert_no_error(page)


def test_samples_of_a_class_and_one_z_in_every_class_come_from_the_classes_own_priors(visit_others, others):
    name = "digits-cvae-conditional"
    page = visit_others("generate", run=name, label="7")
    page.page.get_by_alt_text("Samples of class 7", exact=True).wait_for()
    of_class = drawn(others, name, 50, seed=0, labels=np.full(50, 7))
    assert_shows(page.picture("Samples of class 7"), of_class, 5)
    columns = [drawn(others, name, 6, seed=0, labels=np.full(6, label)) for label in range(10)]
    table = page.picture("A row per z, a column per class")
    assert_shows(table, np.stack(columns, axis=1).reshape(60, 8, 8), 6)
    np.testing.assert_allclose(columns[7], of_class[:6].astype(float), atol=1)
    page.page.get_by_text("the class's own normal prior").wait_for()
    assert_no_error(page)


def test_a_prior_that_is_not_normal_is_named_and_has_no_temperature(visit_others):
    page = visit_others("generate", run="digits-vae-gamma", temperature="0.5")
    page.page.get_by_text("z from the prior, a standard gamma distribution").wait_for()
    assert page.page.get_by_test_id("stSlider").count() == 0
    assert_no_error(page)


def test_a_temperature_scales_the_noise_of_a_gan(visit_others, others):
    page = visit_others("generate", run="digits-gan", temperature="0.5")
    page.page.get_by_text("its deviation times 0.5").wait_for()
    expected = drawn(others, "digits-gan", 50, seed=0, temperature=0.5)
    assert_shows(page.picture("Samples from the prior"), expected, 5)


def test_drawing_again_shows_another_fifty_of_a_gan(visit_others, others):
    page = visit_others("generate", run="digits-gan")
    source = page.page.locator("img[alt^=Samples]").evaluate("(image) => image.src")
    page.page.get_by_role("button", name="Draw again").click()
    assert page.wait_for_query("seed") == "1"
    page.page.wait_for_function("(old) => document.querySelector('img[alt^=Samples]').src !== old", arg=source)
    assert_shows(page.picture("Samples from the prior"), drawn(others, "digits-gan", 50, seed=1), 5)


def test_generating_with_a_gan_says_what_it_has_not(visit_others):
    page = visit_others("generate", run="digits-gan")
    page.page.get_by_test_id("stAlert").wait_for()
    (message,) = page.alerts()
    assert "is a GAN: it makes images, and has no encoder" in message
    assert "no p(x), so no ELBO" in page.page.locator(".stMainBlockContainer").inner_text()


def test_every_dimension_of_a_gan_is_moved_over_its_prior(visit_others, others):
    page = visit_others("generate", run="digits-gan", generate="traverse")
    rows = page.page.get_by_alt_text(re.compile(r"^Dimension \d moved"))
    page.page.get_by_text("8 of 8 latent dimensions, one moved at a time").wait_for()
    page.page.get_by_text("without an encoder no KL says what a dimension carries").wait_for()
    rows.nth(7).wait_for()
    assert rows.count() == 8
    codes = np.zeros((7, 8), np.float32)
    codes[:, 3] = np.arange(-3, 4)
    expected = decode_codes(open_run("digits-gan", others.checkpoints).model(), codes)[:, 0]
    alt = next(alt for row in rows.all() if (alt := row.get_attribute("alt")).startswith("Dimension 3"))
    assert np.abs(cells(page.picture(alt), 1, 7, 8)[0].astype(int) - expected).max() <= 1
    assert_no_error(page)


def test_a_blend_under_priors_of_classes_keeps_the_noise_between_them(visit_others, others):
    name = "digits-cvae-conditional"
    page = visit_others("generate", run=name, generate="blend", blend="1,6", steps="3")
    weights = np.zeros((4, 10), np.float32)
    weights[:, [1, 6]] = 0.5
    blend = cells(page.picture("A blend of 1 and 6"), 4, 3, 8)
    assert np.abs(blend[:, 1].astype(int) - drawn(others, name, 4, seed=0, labels=weights)).max() <= 1
    page.page.get_by_text("A row has one noise").wait_for()
    assert_no_error(page)


def test_codes_that_are_not_normal_are_traversed_where_the_encoded_ones_lie(visit_others):
    page = visit_others("generate", run="digits-vae-gamma", generate="traverse")
    page.page.get_by_text("in equal steps over where the encoded codes lie").wait_for()
    page.page.get_by_alt_text(re.compile(r"^Dimension \d moved")).first.wait_for()
    assert_no_error(page)


def test_the_map_of_a_gan_says_that_it_has_no_encoder_and_offers_the_way_on(visit_others):
    page = visit_others(run="digits-gan")
    page.wait_for_message()
    (message,) = page.alerts()
    assert "is a GAN: it makes images from codes, and has no encoder that would place images on a map." in message
    assert page.n_tracebacks() == 0
    page.page.get_by_role("link", name="See what it makes").click()
    page.page.get_by_alt_text("Samples from the prior", exact=True).wait_for()
    assert page.query["run"] == "digits-gan"
    assert_no_error(page)


def test_a_gan_chosen_on_another_models_map_is_told_of_once(visit_others):
    page = visit_others(run="digits-vae-gamma", space="pca").drawn()
    page.page.get_by_test_id("stPopover").get_by_role("button").first.click()
    page.page.get_by_role("button", name="digits-gan", exact=True).click()
    page.wait_for_query("run", "digits-gan")
    page.settle()
    page.page.get_by_text("has no encoder").first.wait_for()
    assert len(page.alerts()) == 1


def test_another_model_can_be_chosen_where_a_gan_has_no_map(visit_others):
    page = visit_others(run="digits-gan")
    page.wait_for_message()
    page.page.get_by_test_id("stPopover").get_by_role("button").first.click()
    page.page.get_by_role("button", name="digits-vae-gamma", exact=True).click()
    page.drawn()
    assert sum(trace["n"] for trace in page.traces()) == 300
    assert page.alerts() == []


def test_the_map_of_gamma_codes_follows_the_pointer(visit_others, others):
    page = visit_others(run="digits-vae-gamma").drawn()
    left, top, width, height = page.frame
    paint = page.point_at(left + width // 3, top + height // 2)
    expected = others.decode("digits-vae-gamma", [paint.x, paint.y], space="plane")
    assert np.abs(paint.image.astype(int) - expected).max() <= 1
    assert_no_error(page)


def test_the_picker_describes_every_run(visit_others):
    page = visit_others("generate", run="digits-gan")
    page.page.get_by_test_id("stPopover").get_by_role("button").first.click()
    body = page.page.get_by_test_id("stPopoverBody")
    body.get_by_text("GAN · digits · 8-D · dense · no p(x), so no ELBO").wait_for()
    text = body.inner_text()
    assert "CVAE · digits · 4-D · dense · test ELBO -" in text
    assert "gamma posterior" in text
    pictures = body.get_by_role("img")
    assert pictures.count() == 3
    for index in range(3):
        pictures.nth(index).scroll_into_view_if_needed()
        page.page.wait_for_function("(image) => image.naturalWidth === 320", arg=pictures.nth(index).element_handle())


def test_a_map_of_neighbours_is_offered_where_it_is_stored_and_is_labelled_approximate(visit_others, others):
    page = visit_others(run="digits-vae-gamma").drawn()
    assert page.page.get_by_text("Approximate.").count() == 0
    page.page.get_by_text("PaCMAP", exact=True).click()
    assert page.wait_for_query("space") == "pacmap"
    page.page.get_by_text("Approximate.").wait_for()
    quality = open_run("digits-vae-gamma", others.checkpoints).projection("pacmap").quality
    shown = page.page.locator(".stMainBlockContainer").inner_text()
    assert f"misses by {quality.round_trip:.1%} of the map's radius" in shown
    assert f"Trustworthiness {quality.trustworthiness:.2f}" in shown
    assert page.page.get_by_text("UMAP", exact=True).count() == 0
    assert_no_error(page)


def test_pointing_on_a_map_of_neighbours_decodes_the_code_between_them(visit_others, others):
    page = visit_others(run="digits-vae-gamma", space="pacmap").drawn()
    left, top, width, height = page.frame
    run = open_run("digits-vae-gamma", others.checkpoints)
    projection = run.projection("pacmap")
    for share in (0.35, 0.55):
        paint = page.point_at(left + int(width * share), top + int(height * share))
        z = projection.inverse(np.array([[paint.x, paint.y]], np.float32), run.encoded().mean_code())
        expected = decode_codes(run.model(), z)[0, 0].astype(int)
        assert np.abs(paint.image.astype(int) - expected).max() <= 1
    assert_no_error(page)


def test_a_link_to_a_map_that_is_not_made_yet_offers_it_and_shows_the_default(visit_others):
    page = visit_others(run="digits-vae-gamma", space="tsne").drawn()
    page.page.get_by_role("button", name="Compute t-SNE").wait_for()
    assert page.query.get("space", "plane") == "plane"


def test_a_gan_is_walked_between_draws_of_its_prior_without_a_map(visit_others):
    page = visit_others("interpolate", run="digits-gan")
    page.page.locator('.film__strip[data-kind="spherical"]').wait_for()
    page.page.get_by_text("Through the data is not here.").wait_for()
    page.page.get_by_role("slider", name="Frames").press("ArrowRight")
    assert page.wait_for_query("pins", "A=z:.*B=z:")
    page.settle()
    assert page.page.locator(".latent-map").count() == 0
    assert page.n_tracebacks() == 0


def test_an_attribute_of_a_gan_is_told_in_words(visit_others):
    page = visit_others("interpolate", run="digits-gan", interpolate="attribute")
    page.page.get_by_text("encodes no images, so none with an attribute can be told").wait_for()
    assert page.n_tracebacks() == 0


def test_an_evaluation_knows_codes_that_are_not_normal_and_priors_of_each_class_and_that_a_gan_has_none(visit_others):
    page = visit_others("evaluate", run="digits-gan")
    page.page.get_by_text("no encoder and no p(x) that could be evaluated").wait_for()
    for name, drawn_from in (
        ("digits-vae-gamma", "draws of the prior;"),
        ("digits-cvae-conditional", "images' classes;"),
    ):
        page = visit_others("evaluate", run=name, evaluate="aggregate")
        page.page.get_by_text(drawn_from).wait_for()
        page.page.get_by_test_id("stButtonGroup").get_by_text("Calibration", exact=True).click()
        page.page.get_by_text("Simulation-based calibration").wait_for()
        assert_no_error(page)
