"""Bytes, seconds and memory of sets of 10,000, 70,000 and 1,000,000 points on the map, beside plotly with all points.

Run: python -m tests.benchmarks.points [--sizes 10000 70000 1000000] [--no-rival]. Prints JSON lines. The runs are made
in a folder of their own: real weights, made-up codes. A page is opened twice and the second time counted, with the
server warm. Zooming is measured from an event of the mouse wheel to the end of the first frame after plotly took it;
the rival draws the same points of the same run with scattergl, all at once, in a page of its own in the same browser.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from tests.benchmarks.server import chromium, running_server
from tests.support import scattered_run

N_WHEELS = 40
WAIT_MS = 120_000

RECORD = """
window.bench = { mounted: null, drawn: null, waits: [] };
new MutationObserver((_, watch) => {
  if (!document.querySelector(".latent-map")) return;
  window.bench.mounted = performance.now();
  watch.disconnect();
}).observe(document, { childList: true, subtree: true });
document.addEventListener("latent-map:ready", (event) => {
  window.bench.n = event.detail.n;
  requestAnimationFrame(() => requestAnimationFrame(() => (window.bench.drawn = performance.now())));
}, true);
"""

# plotly answers a wheel before the frame; the time runs to the end of the frame, and reading a pixel waits for WebGL.
WHEEL = """
([selector, delta]) => new Promise((resolve) => {
  const plot = document.querySelector(selector);
  const target = plot.querySelector(".nsewdrag");
  const box = target.getBoundingClientRect();
  const place = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  const started = performance.now();
  target.dispatchEvent(new WheelEvent("wheel", { deltaY: delta, bubbles: true, cancelable: true, ...place }));
  requestAnimationFrame(() => {
    for (const canvas of plot.querySelectorAll(".gl-canvas")) {
      const gl = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
      gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    }
    resolve(performance.now() - started);
  });
})
"""

RIVAL = """
async ([points, plotly]) => {
  document.body.innerHTML = '<div id="rival" style="width:720px;height:580px"></div>';
  if (!window.Plotly) await new Promise((resolve) => {
    const script = Object.assign(document.createElement("script"), { src: plotly, onload: resolve });
    document.head.append(script);
  });
  const started = performance.now();
  const response = await fetch(points);
  const n = Number(response.headers.get("X-Shape").split(",")[0]);
  const bytes = await response.arrayBuffer();
  const xy = new Float32Array(bytes, 0, 2 * n);
  const labels = new Uint16Array(bytes, 8 * n, n);
  const traces = Array.from({ length: 10 }, () => ({ x: [], y: [], type: "scattergl", mode: "markers" }));
  labels.forEach((label, row) => { traces[label].x.push(xy[2 * row]); traces[label].y.push(xy[2 * row + 1]); });
  for (const trace of traces) Object.assign(trace, { marker: { size: 5, opacity: 0.8 } });
  const layout = { hovermode: false, dragmode: "pan", yaxis: { scaleanchor: "x" } };
  await window.Plotly.newPlot("rival", traces, layout, { scrollZoom: true });
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(
    () => resolve(performance.now() - started))));
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 70_000, 1_000_000])
    parser.add_argument("--no-rival", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for n in arguments.sizes:
            scattered_run(Path(folder) / f"points-{n}", n, latent_dim=16)
        os.environ["EXPLORER_CHECKPOINTS"] = folder
        with running_server() as address, chromium() as browser:
            for n in arguments.sizes:
                _show("explorer", n, _explorer(browser, address, n))
                if not arguments.no_rival:
                    _show("plotly, all points", n, _rival(browser, address, n))


def _show(what: str, n: int, figures: dict[str, Any]) -> None:
    print(json.dumps({"what": what, "n": n, **figures}), flush=True)


def _explorer(browser: Browser, address: str, n: int) -> dict[str, Any]:
    for _ in range(2):
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(RECORD)
        page.goto(f"{address}/?run=points-{n}")
        page.wait_for_function("window.bench.drawn")
        times = page.evaluate("window.bench")
        page.wait_for_timeout(3000)
        figures = {
            "points_bytes": _sent_bytes(page),
            "from_navigation_s": round(times["drawn"] / 1000, 2),
            "from_mount_s": round((times["drawn"] - times["mounted"]) / 1000, 2),
            **_zoomed(page, ".latent-map__plot"),
            "heap_mb": _heap(page),
            "says": page.locator(".latent-map__count").inner_text(),
        }
        page.context.close()
    return figures


def _rival(browser: Browser, address: str, n: int) -> dict[str, Any]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}/_stcore/health")
    points = f"{address}/api/runs/points-{n}/points?space=plane&i=0&j=1"
    seconds = page.evaluate(RIVAL, [points, f"{address}/api/plotly-x.js"]) / 1000
    figures = {"from_request_s": round(seconds, 2), **_zoomed(page, "#rival"), "heap_mb": _heap(page)}
    page.context.close()
    return figures


def _sent_bytes(page: Page) -> int:
    """Bytes of the answer that holds the points."""
    sizes = page.evaluate(
        """() => performance.getEntriesByType("resource")
          .filter((entry) => entry.name.includes("/points?"))
          .map((entry) => entry.encodedBodySize)"""
    )
    return int(np.sum(sizes))


def _zoomed(page: Page, selector: str) -> dict[str, float]:
    """Milliseconds from a turn of the wheel to the end of the frame, in and out again, with a rest at times."""
    times = []
    for k in range(N_WHEELS):
        times.append(page.evaluate(WHEEL, [selector, -120 if k % 8 < 4 else 120]))
        page.wait_for_timeout(600 if k % 4 == 3 else 30)
    ordered = sorted(times)
    return {
        "wheel_median_ms": round(statistics.median(ordered), 1),
        "wheel_p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
    }


def _heap(page: Page) -> float:
    """Megabytes of the JavaScript heap and of typed arrays, after a collection of what is unused."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    return round((usage["usedSize"] + usage.get("backingStorageSize", 0)) / 1e6, 1)


if __name__ == "__main__":
    main()
