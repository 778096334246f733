"""Drives the app in a browser and reads back what it shows: the map, its lens, pictures and messages."""

import io
import re
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urljoin

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, WebSocket
from scipy.spatial import KDTree

WAIT_SECONDS = 60
MARGIN = 24
"""Pixels kept from the edge of the map: the lens and the legend begin beyond it."""

# The map says on itself when it is drawn and what it painted; its events do not bubble, so they are caught on the way.
# Of a whole context, for a tab has more than one page in its time.
RECORDER = """
window.painted = null;
window.nPainted = 0;
document.addEventListener("latent-map:ready", (event) => (window.nDrawn = event.detail.n), true);
document.addEventListener("latent-map:painted", (event) => {
  const canvas = event.target.querySelector(".latent-map__lens canvas");
  const { width, height } = canvas;
  const rgba = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const grey = Array.from({ length: width * height }, (_, pixel) => rgba[4 * pixel]);
  window.painted = { x: event.detail.x, y: event.detail.y, width, height, grey };
  window.nPainted += 1;
}, true);
"""

PLACE_AT = """([left, top]) => {
  const plot = document.querySelector(".latent-map__plot");
  const { xaxis, yaxis, _size } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [xaxis.p2d(left - box.left - _size.l), yaxis.p2d(top - box.top - _size.t)];
}"""

# Where the places (0, 0) and (1, 1) of the map lie, in one look: between two the page may have moved.
SCREEN_OF = """() => {
  const plot = document.querySelector(".latent-map__plot");
  const { xaxis, yaxis, _size } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [0, 1].map((at) => [box.left + _size.l + xaxis.d2p(at), box.top + _size.t + yaxis.d2p(at)]);
}"""

FRAME = """() => {
  const plot = document.querySelector(".latent-map__plot");
  const { _size } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [box.left + _size.l, box.top + _size.t, _size.w, _size.h];
}"""

# Where the window's header ends, and the window.
SEEN = """() => [document.querySelector('[data-testid="stHeader"]').getBoundingClientRect().bottom, innerHeight]"""

# Where an element lies once it is in view and has stood still for a while.
STILL_BOX = """(element) => new Promise((resolve) => {
  let [before, n] = ["", 0];
  const look = () => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const now = [left, top, width, height].join();
    n = now === before ? n + 1 : 0;
    before = now;
    if (top < 0 || top + height > innerHeight) element.scrollIntoView({ block: "center" });
    else if (n > 20) return resolve({ x: left, y: top, width, height });
    requestAnimationFrame(look);
  };
  look();
})"""

IS_PAINTED_AT = "([x, y, tolerance]) => painted && Math.hypot(painted.x - x, painted.y - y) <= tolerance"

Place = tuple[float, float]
Points = NDArray[np.floating]


def emptiest(points: Points, low: Points | None = None, high: Points | None = None) -> Points:
    """Return the place between ``low`` and ``high`` (by default the points' own corners) farthest from all points."""
    low, high = corners(points, low, high)
    places = np.stack(np.meshgrid(*np.linspace(low, high, 64).T), axis=-1).reshape(-1, 2)
    distances, _ = KDTree(points).query(places)
    return places[distances.argmax()]


def loneliest(points: Points, low: Points | None = None, high: Points | None = None) -> int:
    """Return the row of the point between ``low`` and ``high`` whose nearest neighbour is farthest away."""
    low, high = corners(points, low, high)
    distances, _ = KDTree(points).query(points, k=2)
    is_between = ((points >= low) & (points <= high)).all(axis=1)
    return int(np.where(is_between, distances[:, 1], 0).argmax())


def corners(points: Points, low: Points | None, high: Points | None) -> tuple[Points, Points]:
    """Return two corners, each by default that of the smallest box around ``points``."""
    return points.min(axis=0) if low is None else low, points.max(axis=0) if high is None else high


@dataclass(frozen=True, kw_only=True)
class App:
    """A running server."""

    url: str
    log: Path
    checkpoints: Path

    def decode(self, run: str, numbers: Any, **query: Any) -> NDArray[np.uint8]:
        """Return the first image that the server decodes from ``numbers``, shape ``(H, W)``."""
        body = np.asarray(numbers, "<f4").tobytes()
        url = f"{self.url}/api/runs/{run}/decode?{urlencode(query)}"
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/octet-stream"})
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:
            shape = [int(side) for side in response.headers["X-Shape"].split(",")]
            return np.frombuffer(response.read(), np.uint8).reshape(shape)[0, 0]

    def points(self, run: str, **query: Any) -> Points:
        """Return where the encoded set lies on a map, shape ``(N, 2)``."""
        url = f"{self.url}/api/runs/{run}/points?{urlencode(query)}"
        with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as response:
            n = int(response.headers["X-Shape"].split(",")[0])
            return np.frombuffer(response.read(), "<f4", 2 * n).reshape(n, 2)


@dataclass(frozen=True, kw_only=True)
class Paint:
    """What the lens showed, and for which place."""

    x: float
    y: float
    image: NDArray[np.uint8]


@dataclass(repr=False)
class AppPage:
    """A browser's page of the app."""

    page: Page
    app: App
    uncaught: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    n_frames: int = 0

    def __post_init__(self) -> None:
        """Listen to what the page says, asks and sends."""
        self._listeners = {
            "pageerror": lambda error: self.uncaught.append(f"{error.message}\n{error.stack}"),
            "console": lambda message: self.console.append(f"{message.type}: {message.text}"),
            "request": lambda request: self.requests.append(request.url),
            "websocket": self._count_frames,
        }
        for event, listener in self._listeners.items():
            self.page.on(event, listener)

    def leave(self, address: str) -> None:
        """Leave the page for ``address`` with nothing kept in the tab, which another test then goes on in."""
        self.page.evaluate("() => [localStorage, sessionStorage].forEach((kept) => kept.clear())")
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.leave_map()
        self.page.goto(address)

    def _count_frames(self, socket: WebSocket) -> None:
        def count(_: object) -> None:
            self.n_frames += 1

        socket.on("framesent", count)
        socket.on("framereceived", count)

    # Coming to a page

    def open(self, path: str = "", /, **query: str) -> Self:
        """Go to a page of the app by its URL and wait until its script has run."""
        self.page.bring_to_front()
        self.page.goto(f"{self.app.url}/{path}" + (f"?{urlencode(query)}" if query else ""))
        self.page.locator(".stMainBlockContainer").wait_for()
        return self.settle()

    def found_again(self) -> Self:
        """Have the page as it was when it was opened, as far as a look at it can tell."""
        self.page.bring_to_front()  # frames of a tab behind another one may wait
        self.requests.clear()
        self.console.clear()
        self.leave_map()
        self.page.evaluate("() => { window.nPainted = 0; scrollTo(0, 0); }")
        return self.settle()

    def settle(self) -> Self:
        """Wait until no script runs."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        return self

    def drawn(self) -> Self:
        """Wait until the map is drawn and its lens shows an image."""
        self.page.wait_for_function("window.nDrawn && window.painted")
        return self.settle()

    @property
    def query(self) -> dict[str, str]:
        """The view that the URL holds."""
        # Not of page.url, which may be that of before the last change.
        return dict(parse_qsl(self.page.evaluate("location.search.slice(1)")))

    def wait_for_query(self, name: str, pattern: str = ".+") -> str:
        """Wait until the URL's parameter ``name`` matches, and return it."""
        self.page.wait_for_function(
            "([name, pattern]) => RegExp(pattern).test(new URLSearchParams(location.search).get(name) ?? '')",
            arg=[name, pattern],
        )
        return str(self.page.evaluate("(name) => new URLSearchParams(location.search).get(name)", name))

    @staticmethod
    def still_box(element: Locator) -> dict[str, float]:
        """Return x, y, width and height of ``element`` in the window once it is in view and the page stands still."""
        box: dict[str, float] = element.evaluate(STILL_BOX)
        return box

    # The map

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the map's axes in the window."""
        left, top, width, height = self.page.evaluate(FRAME)
        return left, top, width, height

    def place_at(self, left: float, top: float) -> Place:
        """Return the map coordinates of a place in the window."""
        x, y = self.page.evaluate(PLACE_AT, [left, top])
        return x, y

    def screen_of(self, points: Any) -> Points:
        """Return where map coordinates, shape ``(M, 2)``, lie in the window."""
        origin, one = np.array(self.page.evaluate(SCREEN_OF))
        return origin + np.asarray(points, float) * (one - origin)

    def traces(self) -> list[dict[str, Any]]:
        """Return name, colour and number of points of each trace, and where it begins."""
        traces: list[dict[str, Any]] = self.page.evaluate(
            """() => document.querySelector(".latent-map__plot").data.map((trace) => ({
              name: trace.name, n: trace.x.filter(Number.isFinite).length, colour: trace.marker.color,
              x: trace.x[0], y: trace.y[0]
            }))"""
        )
        return traces

    @property
    def pin(self) -> Place:
        """Where the map marks the pinned place."""
        x, y = self.page.evaluate(
            "() => { const { home } = document.querySelector('.latent-map').map.data; return [home.x, home.y]; }"
        )
        return x, y

    def painted(self) -> Paint:
        """Return what the lens shows now."""
        now = self.page.evaluate("window.painted")
        return Paint(x=now["x"], y=now["y"], image=np.array(now["grey"], np.uint8).reshape(now["height"], now["width"]))

    def painted_at(self, x: float, y: float, tolerance: float = 1e-6) -> Paint:
        """Wait until the lens shows the place ``x``, ``y``, and return what it shows."""
        self.page.wait_for_function(IS_PAINTED_AT, arg=[x, y, tolerance])
        return self.painted()

    def point_at(self, left: float, top: float) -> Paint:
        """Move the mouse to a place in the window, and return what the lens shows once it shows that place."""
        self.page.mouse.move(left, top, steps=5)
        return self.painted_at(*self.place_at(left, top))

    def leave_map(self) -> None:
        """Move the mouse off the map."""
        self.page.mouse.move(2, 2)

    def empty_place(self, points: Points) -> Place:
        """Return the place in the window, on the map, that is farthest from all of ``points``."""
        return self._whole_pixels(emptiest(self.screen_of(points), *self._inner_corners()))

    def lone_row(self, points: Points) -> tuple[int, Place]:
        """Return the row whose point, on the map, has the most room around it, and where in the window it lies."""
        places = self.screen_of(points)
        row = loneliest(places, *self._inner_corners())
        return row, self._whole_pixels(places[row])

    def _inner_corners(self) -> tuple[Points, Points]:
        """Return two corners of the part of the map that is in the window."""
        left, top, width, height = self.frame
        header, end = self.page.evaluate(SEEN)
        low, high = [left, max(top, header)], [left + width, min(top + height, end)]
        return np.array(low) + MARGIN, np.array(high) - MARGIN

    @staticmethod
    def _whole_pixels(place: Points) -> Place:
        return round(place[0]), round(place[1])

    # Pictures and words

    def picture(self, alt: str | re.Pattern[str]) -> NDArray[np.uint8]:
        """Return the pixels of the picture whose alternative text is ``alt``, shape ``(H, W, channels)``."""
        source = self.page.get_by_alt_text(alt, exact=True).first.get_attribute("src")
        assert source is not None
        with urllib.request.urlopen(urljoin(self.page.url, source), timeout=WAIT_SECONDS) as response:
            return np.asarray(Image.open(io.BytesIO(response.read())))

    def wait_for_message(self) -> None:
        """Wait until the page shows a message, or a traceback."""
        self.page.locator('[data-testid="stAlert"], [data-testid="stException"]').first.wait_for()

    def alerts(self) -> list[str]:
        """Return the messages on the page."""
        return self.page.get_by_test_id("stAlert").all_inner_texts()

    def n_tracebacks(self) -> int:
        """Return how many tracebacks the page shows."""
        return self.page.get_by_test_id("stException").count()
