"""What a browser that was never here before asks for until the map is drawn: how much, how often, and how packed."""

from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import pytest

from explorer.ui.theme import STYLE

pytestmark = pytest.mark.browser

MOST_REQUESTS = 90
"""60 of them are the modules of Streamlit's own page."""
MOST_BYTES = 4_500_000
TEXT = (".js", ".css")


@dataclass
class Transfer:
    """What came over the line to one page, by the requests that asked for it."""

    urls: dict[str, str] = field(default_factory=dict)
    encodings: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def watch(self, page):
        devtools = page.context.new_cdp_session(page)
        devtools.on("Network.requestWillBeSent", self._asked)
        devtools.on("Network.responseReceived", self._answered)
        devtools.on("Network.loadingFinished", self._ended)
        devtools.send("Network.enable")

    def _asked(self, event):
        asked = event["request"]
        if not asked["url"].startswith(("data:", "blob:")):
            self.urls[event["requestId"]] = " ".join([asked["method"], asked["url"], asked.get("postData", "")])

    def _answered(self, event):
        if event["requestId"] not in self.urls:
            return
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        self.encodings[event["requestId"]] = headers.get("content-encoding", "")

    def _ended(self, event):
        if event["requestId"] in self.urls:
            self.sizes[event["requestId"]] = int(event["encodedDataLength"])

    def path_of(self, request):
        return urlparse(self.urls[request].split(" ")[1]).path


@pytest.fixture(scope="module")
def warm_app(app, chromium):
    """The app once all that the first screen asks for is compressed."""
    for _ in range(2):
        page = chromium.new_page()
        page.goto(app.url)
        page.wait_for_selector(".latent-map__plot .nsewdrag", state="attached")
        page.close()
    return app


@pytest.fixture(scope="module")
def transfer(warm_app, chromium):
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    transfer = Transfer()
    transfer.watch(page)
    page.goto(warm_app.url)
    page.wait_for_selector(".latent-map__plot .nsewdrag", state="attached")
    page.wait_for_function("document.querySelector('.latent-map__lens').style.visibility === 'visible'")
    page.wait_for_load_state("networkidle")
    page.close()
    return transfer


def test_it_is_few_requests_and_few_bytes(transfer):
    n_bytes = sum(transfer.sizes.values())
    assert len(transfer.urls) <= MOST_REQUESTS, sorted(transfer.urls.values())
    assert n_bytes <= MOST_BYTES


def test_scripts_and_styles_are_compressed(transfer):
    plain = [
        transfer.path_of(request)
        for request, encoding in transfer.encodings.items()
        if transfer.path_of(request).endswith(TEXT) and encoding != "gzip"
    ]
    assert plain == []


def test_nothing_is_asked_for_twice(transfer):
    twice = {url: n for url, n in Counter(transfer.urls.values()).items() if n > 1}
    assert twice == {}


def test_what_has_arrived_stays_with_the_browser(warm_app, chromium):
    context = chromium.new_context()
    page = context.new_page()
    for _ in range(2):
        transfer = Transfer()
        transfer.watch(page)
        page.goto(warm_app.url)
        page.wait_for_selector(".latent-map__plot .nsewdrag", state="attached")
    page.wait_for_load_state("networkidle")
    sent = {transfer.path_of(request): size for request, size in transfer.sizes.items() if size}
    context.close()
    assert [path for path in sent if path.endswith((*TEXT, ".woff2"))] == []


@pytest.mark.parametrize("path", ["", "interpolate", "generate", "compare", "evaluate", "train"])
def test_every_page_has_our_style_before_its_script_has_run(app, path):
    asked = Request(f"{app.url}/{path}", headers={"Accept": "text/html", "Accept-Encoding": "gzip, deflate, br"})
    with urlopen(asked) as answer:
        assert STYLE in answer.read().decode()


def test_plotly_is_run_once_also_on_a_page_that_is_gone_to_later(warm_app, chromium):
    page = chromium.new_page()
    page.goto(f"{warm_app.url}/train")
    page.get_by_text("Train a new model").first.wait_for()
    assert page.locator("#plotly-js").count() == 0
    page.get_by_role("link", name="Interpolate").click()
    page.wait_for_selector(".latent-map__plot .nsewdrag", state="attached")
    assert page.locator("#plotly-js").count() == 1
    page.close()
