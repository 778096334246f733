"""Milliseconds from a pointer move to the painted image, beside a rerun of the script for the same image.

Run: python -m tests.benchmarks.pointing [--run mnist-vae-2d]. Prints JSON lines. A move is an input event of headless
Chromium; the time runs from its arrival in the page to the call that puts the image on the canvas, and a second figure
to the end of the next frame, when a screen could show it. The rival is a click, which goes through Streamlit's rerun.
"""

import argparse
import json
import statistics
from typing import Any

from playwright.sync_api import Page

from tests.benchmarks.server import chromium, running_server

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="mnist-vae-2d")
    parser.add_argument("--space", default="plane")
    arguments = parser.parse_args()
    with running_server() as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/?run={arguments.run}&space={arguments.space}")
        page.wait_for_function("document.querySelector('.latent-map__lens')?.style.visibility === 'visible'")
        page.wait_for_timeout(2000)
        page.evaluate(LISTEN)
        pointing = _point(page)
        _show("pointer move -> image on the canvas", pointing["painted"], arguments)
        _show("pointer move -> end of the next frame", pointing["framed"], arguments)
        print(json.dumps({"what": "burst", **_burst(page)}))
        rerun = _click(page)
        _show("click -> image by a rerun of the script", rerun, arguments)
    ratio = statistics.median(rerun) / statistics.median(pointing["painted"])
    print(json.dumps({"ratio": "times faster than a rerun (medians)", "value": round(ratio, 1)}))


def _show(what: str, milliseconds: list[float], arguments: argparse.Namespace) -> None:
    ordered = sorted(milliseconds)
    print(
        json.dumps(
            {
                "what": what,
                "run": arguments.run,
                "space": arguments.space,
                "n": len(ordered),
                "median_ms": round(statistics.median(ordered), 2),
                "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
                "max_ms": round(ordered[-1], 2),
            }
        )
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
