"""A GAN, codes that are not normal and maps that are not linear, in the hands of a person."""

import numpy as np
import pytest

from explorer.analysis.coding import decode_codes
from explorer.runs.listing import open_run
from tests.browser.conftest import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def others(tmp_path_factory, other_models):
    """The app with the three runs."""
    with serving(tmp_path_factory.mktemp("server"), other_models) as app:
        yield app


@pytest.fixture
def visit_others(visit, others):
    """Opens the app of the three runs."""
    return lambda path="", **query: visit(path, on=others, **query)


def assert_no_error(page):
    assert page.n_tracebacks() == 0
    assert page.page.locator('[data-testid="stAlertContentError"]').count() == 0


def test_a_gan_has_no_map_and_no_evaluation_which_is_said_with_the_way_to_what_it_makes(visit_others):
    page = visit_others(run="digits-gan")
    page.wait_for_message()
    (message,) = page.alerts()
    assert "is a GAN: it makes images from codes, and has no encoder that would place images on a map." in message
    assert page.n_tracebacks() == 0
    page.page.get_by_role("link", name="See what it makes").click()
    page.page.get_by_alt_text("Samples from the prior", exact=True).wait_for()
    assert page.query["run"] == "digits-gan"
    assert_no_error(page)
    page.page.get_by_role("link", name="Evaluate").click()
    page.page.get_by_text("no encoder and no p(x) that could be evaluated").wait_for()
    page.page.get_by_role("link", name="See what it makes").wait_for()
    assert_no_error(page.settle())


def test_the_map_of_gamma_codes_follows_the_pointer(visit_others, others):
    page = visit_others(run="digits-vae-gamma").drawn()
    left, top, width, height = page.frame
    paint = page.point_at(left + width // 3, top + height // 2)
    expected = others.decode("digits-vae-gamma", [paint.x, paint.y], space="plane")
    assert np.abs(paint.image.astype(int) - expected).max() <= 1
    assert_no_error(page)


def test_the_picker_describes_every_run_and_leads_from_a_gan_to_the_map_of_another(visit_others):
    page = visit_others(run="digits-gan")
    page.wait_for_message()
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
    body.get_by_role("button", name="digits-vae-gamma", exact=True).click()
    page.drawn()
    assert sum(trace["n"] for trace in page.traces()) == 300
    assert page.alerts() == []


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


def test_a_gan_is_walked_between_draws_of_its_prior_without_a_map(visit_others):
    page = visit_others("interpolate", run="digits-gan")
    page.page.locator('.filmstrip__strip[data-kind="spherical"]').wait_for()
    page.page.get_by_text("Through the data is not here.").wait_for()
    page.page.get_by_role("slider", name="Frames").press("ArrowRight")
    assert page.wait_for_query("pins", "A=z:.*B=z:")
    page.settle()
    assert page.page.locator(".latent-map").count() == 0
    assert page.n_tracebacks() == 0
