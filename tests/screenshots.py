"""Take the pictures of README: the latent map and film strips as a person finds them, light and dark, wide and narrow.

Run: python -m tests.screenshots [FOLDER]. Needs Chromium, and MNIST under EXPLORER_DATA for the originals.
"""

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from explorer.locations import ROOT
from tests.benchmarks.server import chromium, running_server

FOLDER = ROOT / "explorer" / "screenshots"
WIDE = {"width": 1440, "height": 1000}
NARROW = {"width": 390, "height": 844}
WAIT_MS = 90_000


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with running_server() as address, chromium() as browser:
        page = _open(browser, address, "run=mnist-vae-2d&pins=A=-0.9,1.6;B=row:17;C=1.4,-1.2&active_pin=1", WIDE)
        _point(page, 0.62, 0.4)
        _save(page, folder / "map.png")
        page = _open(browser, address, "run=mnist-vae-2d&overlays=images,prior&pins=A=row:5", WIDE, dark=True)
        _save(page, folder / "manifold-dark.png")
        page = _open(browser, address, "run=mnist-vae-16d&space=pacmap", WIDE)
        _lasso(page, "Worst")
        _save(page, folder / "selection.png", height=1500)
        page = browser.new_context(viewport=WIDE).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{address}/interpolate?run=mnist-vae-16d&space=pca&path=data")
        page.locator('.filmstrip__strip[data-kind="geodesic"]').wait_for()
        page.wait_for_timeout(3000)
        _save(page, folder / "interpolate.png")
        page = browser.new_context(viewport=WIDE).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{address}/compare?compare=mnist-vae-2d,mnist-ae-2d&pins=A=row:17;B=row:5")
        page.wait_for_function("document.querySelectorAll('.latent-map--beside .main-svg').length >= 2")
        page.wait_for_timeout(4000)
        _lasso(page, "Drawn on the map")
        _save(page, folder / "compare.png", height=1400)
        page = browser.new_context(viewport=WIDE).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{address}/evaluate?run=mnist-vae-2d")
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        page.wait_for_timeout(2500)
        _save(page, folder / "evaluate.png")
        page = _open(browser, address, "run=mnist-vae-16d&space=pca&colour=kl", NARROW, dark=True)
        _save(page, folder / "narrow-dark.png")


def _open(browser: Browser, address: str, query: str, size: dict[str, int], *, dark: bool = False) -> Page:
    context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light", device_scale_factor=1)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"{address}/?{query}")
    page.wait_for_function("document.querySelector('.latent-map__lens')?.style.visibility === 'visible'")
    page.locator(".sliders input").first.wait_for()
    page.wait_for_timeout(3000)
    return page


def _frame(page: Page) -> tuple[float, float, float, float]:
    left, top, width, height = page.evaluate(
        """() => {
          const plot = document.querySelector(".latent-map__plot");
          const { l, t, w, h } = plot._fullLayout._size;
          const box = plot.getBoundingClientRect();
          return [box.left + l, box.top + t, w, h];
        }"""
    )
    return left, top, width, height


def _point(page: Page, across: float, down: float) -> None:
    left, top, width, height = _frame(page)
    page.mouse.move(left + across * width, top + down * height, steps=5)
    page.wait_for_timeout(500)


def _lasso(page: Page, answer: str) -> None:
    """Draw a lasso on the first map, and wait for the words that answer it."""
    page.locator(".modebar-btn[data-title='Lasso Select']").first.click()
    left, top, width, height = _frame(page)
    corners = [(0.1, 0.35), (0.32, 0.3), (0.38, 0.55), (0.3, 0.72), (0.12, 0.68), (0.1, 0.35)]
    places = [(left + x * width, top + y * height) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    page.get_by_text(answer).first.wait_for()
    page.mouse.move(5, 300)
    page.wait_for_timeout(2500)


def _save(page: Page, path: Path, height: int | None = None) -> None:
    """Write what is seen; with ``height``, of a window so high."""
    if height is not None:
        page.set_viewport_size({"width": page.viewport_size["width"], "height": height})  # type: ignore[index]  # it has one
        page.wait_for_timeout(2500)
    page.screenshot(path=path)
    Image.open(path).convert("RGB").save(path, optimize=True)
    page.context.close()


if __name__ == "__main__":
    main()
