"""The page Evaluate in a browser: figures that are the library's, links that restore it, and what is not there."""

import re

import numpy as np
import pytest

from explorer.analysis.evaluation.evaluate import evaluate
from explorer.data.catalogue import load_split
from explorer.runs.listing import open_run

pytestmark = pytest.mark.browser


def alt_of(page, beginning):
    """The words that stand for a figure whose words begin so."""
    figure = page.page.locator(f'[aria-label^="{beginning}"]').first
    figure.wait_for()
    return figure.get_attribute("aria-label")


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def choose_part(page, name):
    page.page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()


def test_the_bound_is_taken_apart_as_the_library_does_it_and_remains_so_in_a_link(visit, app):
    page = visit("evaluate", run="digits-cvae-2d")
    run = open_run("digits-cvae-2d", app.checkpoints)
    found = evaluate(run.model(), load_split("digits", "test"), is_binary=True, n_samples=1)
    page.page.get_by_role("heading", name=f"log p(x|y) is at least {found.elbo:.1f} nats").wait_for()
    cells = page.page.locator("tbody td").all_text_contents()
    means = dict(zip(cells[::4], cells[1::4], strict=True))
    assert float(means["ELBO"]) == pytest.approx(found.elbo, abs=0.011)
    assert float(means["I(x; z)"]) == pytest.approx(found.mutual_information, abs=0.011)
    assert float(means["KL(q(z|x, y) ‖ p(z))"]) == pytest.approx(found.kl, abs=0.011)
    assert f"ELBO {found.elbo:.2f}" in alt_of(page, "The terms of the bound")
    choose_part(page, "Dimensions")
    assert page.wait_for_query("evaluate") == "dimensions"
    page.page.get_by_role("heading", name="2 of 2 dimensions are active").wait_for()
    again = visit("evaluate", run="digits-cvae-2d", evaluate="dimensions")
    assert "2 of 2 are active." in alt_of(again, "KL, nats of each dimension")
    assert again.n_tracebacks() == 0


def test_the_bound_grows_with_its_samples_from_the_elbo_on(visit):
    page = visit("evaluate", run="digits-vae-2d", evaluate="evidence", weighed="20")
    page.page.get_by_role("heading", name="log p(x) is at least").wait_for()
    bounds = numbers(alt_of(page, "bound on log p(x), nats"))[::2]
    gains = numbers(alt_of(page, "nats above the ELBO"))[::2]
    assert len(bounds) == len(gains) == 5
    assert gains[0] == 0
    assert gains == sorted(gains)
    np.testing.assert_allclose(np.array(bounds) - bounds[0], gains, atol=0.011)
    assert "of 20 each: median" in alt_of(page, "Effective samples of 200 images")


@pytest.mark.mnist
def test_what_takes_long_tells_how_far_it_is_and_can_be_cancelled(visit):
    page = visit("evaluate", run="mnist-vae-16d", evaluate="evidence", weighed="1000")
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
    assert page.query["ranking"] == "reconstruction"


def test_an_autoencoder_says_what_it_has_not_and_shows_what_it_has(visit):
    page = visit("evaluate", run="digits-ae-2d")
    page.page.get_by_text("An autoencoder has no prior p(z), so it has no p(x)").wait_for()
    page.page.get_by_role("heading", name="Images come back with a squared error of").wait_for()
    for part, said in (("log p(x)", "there is no p(x) to estimate"), ("Calibration", "no q(z|x) to be calibrated")):
        choose_part(page, part)
        page.page.get_by_text(said).wait_for()
    choose_part(page, "Codes and prior")
    assert "Histogram of codes" in alt_of(page, "Histogram of codes in dimension 0")
    choose_part(page, "The bound")
    page.page.get_by_role("button", name="Train a VAE").click()
    page.page.get_by_text("A new run like digits-ae-2d, which stays as it is").wait_for()
    assert page.n_tracebacks() == 0
