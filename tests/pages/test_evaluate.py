"""The page Evaluate: figures that are the library's, links that restore it, and what is not there."""

import re

import numpy as np
import pytest

from explorer.analysis.evaluation.evaluate import evaluate
from explorer.data.catalogue import load_split
from explorer.runs.listing import open_run
from explorer.ui.text import as_text


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def means(page):
    """The terms of the bound and their means, as the table has them."""
    rows = re.findall(r"^\| (.+?) \| (-?[\d.]+) \|", page.words(), re.MULTILINE)
    return {title.strip("*").replace(r"\|", "|"): float(mean) for title, mean in rows}


def test_the_bound_is_taken_apart_as_the_library_does_it_and_remains_so_in_a_link(run_page, checkpoints):
    run = open_run("digits-cvae-2d", checkpoints)
    found = evaluate(run.model(), load_split("digits", "test"), is_binary=True, n_samples=1)
    page = run_page("evaluate", run="digits-cvae-2d").until("The ELBO, a **lower bound**")
    assert f"##### log p(x|y) is at least {found.elbo:.1f} nats" in page.words()
    assert means(page)["ELBO"] == pytest.approx(found.elbo, abs=0.011)
    assert means(page)["I(x; z)"] == pytest.approx(found.mutual_information, abs=0.011)
    assert means(page)["KL(q(z|x, y) ‖ p(z))"] == pytest.approx(found.kl, abs=0.011)
    assert f"ELBO {found.elbo:.2f}" in page.figure("The terms of the bound")
    page.choose("What to evaluate", "dimensions")
    assert page.query["evaluate"] == "dimensions"
    assert "##### 2 of 2 dimensions are active" in page.until("dimensions are active").words()
    again = run_page("evaluate", **page.query).until("dimensions are active")
    assert "2 of 2 are active." in again.figure("KL, nats of each dimension")
    assert again.n_tracebacks() == 0


def test_the_bound_grows_with_its_samples_from_the_elbo_on(run_page):
    page = run_page("evaluate", run="digits-vae-2d", evaluate="evidence", iwae_samples="20").until("Effective samples")
    assert "##### log p(x) is at least" in page.words()
    bounds = numbers(page.figure("bound on log p(x), nats"))[::2]
    gains = numbers(page.figure("nats above the ELBO"))[::2]
    assert len(bounds) == len(gains) == 5
    assert gains[0] == 0
    assert gains == sorted(gains)
    np.testing.assert_allclose(np.array(bounds) - bounds[0], gains, atol=0.011)
    assert "of 20 each: median" in page.figure("Effective samples of 200 images")


def test_an_autoencoder_says_what_it_has_not(run_page):
    page = run_page("evaluate", run="digits-ae-2d").until("##### Images come back with a squared error of")
    assert "An autoencoder has no prior p(z), so it has no p(x)" in page.alerts()[0]
    for part, said in (("evidence", "there is no p(x) to estimate"), ("calibration", "no q(z|x) to be calibrated")):
        page.choose("What to evaluate", part)
        assert as_text(said) in page.alerts()[0]
    assert page.n_tracebacks() == 0
