"""The page Evaluate in a browser: its parts and figures, what takes long, and the ways that lead from it."""

import re

import pytest

from explorer.runs.listing import open_run

pytestmark = pytest.mark.browser


def alt_of(page, beginning):
    """The words that stand for a figure whose words begin so."""
    figure = page.page.locator(f'[aria-label^="{beginning}"]').first
    figure.wait_for()
    return figure.get_attribute("aria-label")


def choose_part(page, name):
    page.page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()


@pytest.mark.mnist
def test_what_takes_long_tells_how_far_it_is_and_can_be_cancelled(visit):
    page = visit("evaluate", run="mnist-vae-16d", evaluate="evidence", iwae_samples="1000")
    page.page.get_by_text(re.compile(r"batches of samples weighed, \d+ of \d+")).wait_for()
    page.page.get_by_role("button", name="Cancel").click()
    page.page.get_by_text("It was cancelled.").wait_for()
    page.page.get_by_role("button", name="Compute it").wait_for()
    # The thread is free again: another part is there.
    choose_part(page, "Calibration")
    page.page.get_by_role("heading", name="q(z|x) is not the true posterior").wait_for()


def test_the_worst_image_opens_on_the_latent_map(visit, app):
    page = visit("evaluate", run="digits-vae-2d", evaluate="extremes", ranking="reconstruction")
    encoded = open_run("digits-vae-2d", app.checkpoints).encoded()
    worst, best = (int(row) for row in (encoded.reconstruction.argmax(), encoded.reconstruction.argmin()))
    # Streamlit keeps a second, hidden link beside each that has a tooltip.
    links = page.page.locator('[data-testid="stPageLink-NavLink"]:visible')
    links.nth(23).wait_for()
    assert [links.nth(k).inner_text().split()[-1] for k in (0, 12)] == [str(worst), str(best)]
    links.first.click()
    assert page.wait_for_query("pins") == f"A=row:{worst}"
    page.drawn()
    page.page.get_by_role("heading", name=re.compile(rf"Test image {worst} ·")).wait_for()
    # The link has what the map shows; what was chosen on Evaluate is there still.
    assert "ranking" not in page.query
    page.page.get_by_role("link", name="Evaluate").click()
    assert page.wait_for_query("ranking") == "reconstruction"


def test_what_an_autoencoder_has_is_shown_and_what_it_has_not_is_a_way_to_train_a_model_that_has(visit):
    page = visit("evaluate", run="digits-ae-2d")
    page.page.get_by_text("An autoencoder has no prior p(z), so it has no p(x)").wait_for()
    page.page.get_by_role("heading", name="Images come back with a squared error of").wait_for()
    choose_part(page, "Codes and prior")
    assert "Histogram of codes" in alt_of(page, "Histogram of codes in dimension 0")
    assert page.wait_for_query("evaluate") == "aggregate"
    choose_part(page, "The bound")
    page.page.get_by_role("button", name="Train a VAE").click()
    page.page.get_by_text("A new run like digits-ae-2d, which stays as it is").wait_for()
    assert page.n_tracebacks() == 0
