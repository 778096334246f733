"""Seconds until the map is drawn in a browser that was never here before, beside a blank page of Streamlit's.

Run: python -m tests.benchmarks.first_screen [--rounds 9]. Prints JSON lines. Both servers run and are warm; each visit
is of a browser context of its own, whose cache is empty, and the two are visited in turn. The blank page is a script of
one line of text, served by `streamlit run` with the same settings.
"""

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.benchmarks.report import report
from tests.benchmarks.server import chromium
from tests.serving.live_server import live_server

VIEWPORT = {"width": 1440, "height": 900}
SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
BLANK = 'import streamlit as st\n\nst.text("Nothing else.")\n'
N_WARM = 2

MAP = "document.querySelector('.latent-map__plot .nsewdrag') !== null"
POINTED = "document.querySelector('.latent-map__lens')?.style.visibility === 'visible'"
TEXT = "document.body.innerText.includes('Nothing else.')"


def main() -> None:
    """Visit both in turn, and print medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        blank = Path(folder) / "blank.py"
        blank.write_text(BLANK)
        logs = [Path(folder) / name for name in ("app", "blank-app")]
        for log in logs:
            log.mkdir()
        with live_server(logs[0], SHIPPED) as app, live_server(logs[1], SHIPPED, str(blank)) as plain:
            pairs = [
                (_visit(browser, f"http://{app.host}/"), _plain_visit(browser, f"http://{plain.host}/"))
                for _ in range(rounds + N_WARM)
            ]
    visits, plains = zip(*pairs[N_WARM:], strict=True)
    drawn = [visit["map drawn"] for visit in visits]
    report(
        "the map drawn, cold browser, running server",
        "s",
        drawn,
        beside="a blank page of Streamlit's",
        rival=plains,
        goal="at most 1.3 times",
    )
    later = [visit["image shown"] - visit["map drawn"] for visit in visits]
    report("an image shown on it, later than that", "s", later, goal="at most 0.1 s")
    report("the map drawn after a reload", "s", [visit["reload: map drawn"] for visit in visits], goal="at most 1.0 s")
    report("what the first screen asks for", "requests", [visit["requests"] for visit in visits], goal="at most 90")
    report("what the first screen asks for, size", "MB", [visit["MB"] for visit in visits], goal="at most 4.5 MB")


def _visit(browser: Browser, url: str) -> dict[str, float]:
    context = browser.new_context(viewport=VIEWPORT)
    page = context.new_page()
    sizes: list[float] = []
    devtools = context.new_cdp_session(page)
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    devtools.send("Network.enable")
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    took = {"map drawn": _until(page, MAP, started), "image shown": _until(page, POINTED, started)}
    page.wait_for_load_state("networkidle")
    took |= {"requests": len(sizes), "MB": sum(sizes) / 1e6}
    started = time.perf_counter()
    page.reload(wait_until="commit")
    took["reload: map drawn"] = _until(page, MAP, started)
    context.close()
    return took


def _plain_visit(browser: Browser, url: str) -> float:
    context = browser.new_context(viewport=VIEWPORT)
    page = context.new_page()
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    took = _until(page, TEXT, started)
    context.close()
    return took


def _until(page: Page, condition: str, started: float) -> float:
    page.wait_for_function(condition, polling=10)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
