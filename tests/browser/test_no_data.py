from urllib.parse import urlsplit

import numpy as np
import pytest

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"


def test_without_data_the_map_follows_the_pointer_and_nothing_is_asked_of_any_other_host(visit, dataless_app):
    page = visit(on=dataless_app).drawn()
    assert sum(trace["n"] for trace in page.traces()) == 10_000
    left, top, width, height = page.frame
    paint = page.point_at(left + width // 3, top + height // 2)
    expected = dataless_app.decode(RUN, [paint.x, paint.y], space="plane")
    assert np.abs(paint.image.astype(int) - expected).max() <= 1
    assert page.alerts() == []
    page.page.get_by_role("link", name="Generate").click()
    page.page.get_by_alt_text("Samples from the prior").wait_for()
    hosts = {urlsplit(url).netloc for url in page.requests if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}
    assert hosts == {urlsplit(dataless_app.url).netloc}
