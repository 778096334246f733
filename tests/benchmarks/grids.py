"""From asking for a grid to its picture: all images in one batch of the service, classified, beside an image at a time.

Run: python -m tests.benchmarks.grids [--run mnist-cvae-16d] [--images 100]. Prints JSON lines. With --browser, which
needs Chromium, also the time from pressing "Draw again" to the new picture on the screen, and from asking for another
number of frames to all film strips being painted.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page

from explorer.analysis.evaluation.classifier import class_probabilities
from explorer.analysis.latent.priors import prior_codes
from explorer.locations import CHECKPOINTS
from explorer.runs.classifiers import find_classifier, read_classifier
from explorer.serving.decoder import DecodeService
from tests.benchmarks.server import chromium, running_server

N_TIMES = 30

# Pressed and painted are both seen by the page itself: no round trip of the driver is in between.
PRESS_AND_WAIT = """() => new Promise((resolve) => {
  const image = () => document.querySelector("img[alt^=Samples]");
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
STRIP_RUN = "mnist-vae-16d"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="mnist-cvae-16d")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--browser", action="store_true")
    arguments = parser.parse_args()
    _compare(arguments.run, arguments.images)
    if arguments.browser:
        _in_browser(arguments.run)


def _compare(name: str, n: int) -> None:
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

    batch = _median("one batch", name, n, lambda: service.decode(name, codes, labels))
    _median("one batch, judged", name, n, lambda: class_probabilities(classifier, service.decode(name, codes, labels)))
    _median("the judge alone", name, n, lambda: class_probabilities(classifier, images))
    rival = _median("an image at a time", name, n, one_by_one)
    print(json.dumps({"run": name, "ratio": "times faster than an image at a time", "value": round(rival / batch, 2)}))


def _median(what: str, name: str, n: int, action: Callable[[], object]) -> float:
    seconds = []
    for _ in range(N_TIMES):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    _print(what, name, n, [1000 * second for second in seconds])
    return statistics.median(seconds)


def _in_browser(name: str) -> None:
    with running_server() as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(f"{address}/generate?run={name}&label=7")
        page.locator("img[alt^=Samples]").wait_for()
        page.wait_for_timeout(3000)
        milliseconds = []
        for _ in range(N_TIMES):
            milliseconds.append(float(page.evaluate(PRESS_AND_WAIT)))
            page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
            page.wait_for_timeout(200)
        _print("Draw again to 50 samples on the screen, judged", name, 50, milliseconds)
        _strips(browser.new_page(viewport={"width": 1440, "height": 1000}), address)


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
    milliseconds = [float(one["ms"]) for one in found]
    _print(
        "another number of frames to all strips painted", STRIP_RUN, max(int(one["n"]) for one in found), milliseconds
    )


def _print(what: str, name: str, n: int, milliseconds: list[float]) -> None:
    median, p95 = statistics.median(milliseconds), sorted(milliseconds)[int(0.95 * len(milliseconds))]
    print(json.dumps({"run": name, "what": what, "images": n, "median_ms": round(median, 1), "p95_ms": round(p95, 1)}))


if __name__ == "__main__":
    main()
