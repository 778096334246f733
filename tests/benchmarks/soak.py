"""Half an hour of pointing with pages opened beside it: whether the server gets slower, or keeps what it should not.

    python -m tests.benchmarks.soak [--minutes 30] [--rate 200]

Posts ``--rate`` decodes a second to the app, over eight connections, codes and places of PCA in turn, while a browser
opens one page after another, each in a session that ends with it. Prints a line of JSON a minute, then the slopes of
the server's memory and open files once it is warm, and the 95th percentile of the last sixth beside that of the first.
The exit status is 1 where an answer was wrong or was none.
"""

import argparse
import http.client
import json
import shutil
import struct
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Error, sync_playwright

from explorer.locations import SHIPPED
from tests.browser.app_driver import App, AppPage
from tests.browser.conftest import CHROMIUM_FLAGS, chromium_path
from tests.serving.live_server import LOG, LiveServer, live_server

RUN = "mnist-vae-2d"
RUNS = (RUN, "mnist-ae-2d", "digits-cvae-2d")
PAGES = ("", "interpolate", "generate", "compare", "evaluate", "train")
QUERIES = ("", "?space=pca")
N_CONNECTIONS = 8
SECONDS_BETWEEN_PAGES = 10
WARM_SHARE = 1 / 3
"""Of the time, after which what is kept for good is kept."""


class Pointing:
    """Decodes at a steady rate, and what became of them."""

    def __init__(self, server: LiveServer, rate: float) -> None:
        """Ask nothing yet."""
        self._server = server
        self._pause = N_CONNECTIONS / rate
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._point, args=(k,)) for k in range(N_CONNECTIONS)]
        self.answered: list[tuple[float, float]] = []
        """When each answer came, in seconds, and how many milliseconds it took."""
        self.errors: Counter[str] = Counter()
        self.n_late = 0
        """Decodes that were asked for later than they were due, for none of the connections was free."""

    def __enter__(self) -> "Pointing":
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and wait for the last answers."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _point(self, number: int) -> None:
        connection, due, k = self._connection(), time.monotonic() + self._pause * number / N_CONNECTIONS, number
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            began = time.perf_counter()
            try:
                status, size = self._decode(connection, k)
                if (status, size) != (200, 784):
                    self.errors[f"{status}, {size} bytes"] += 1
            except (OSError, http.client.HTTPException) as error:
                self.errors[type(error).__name__] += 1
                connection.close()
                connection = self._connection()
            self.answered.append((time.monotonic(), 1e3 * (time.perf_counter() - began)))
            due, k = due + self._pause, k + 1
            if due < time.monotonic():
                self.n_late += 1
                due = time.monotonic()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("localhost", self._server.port, timeout=60)

    @staticmethod
    def _decode(connection: http.client.HTTPConnection, k: int) -> tuple[int, int]:
        place = struct.pack("<2f", 2 * (0.618034 * k % 1) - 1, 2 * (0.414214 * k % 1) - 1)
        path = f"/api/runs/{RUN}/decode{QUERIES[k % len(QUERIES)]}"
        connection.request("POST", path, place, {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        return answer.status, len(answer.read())


class Visits:
    """A browser that opens one page after another."""

    def __init__(self, app: App) -> None:
        """Open nothing yet."""
        self._app = app
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._visit)
        self.n_opened = 0
        self.errors: Counter[str] = Counter()

    def __enter__(self) -> "Visits":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End with the page that is being opened."""
        self._ended.set()
        self._thread.join()

    def _visit(self) -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM_FLAGS))
            while not self._ended.wait(SECONDS_BETWEEN_PAGES):
                page = AppPage(browser.new_page(), self._app)
                try:
                    page.open(PAGES[self.n_opened % len(PAGES)])
                    self.errors["traceback"] += page.n_tracebacks()
                except Error as error:
                    self.errors[str(error)[:80]] += 1
                page.page.close()
                self.n_opened += 1
            browser.close()


def watch(server: LiveServer, app: App, seconds: float, rate: float) -> int:
    """Point and open pages for so long, say what became of it, and return the exit status."""
    process = psutil.Process(server.pid)
    held: list[tuple[float, float, int]] = []
    started = time.monotonic()
    with Pointing(server, rate) as pointing, Visits(app) as visits:
        while (now := time.monotonic() - started) < seconds:
            time.sleep(min(10.0, seconds - now))
            now = time.monotonic() - started
            held.append((now, process.memory_info().rss / 2**20, process.num_fds()))
            if len(held) % 6 == 0:
                took = _took(pointing, started + now - 60, started + now)
                print(json.dumps({"minute": round(now / 60), "MB": round(held[-1][1]), "files": held[-1][2]} | took))
    at, memory, files = (np.array(column) for column in zip(*held, strict=True))
    is_warm = at >= WARM_SHARE * seconds
    slopes = [60 * np.polyfit(at[is_warm], column[is_warm], 1)[0] for column in (memory, files)]
    first, last = (
        _took(pointing, started + begin * seconds, started + end * seconds) for begin, end in ((0, 1 / 6), (5 / 6, 1))
    )
    errors = pointing.errors + visits.errors
    summary = {
        "decodes": len(pointing.answered),
        "late": pointing.n_late,
        "pages": visits.n_opened,
        "errors": dict(+errors),
        "most MB": round(float(memory.max())),
        "MB a minute": round(slopes[0], 2),
        "files a minute": round(slopes[1], 2),
        "first": first,
        "last": last,
        "p95 last / first": round(last["p95 ms"] / first["p95 ms"], 2),
    }
    print(json.dumps(summary))
    return 1 if errors.total() else 0


def _took(pointing: Pointing, begin: float, end: float) -> dict[str, float]:
    times = np.array([took for at, took in pointing.answered if begin <= at < end])
    return {"a second": round(len(times) / (end - begin), 1)} | {
        f"p{percent} ms": round(float(np.percentile(times, percent)), 1) for percent in (50, 95, 99)
    }


def main() -> int:
    """Start the app on copies of shipped runs, and watch it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=200.0, help="decodes a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        for name in RUNS:
            shutil.copytree(SHIPPED / name, runs / name)
        with live_server(Path(folder), runs) as server:
            app = App(url=f"http://{server.host}", log=Path(folder) / LOG, checkpoints=runs)
            return watch(server, app, 60 * options.minutes, options.rate)


if __name__ == "__main__":
    raise SystemExit(main())
