import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from explorer.locations import ROOT
from tests.browser.app_driver import RECORDER, WAIT_SECONDS, App, AppPage

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_FLAGS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *(
        "--use-gl=angle",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--enable-webgl",
        "--ignore-gpu-blocklist",
    ),
    # WebGL is all that a processor has to draw as a graphics card would: pages drawn so too take five times as long.
    *("--disable-gpu-rasterization", "--disable-gpu-compositing"),
)
VIEWPORT = {"width": 1280, "height": 900}
START_SECONDS = 90
RESULTS = ROOT / "test-results" / "browser"


@contextmanager
def serving(
    folder: Path, checkpoints: Path, data: Path | None = None, script: str = "explorer/app.py", **environment: str
) -> Iterator[App]:
    """Run the app as a person starts it, or another ``script``, with its log in ``folder``, in an ``environment``."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"EXPLORER_CHECKPOINTS": str(checkpoints)} | environment
    if data is not None:
        environment["EXPLORER_DATA"] = str(data)
    log = folder / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    app = App(url=f"http://localhost:{port}", log=log, checkpoints=checkpoints)
    try:
        wait_until_healthy(app, server)
        yield app
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    warned = [
        line for line in log.read_text().splitlines() if "st.session_state" in line or "Session State API" in line
    ]
    assert warned == [], "Streamlit warned of how the app uses it"


def wait_until_healthy(app: App, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The server did not start. Its log:\n{app.log.read_text()}")


@pytest.fixture(scope="session")
def app(tmp_path_factory, checkpoints) -> Iterator[App]:
    """The app with the data of EXPLORER_DATA."""
    with serving(tmp_path_factory.mktemp("server"), checkpoints) as app:
        yield app


@pytest.fixture(scope="module")
def dataless_app(tmp_path_factory, checkpoints) -> Iterator[App]:
    """The app on a machine without data sets."""
    with serving(tmp_path_factory.mktemp("server"), checkpoints, data=tmp_path_factory.mktemp("no-data")) as app:
        yield app


# Of the folder, not of the session: Playwright's event loop must not run while other folders' tests use asyncio.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def executable() -> str:
    """The Chromium of this machine."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        # A person without a browser can still run the rest; EXPLORER_REQUIRED_TESTS makes this skip fail in CI.
        pytest.skip("no Chromium on this machine")
    return path


@pytest.fixture(scope="package")
def chromium(playwright, executable) -> Iterator[Browser]:
    """A browser whose contexts have nothing in common."""
    browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def returning(playwright, executable, tmp_path_factory) -> Iterator[BrowserContext]:
    """A browser that keeps what it has compiled of the app's scripts, and so opens a page in two thirds of the time."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"), executable_path=executable, args=list(CHROMIUM_FLAGS), viewport=VIEWPORT
    )
    context.add_init_script(RECORDER)
    yield context
    context.close()


@pytest.fixture(scope="package")
def free_tabs() -> list[Page]:
    """Tabs that a test has left: a page in one of them opens in three quarters of the time that a new one takes."""
    return []


@pytest.fixture
def visit(request, app, free_tabs):
    """Opens the app: ``visit(run="…")``; ``on=`` another server, in a context of its own with ``settings=``."""
    pages: list[AppPage] = []
    own: list[BrowserContext] = []

    def tab(settings: dict | None) -> Page:
        if settings is None and free_tabs:
            return free_tabs.pop()
        if settings is None:
            context = request.getfixturevalue("returning")
        else:
            context = request.getfixturevalue("chromium").new_context(**{"viewport": VIEWPORT, **settings})
            context.add_init_script(RECORDER)
            own.append(context)
        context.set_default_timeout(WAIT_SECONDS * 1000)
        return context.new_page()

    def visit(path: str = "", *, on: App = app, settings: dict | None = None, **query: str) -> AppPage:
        page = AppPage(tab(settings), on)
        pages.append(page)
        return page.open(path, **query)

    request.node.visited = pages
    yield visit
    for page in pages:
        if page.page.context in own or page.page.is_closed():
            continue
        page.leave(f"{app.url}/_stcore/health")  # a server of the test's own may have ended
        page.page.context.clear_cookies()
        free_tabs.append(page.page)
    for context in own:
        context.close()
    assert [error for page in pages for error in page.uncaught] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add to a failure what the page looked like and what the server said."""
    report = yield
    if report.failed and call.when == "call":
        for number, page in enumerate(getattr(item, "visited", [])):
            picture = RESULTS / f"{item.name}-{number}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            page.page.screenshot(path=picture)
            report.sections.append((f"page {number}", f"{page.page.url}\n{picture}\n" + "\n".join(page.console)))
            report.sections.append(("server log", "\n".join(page.app.log.read_text().splitlines()[-60:])))
    return report
