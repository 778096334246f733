"""Milliseconds from a pointer move on one of four linked maps to the same image marked, and decoded, on all of them.

Run: python -m tests.benchmarks.linked. Prints JSON lines. The maps are of the four shipped runs of MNIST at latent size
16 and 2, 10,000 points each. Times run from the arrival of the event in the page: to the marks on all maps being moved,
to the end of the next frame, and to the last of four images being painted.

The rival is what plotly offers for it: a trace of one point on each of the three other maps, moved with Plotly.restyle.
"""

import json
import statistics
from typing import Any

from playwright.sync_api import Page

from tests.benchmarks.server import chromium, running_server

RUNS = ("mnist-vae-2d", "mnist-ae-2d", "mnist-vae-16d", "mnist-ae-16d")
N_MOVES = 200
GOLDEN = 0.618034

LISTEN = """() => {
  const maps = [...document.querySelectorAll(".latent-map")].map((root) => root.map);
  window.bench = { marked: [], framed: [], painted: [] };
  let started = 0;
  window.addEventListener("pointermove", () => {
    started = performance.now();
    const [begun, waiting] = [started, new Set(maps)];
    for (const map of maps) {
      const paint = () => {
        waiting.delete(map);
        if (!waiting.size) window.bench.painted.push(performance.now() - begun);
      };
      map.root.addEventListener("latent-map:painted", paint, { once: true });
    }
    requestAnimationFrame(() => requestAnimationFrame(() => window.bench.framed.push(performance.now() - begun)));
  }, true);
  // The map listens on the way down: on the way up all marks have moved.
  window.addEventListener("pointermove", () => {
    const { row } = maps[0].link;
    const isMarked = row !== null && maps.every((map) => map.marks.found[""]?.x === map.points.xy[2 * row]);
    if (isMarked) window.bench.marked.push(performance.now() - started);
  });
}"""

RIVAL = """async (n) => {
  const maps = [...document.querySelectorAll(".latent-map")].map((root) => root.map).slice(1);
  const marker = { type: "scattergl", mode: "markers", showlegend: false, marker: { size: 14, color: "#000" } };
  const traces = [];
  for (const { Plotly, plot } of maps) {
    traces.push(plot.data.length);
    await Plotly.addTraces(plot, { ...marker, x: [0], y: [0] });
  }
  const times = [];
  for (let k = 0; k < n; k += 1) {
    const started = performance.now();
    const row = Math.floor(10_000 * ((0.618034 * k) % 1));
    await Promise.all(maps.map(({ Plotly, plot, points: { xy } }, j) =>
      Plotly.restyle(plot, { x: [[xy[2 * row]]], y: [[xy[2 * row + 1]]] }, [traces[j]])));
    times.push(performance.now() - started);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return times;
}"""


def main() -> None:
    with running_server() as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1400})
        page.goto(f"{address}/compare?compare={','.join(RUNS)}")
        page.wait_for_function(
            "(n) => [...document.querySelectorAll('.latent-map')].filter((root) => root.map?.points).length === n",
            arg=len(RUNS),
        )
        page.wait_for_timeout(4000)
        found = _point(page)
        for what in ("marked", "framed", "painted"):
            _show(f"pointer move -> {what} on {len(RUNS)} maps", found[what])
        rival = page.evaluate(RIVAL, N_MOVES // 4)
        _show("the same with Plotly.restyle on the three others", rival)
        ratio = statistics.median(rival) / statistics.median(found["marked"])
        print(json.dumps({"ratio": "times faster than Plotly.restyle (medians)", "value": round(ratio, 1)}), flush=True)


def _point(page: Page) -> dict[str, list[float]]:
    """Move to one place after another, 60 ms apart."""
    box: Any = page.locator(".latent-map__plot").first.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_timeout(1000)
    page.evaluate(LISTEN)
    for k in range(N_MOVES):
        across, down = 0.15 + 0.6 * (GOLDEN * k % 1), 0.15 + 0.6 * k / N_MOVES
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        page.wait_for_timeout(60)
    result: dict[str, list[float]] = page.evaluate("window.bench")
    return result


def _show(what: str, milliseconds: list[float]) -> None:
    ordered = sorted(milliseconds)
    figures = {
        "median_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
    }
    print(json.dumps({"what": what, "n": len(ordered), **figures}), flush=True)


if __name__ == "__main__":
    main()
