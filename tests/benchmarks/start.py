"""Seconds from ``streamlit run`` to a map that answers the pointer, beside the import of torch alone.

Run: python -m tests.benchmarks.start. Prints JSON lines; the browser is already open, the disk is warm after one round.
"""

import json
import statistics
import subprocess
import sys
import time

from playwright.sync_api import Browser

from tests.benchmarks.server import chromium, free_port, start_server, wait_until_healthy

N_ROUNDS = 5


def main() -> None:
    with chromium() as browser:
        _round(browser)
        rounds = [_round(browser) for _ in range(N_ROUNDS)]
    torch = min(_torch_import() for _ in range(3))
    for key in ("server", "map", "pointer"):
        seconds = [timing[key] for timing in rounds]
        print(
            json.dumps(
                {
                    "what": f"start -> {key}",
                    "median_s": round(statistics.median(seconds), 2),
                    "max_s": round(max(seconds), 2),
                }
            )
        )
    print(json.dumps({"what": "import torch alone", "seconds": round(torch, 2)}))
    ratio = statistics.median(timing["pointer"] for timing in rounds) / torch
    print(json.dumps({"ratio": "start to an answering map, in imports of torch", "value": round(ratio, 2)}))


def _round(browser: Browser) -> dict[str, float]:
    port = free_port()
    started = time.perf_counter()
    server = start_server(port)
    try:
        wait_until_healthy(port)
        timing = {"server": time.perf_counter() - started}
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://localhost:{port}/", wait_until="commit")
        page.wait_for_selector(".latent-map__plot .nsewdrag", timeout=60_000, state="attached")
        timing["map"] = time.perf_counter() - started
        page.wait_for_function("document.querySelector('.latent-map__lens').style.visibility === 'visible'", polling=10)
        page.evaluate(
            "document.querySelector('.latent-map')"
            ".addEventListener('latent-map:painted', () => (window.answered = true))"
        )
        box = page.locator(".latent-map__plot").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_function("window.answered", polling=10)
        timing["pointer"] = time.perf_counter() - started
        page.close()
    finally:
        server.terminate()
        server.wait(timeout=20)
    return timing


def _torch_import() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
