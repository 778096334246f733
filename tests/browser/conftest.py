import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from explorer.locations import ROOT
from tests.browser.app_driver import RECORDER, WAIT_SECONDS, App, AppPage
from tests.serving.live_server import LOG, live_server

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
VISITED = pytest.StashKey[list[AppPage]]()
HAS_FAILED = pytest.StashKey[bool]()


@contextmanager
def serving(
    folder: Path, checkpoints: Path, data: Path | None = None, script: str = "explorer/app.py", **environment: str
) -> Iterator[App]:
    """Run the app as a person starts it, or another ``script``, with its log in ``folder``, in an ``environment``."""
    if data is not None:
        environment["EXPLORER_DATA"] = str(data)
    log = folder / LOG
    with live_server(folder, checkpoints, script, **environment) as server:
        yield App(url=f"http://{server.host}", log=log, checkpoints=checkpoints)
    warned = [
        line for line in log.read_text().splitlines() if "st.session_state" in line or "Session State API" in line
    ]
    assert warned == [], "Streamlit warned of how the app uses it"


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


def chromium_path() -> str | None:
    """Return where the Chromium of this machine is; None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@pytest.fixture(scope="package")
def executable() -> str:
    """The Chromium of this machine."""
    path = chromium_path()
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


@pytest.fixture(scope="package")
def tab(request, free_tabs):
    """Gives a tab of the browser that keeps its caches."""

    def tab() -> Page:
        if free_tabs:
            return free_tabs.pop()
        context = request.getfixturevalue("returning")
        context.set_default_timeout(WAIT_SECONDS * 1000)
        return context.new_page()

    return tab


@pytest.fixture(scope="package")
def leave(app, free_tabs):
    """Leaves a page and keeps its tab."""

    def leave(page: AppPage) -> None:
        page.leave(f"{app.url}/_stcore/health")  # a server of the test's own may have ended
        page.page.context.clear_cookies()
        free_tabs.append(page.page)

    return leave


@pytest.fixture
def visit(request, app, tab, leave):
    """Opens the app: ``visit(run="…")``; ``on=`` another server, in a context of its own with ``settings=``."""
    opened: list[AppPage] = []
    own: list[BrowserContext] = []

    def own_tab(settings: dict) -> Page:
        context = request.getfixturevalue("chromium").new_context(**{"viewport": VIEWPORT, **settings})
        context.add_init_script(RECORDER)
        context.set_default_timeout(WAIT_SECONDS * 1000)
        own.append(context)
        return context.new_page()

    def visit(path: str = "", /, *, on: App = app, settings: dict | None = None, **query: str) -> AppPage:
        page = AppPage(tab() if settings is None else own_tab(settings), on)
        opened.append(page)
        visited_by(request.node).append(page)
        return page.open(path, **query)

    yield visit
    for page in opened:
        if page.page.context not in own and not page.page.is_closed():
            leave(page)
    for context in own:
        context.close()
    assert [error for page in opened for error in page.uncaught] == []


@pytest.fixture(scope="module")
def shared_pages(leave) -> Iterator[dict[tuple[str, ...], AppPage]]:
    """Pages that tests of a file have left as they found them, by what was opened."""
    pages: dict[tuple[str, ...], AppPage] = {}
    yield pages
    for page in pages.values():
        leave(page)


@pytest.fixture
def look(request, app, tab, leave, shared_pages):
    """Opens the app as ``visit`` does, for tests that leave a page as they found it: those of a file share it.

    After a test that failed, or left another address, the page is opened anew.
    """
    used: list[tuple[tuple[str, ...], AppPage, dict[str, str]]] = []

    def look(path: str = "", /, *, on: App = app, **query: str) -> AppPage:
        key = (on.url, path, *(f"{name}={value}" for name, value in sorted(query.items())))
        held = shared_pages.pop(key, None)
        page = AppPage(tab(), on).open(path, **query) if held is None else held.found_again()
        used.append((key, page, page.query))
        visited_by(request.node).append(page)
        return page

    yield look
    for key, page, query in used:
        if request.node.stash.get(HAS_FAILED, False) or page.uncaught or page.query != query:
            leave(page)
        else:
            shared_pages[key] = page
    assert [error for _, page, _ in used for error in page.uncaught] == []


def visited_by(item: pytest.Item) -> list[AppPage]:
    """The pages that a test has opened."""
    return item.stash.setdefault(VISITED, [])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add to a failure what the page looked like and what the server said."""
    report = yield
    if report.failed and call.when == "call":
        item.stash[HAS_FAILED] = True
        for number, page in enumerate(visited_by(item)):
            picture = RESULTS / f"{item.name}-{number}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            page.page.screenshot(path=picture)
            report.sections.append((f"page {number}", f"{page.page.url}\n{picture}\n" + "\n".join(page.console)))
            report.sections.append(("server log", "\n".join(page.app.log.read_text().splitlines()[-60:])))
    return report
