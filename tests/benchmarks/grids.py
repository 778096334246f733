"""From asking for a grid to its picture: all images in one batch of the service, classified, beside an image at a time.

Run: python -m tests.benchmarks.grids [--run mnist-cvae-16d] [--images 100]. Prints JSON lines. With --browser, which
needs Chromium, also the time from pressing "Draw again" to the new picture on the screen, beside a plain script of
Streamlit's, and from asking for another number of frames to all film strips being painted. The plain script shows as
many images of noise in one picture, without a model, served with the same settings; the two are pressed in turn.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from explorer.jobs.this_process import wait_briefly
from explorer.locations import CHECKPOINTS
from tests.benchmarks.report import report
from tests.benchmarks.server import chromium, running_server
from tests.serving.live_server import live_server

N_TIMES = 30
VIEWPORT = {"width": 1440, "height": 1000}

# Pressed and painted are both seen by the page itself: no round trip of the driver is in between.
PRESS_AND_WAIT = """() => new Promise((resolve) => {
  const image = () => document.querySelector("img[alt^=Samples]") ?? document.querySelector(".stImage img");
  const before = image().src;
  const button = [...document.querySelectorAll("button")].find((one) => one.innerText.includes("Draw again"));
  const start = performance.now();
  const look = () => {
    const now = image();
    if (now && now.src !== before && now.complete && now.naturalWidth) resolve(performance.now() - start);
    else requestAnimationFrame(look);
  };
  button.click();
  look();
})"""


# From the moment when the page tells the app of the choice to the drawn frame in which the strips are painted.
STRIPS = """
window.strips = [];
const { send } = WebSocket.prototype;
WebSocket.prototype.send = function (...message) {
  window.told ??= performance.now();
  return send.apply(this, message);
};
document.addEventListener("filmstrip:painted", ({ detail }) => {
  requestAnimationFrame(() => window.strips.push({ n: detail.n, ms: performance.now() - window.told }));
}, true);
"""
N_STRIPS = 12
PLAIN = """
import numpy as np
import streamlit as st

seed = st.session_state.setdefault("seed", 0)
if st.button("Draw again"):
    st.session_state["seed"] = seed = seed + 1
images = np.random.default_rng(seed).integers(0, 256, (5, 10, 28, 28), np.uint8)
st.image(images.swapaxes(1, 2).reshape(140, 280).repeat(2, 0).repeat(2, 1))
"""
STRIP_RUN = "mnist-vae-16d"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="mnist-cvae-16d")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--browser", action="store_true")
    arguments = parser.parse_args()
    wait_briefly()
    _compare(arguments.run, arguments.images)
    if arguments.browser:
        _in_browser(arguments.run)


def _compare(name: str, n: int) -> None:
    # These load torch, whose threads wait as they are told before; the app says so, too.
    from explorer.analysis.evaluation.classifier import class_probabilities
    from explorer.analysis.latent.priors import prior_codes
    from explorer.runs.classifiers import find_classifier, read_classifier
    from explorer.serving.decoder import DecodeService

    service = DecodeService(CHECKPOINTS)
    loaded = service.run_cache.run(name)
    path = find_classifier(loaded.config.training.data, CHECKPOINTS)
    assert path is not None, "this run's data set has no judge"
    classifier = read_classifier(path).network
    labels = None if loaded.config.model.n_classes is None else np.full(n, 7, np.int64)
    codes = prior_codes(loaded.model, n, seed=0, labels=labels)
    images = service.decode(name, codes, labels)

    def one_by_one() -> None:
        for k in range(n):
            service.decode(name, codes[k : k + 1], None if labels is None else labels[k : k + 1])

    what = f"{n} images of {name} decoded in one batch"
    batch = _times(lambda: service.decode(name, codes, labels))
    report(what, "ms", batch, beside="an image at a time", rival=_times(one_by_one))
    judged = _times(lambda: class_probabilities(classifier, service.decode(name, codes, labels)))
    judging = _times(lambda: class_probabilities(classifier, images))
    report(f"{what}, and judged", "ms", judged, beside="judging alone", rival=judging)


def _times(action: Callable[[], object]) -> list[float]:
    """Return the milliseconds that each of some calls took."""
    milliseconds = []
    for _ in range(N_TIMES):
        started = time.perf_counter()
        action()
        milliseconds.append(1000 * (time.perf_counter() - started))
    return milliseconds


def _in_browser(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder, running_server() as address, chromium() as browser:
        script = Path(folder) / "plain.py"
        script.write_text(PLAIN)
        with live_server(Path(folder), CHECKPOINTS, str(script)) as plain:
            pages = [
                _opened(browser, f"{address}/generate?run={name}&label=7"),
                _opened(browser, f"http://{plain.host}/"),
            ]
            ours, theirs = zip(*([_pressed(page) for page in pages] for _ in range(N_TIMES)), strict=True)
        what = f'"Draw again" to 50 samples of {name} on the screen, judged'
        report(what, "ms", ours, beside="a plain script's 50", rival=theirs, goal="at most 1.2 times")
        for page in pages:
            page.close()
        _strips(browser.new_page(viewport=VIEWPORT), address)


def _opened(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport=VIEWPORT)
    page.set_default_timeout(60_000)
    page.goto(url)
    page.locator("img[alt^=Samples], .stImage img").first.wait_for()
    page.wait_for_timeout(3000)
    return page


def _pressed(page: Page) -> float:
    page.bring_to_front()  # frames of a tab behind another one wait
    milliseconds = float(page.evaluate(PRESS_AND_WAIT))
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_timeout(200)
    return milliseconds


def _strips(page: Page, address: str) -> None:
    """Change the number of frames of four walks, one at a time, and time until all strips are painted.

    Streamlit's slider keeps a change to itself for 200 ms, in case that another follows: the time is from when it tells
    the app of it.
    """
    page.set_default_timeout(60_000)
    page.add_init_script(STRIPS)
    page.goto(f"{address}/interpolate?run={STRIP_RUN}&frames=12&pins=A=row:3;B=row:40")
    page.locator('.filmstrip__strip[data-kind="geodesic"]').wait_for()
    page.wait_for_timeout(3000)
    found = []
    for _ in range(N_STRIPS):
        page.evaluate("(window.strips = [], window.told = null)")
        page.get_by_role("slider", name="Frames").press("ArrowRight")
        page.wait_for_function("window.strips.length > 0")
        page.wait_for_timeout(1500)
        found.append(page.evaluate("window.strips[0]"))
    n_images = max(int(one["n"]) for one in found)
    what = f"another number of frames to four strips of {n_images} images painted, {STRIP_RUN}"
    report(what, "ms", [float(one["ms"]) for one in found], goal="at most 150 ms")


if __name__ == "__main__":
    main()
