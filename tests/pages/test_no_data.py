"""What the pages show on a machine without data sets."""

import numpy as np
import pytest

from explorer.analysis.coding import decode_codes
from explorer.data import catalogue
from explorer.runs.listing import open_run
from explorer.serving.test_images import held_test_images
from explorer.ui import session
from tests.pictures import small

RUN = "mnist-vae-2d"


def forget_images():
    held_test_images.cache_clear()
    session._test_images.clear()


@pytest.fixture
def run_dataless(run_page, monkeypatch, tmp_path):
    """Runs a page of the app where no data set is."""
    for reader in (catalogue.load_split, catalogue.is_on_disk):
        monkeypatch.setitem(reader.__kwdefaults__, "root", tmp_path)
    forget_images()
    yield run_page
    forget_images()


def test_without_data_a_pinned_image_is_reconstructed_and_says_when_originals_appear(run_dataless, checkpoints):
    page = run_dataless(run=RUN, pin="row:17")
    run = open_run(RUN, checkpoints)
    expected = decode_codes(run.model(), run.encoded().mu[[17]])[0, 0]
    reconstruction = small(page.picture("reconstruction"), 28)
    assert np.abs(reconstruction.astype(int) - expected).max() <= 1
    assert "original" not in page.alts()
    assert "Originals appear" in page.words()
    assert page.n_tracebacks() == 0


def test_without_data_the_nearest_images_are_decoded(run_dataless):
    page = run_dataless(run="mnist-cvae-16d", inspect="neighbours")
    assert "**Nearest encoded images** (decoded; distance in z)" in page.words()
    assert page.n_tracebacks() == 0


def test_without_data_a_class_can_be_generated(run_dataless):
    page = run_dataless("generate", run="mnist-cvae-16d", label="4")
    assert page.picture("Samples of class 4").max() == 255
    assert page.alerts() == []
    assert page.n_tracebacks() == 0
