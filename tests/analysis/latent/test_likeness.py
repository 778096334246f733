"""How far an image that a person brings is like the data."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.analysis.coding import encode_split
from explorer.analysis.latent.likeness import likeness, one_image
from explorer.analysis.latent.neighbourhood import Verdict
from explorer.locations import SHIPPED
from explorer.runs.run import Run
from tests.support import digits

NEAR, EDGE, FAR = Verdict


@pytest.fixture(scope="module")
def run() -> Run:
    return Run(SHIPPED / "digits-vae-2d")


@pytest.mark.parametrize(
    ("reconstruction", "n_worse", "verdict"),
    [(0.0, 1000, NEAR), (899.5, 100, NEAR), (900.5, 99, EDGE), (989.5, 10, EDGE), (990.5, 9, FAR), (5e9, 0, FAR)],
)
def test_the_verdict_goes_by_the_share_of_images_that_come_back_no_better(run, reconstruction, n_worse, verdict):
    n = 1000
    known = replace(
        run.encoded(),
        mu=np.zeros((n, 2), np.float32),
        log_var=None,
        labels=np.zeros(n, np.int64),
        kl=np.zeros(n, np.float32),
        reconstruction=np.arange(n, dtype=np.float32),
    )
    found = likeness(reconstruction, known, NEAR)
    assert (found.n_worse, found.of_image, found.typical) == (n_worse, verdict, 499.5)


@pytest.mark.parametrize("of_code", Verdict)
def test_the_worse_of_code_and_image_counts(run, of_code):
    known = run.encoded()
    assert likeness(0.0, known, of_code).verdict is of_code
    assert likeness(1e6, known, of_code).verdict is FAR


def test_images_of_the_data_are_in_distribution_as_often_as_the_verdict_says_and_a_disc_is_not(run):
    model, known, split = run.model(), run.encoded(), digits("test")
    verdicts = [likeness(float(value), known, NEAR).of_image for value in known.reconstruction]
    assert verdicts.count(NEAR) / len(verdicts) == pytest.approx(0.9, abs=0.01)
    rows, columns = np.indices((8, 8)) - 3.5
    disc = ((rows**2 + columns**2 < 12) * 255).astype(np.uint8)[None]
    alone = encode_split(
        model, one_image("digits", disc, None, split.class_names), is_binary=run.config.is_binary, fingerprint=""
    )
    assert likeness(float(alone.reconstruction[0]), known, NEAR).verdict is FAR
