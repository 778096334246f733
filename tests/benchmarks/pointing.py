"""Milliseconds from a pointer move to the painted image, beside a rerun of the script for the same image.

Run: python -m tests.benchmarks.pointing [--maps plane pca pacmap umap tsne]. Prints JSON lines. The runs are a dense
model of 28x28 images on its plane, a convolutional one at latent size 16 on every map, and a convolutional one of
64x64x3 images, untrained and with made-up codes, on every map; maps that are not stored are computed first.

A move is an input event of headless Chromium; the time runs from its arrival in the page to the call that puts the
image on the canvas, and a second figure to the end of the next frame, when a screen could show it. Each image comes
with what can be believed of it. A slider is moved by its input event. The rival is a click, which goes through
Streamlit's rerun.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from explorer.analysis.projections.methods import METHODS
from explorer.locations import ROOT
from tests.benchmarks.server import chromium, running_server
from tests.support import scattered_run

DENSE = "mnist-vae-2d"
CONVOLUTIONAL = "mnist-vae-16d"
COLOUR = "untrained-64x64x3"
N_CODES = 10_000

N_MOVES = 300
N_BURST = 400

LISTEN = """
() => {
  const root = document.querySelector(".latent-map");
  const plot = root.querySelector(".latent-map__plot");
  window.bench = { asked: null, painted: [], framed: [], requests: 0 };
  plot.addEventListener("pointermove", (event) => {
    window.bench.asked ??= performance.now();
    window.bench.last = [event.clientX, event.clientY];
  }, true);
  root.addEventListener("latent-map:painted", () => {
    if (window.bench.asked === null) return;
    const started = window.bench.asked;
    window.bench.painted.push(performance.now() - started);
    window.bench.asked = null;
    requestAnimationFrame(() => requestAnimationFrame(() => window.bench.framed.push(performance.now() - started)));
  });
}
"""

# As fast as a page can get them: all within one task, so that no answer can arrive in between.
BURST = """
(places) => {
  const plot = document.querySelector(".latent-map__plot");
  for (const [clientX, clientY] of places) {
    plot.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
  }
}
"""


SLIDE = """
async (n) => {
  const root = document.querySelector(".sliders");
  const input = root.querySelector("input");
  const [low, high] = [Number(input.min), Number(input.max)];
  const times = [];
  for (let k = 0; k < n; k += 1) {
    const painted = new Promise((resolve) => root.addEventListener("sliders:painted", resolve, { once: true }));
    input.value = low + (high - low) * ((0.618034 * (k + 1)) % 1);
    const started = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await painted;
    times.push(performance.now() - started);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return times;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", nargs="+", default=list(METHODS), choices=METHODS)
    maps = parser.parse_args().maps
    with tempfile.TemporaryDirectory() as folder:
        for name in (DENSE, CONVOLUTIONAL):
            shutil.copytree(ROOT / "checkpoints" / name, Path(folder) / name)
        scattered_run(Path(folder) / COLOUR, N_CODES, image_shape=(3, 64, 64), network="conv", latent_dim=16)
        _project(Path(folder), (CONVOLUTIONAL, COLOUR), maps)
        os.environ["EXPLORER_CHECKPOINTS"] = folder
        with running_server() as address, chromium() as browser:
            for run, space in ((DENSE, "plane"), *((run, space) for run in (CONVOLUTIONAL, COLOUR) for space in maps)):
                _measure(browser, address, run, space)


def _project(checkpoints: Path, runs: tuple[str, ...], maps: list[str]) -> None:
    for run in runs:
        for method in set(maps) - {"plane"}:
            if not any((checkpoints / run / "projections").glob(f"{method}*")):
                options = ["--method", method, "--checkpoints", str(checkpoints)]
                subprocess.run(
                    [sys.executable, "-m", "explorer", "project", run, *options], check=True, stdout=sys.stderr
                )


def _measure(browser: Browser, address: str, run: str, space: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{address}/?run={run}&space={space}")
    page.wait_for_function("document.querySelector('.latent-map__lens')?.style.visibility === 'visible'")
    page.locator(".sliders input").first.wait_for()
    page.wait_for_timeout(3000)
    page.evaluate(LISTEN)
    of = {"run": run, "space": space}
    pointing = _point(page)
    _show("pointer move -> image on the canvas", pointing["painted"], of)
    _show("pointer move -> end of the next frame", pointing["framed"], of)
    print(json.dumps({"what": "burst", **of, **_burst(page)}), flush=True)
    _show("slider -> image on the canvas", page.evaluate(SLIDE, N_MOVES), of)
    rerun = _click(page)
    _show("click -> image by a rerun of the script", rerun, of)
    ratio = statistics.median(rerun) / statistics.median(pointing["painted"])
    print(json.dumps({"ratio": "times faster than a rerun (medians)", **of, "value": round(ratio, 1)}), flush=True)
    page.close()


def _show(what: str, milliseconds: list[float], of: dict[str, str]) -> None:
    ordered = sorted(milliseconds)
    print(
        json.dumps(
            {
                "what": what,
                **of,
                "n": len(ordered),
                "median_ms": round(statistics.median(ordered), 2),
                "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
                "max_ms": round(ordered[-1], 2),
            }
        ),
        flush=True,
    )


def _places(page: Page, n: int) -> list[tuple[float, float]]:
    box = page.locator(".latent-map__plot").bounding_box()
    assert box is not None
    golden = 0.618034
    return [
        (box["x"] + box["width"] * (0.15 + 0.6 * (golden * k % 1)), box["y"] + box["height"] * (0.15 + 0.6 * (k / n)))
        for k in range(n)
    ]


def _point(page: Page) -> dict[str, Any]:
    """Move to one place after another, each once the one before is painted."""
    for count, (x, y) in enumerate(_places(page, N_MOVES), start=1):
        page.mouse.move(x, y)
        page.wait_for_function(f"window.bench.painted.length >= {count}")
    page.wait_for_timeout(200)
    result: dict[str, Any] = page.evaluate("window.bench")
    return result


def _burst(page: Page) -> dict[str, Any]:
    """Move without waiting, and count the requests; the image that stays must be that of the last position."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.find("/decode") > 0 else None)
    page.evaluate(
        "() => { window.bench.at = null; document.querySelector('.latent-map').addEventListener("
        "'latent-map:painted', (event) => { window.bench.at = event.detail; window.bench.when = performance.now(); }) }"
    )
    page.evaluate(BURST, _places(page, N_BURST))
    ended = page.evaluate("performance.now()")
    page.wait_for_timeout(500)
    lag = page.evaluate("window.bench.when") - ended
    return {"moves": N_BURST, "requests": len(sent), "last_paint_after_last_move_ms": round(lag, 1)}


WATCH = """
() => {
  window.clicked = null;
  const seen = new MutationObserver((changes) => {
    const isImage = ({ target, addedNodes }) =>
      target.tagName === "IMG" || [...addedNodes].some((node) => node.querySelector?.("img"));
    if (!changes.some((change) => !change.target.closest(".latent-map") && isImage(change))) return;
    window.clicked = performance.now();
    seen.disconnect();
  });
  seen.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["src"] });
}
"""


def _click(page: Page) -> list[float]:
    """Click, and wait for the inspector's first image to change: what pointing would cost as a rerun."""
    times = []
    for x, y in _places(page, 20):
        page.evaluate(WATCH)
        started = page.evaluate("performance.now()")
        page.mouse.click(x, y)
        page.wait_for_function("window.clicked !== null")
        times.append(page.evaluate("window.clicked") - started)
        page.wait_for_timeout(400)
    return times


if __name__ == "__main__":
    main()
