from urllib.parse import urlsplit

import numpy as np
import pytest

from explorer.runs.listing import open_run

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"


@pytest.fixture
def visit_dataless(visit, dataless_app):
    """Opens the app where no data set is."""
    return lambda path="", **query: visit(path, on=dataless_app, **query)


def test_without_data_the_map_is_drawn_and_follows_the_pointer(visit_dataless, dataless_app):
    page = visit_dataless().drawn()
    assert sum(trace["n"] for trace in page.traces()) == 10_000
    left, top, width, height = page.frame
    paint = page.point_at(left + width // 3, top + height // 2)
    expected = dataless_app.decode(RUN, [paint.x, paint.y], space="plane")
    assert np.abs(paint.image.astype(int) - expected).max() <= 1
    assert page.alerts() == []


def test_without_data_a_pinned_image_is_reconstructed_and_says_when_originals_appear(visit_dataless, dataless_app):
    page = visit_dataless(pin="row:17").drawn()
    reconstruction = page.picture("reconstruction")[::4, ::4, 0]
    mu = open_run(RUN, dataless_app.checkpoints).encoded().mu[17]
    assert np.abs(reconstruction.astype(int) - dataless_app.decode(RUN, mu)).max() <= 1
    assert page.page.get_by_alt_text("original", exact=True).count() == 0
    page.page.get_by_text("Originals appear").wait_for()
    assert page.n_tracebacks() == 0


def test_without_data_the_nearest_images_are_decoded(visit_dataless):
    page = visit_dataless(run="mnist-cvae-16d").drawn()
    page.page.get_by_role("tab", name="Neighbours").click()
    page.page.get_by_text("decoded; distance in z").wait_for()
    assert page.n_tracebacks() == 0


def test_without_data_a_class_can_be_generated(visit_dataless):
    page = visit_dataless("generate", run="mnist-cvae-16d", label="4")
    assert page.picture("Samples of class 4").max() == 255
    assert page.alerts() == []


def test_nothing_is_asked_of_any_other_host(visit_dataless, dataless_app):
    page = visit_dataless().drawn()
    page.page.get_by_role("link", name="Generate").click()
    page.page.get_by_alt_text("Samples from the prior").wait_for()
    hosts = {urlsplit(url).netloc for url in page.requests if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}
    assert hosts == {urlsplit(dataless_app.url).netloc}
