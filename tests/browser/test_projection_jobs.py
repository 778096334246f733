"""Maps that take a while, computed from the app: real processes, watched and cancelled in a real browser."""

import re
import shutil
import time

import psutil
import pytest

from explorer.runs.listing import open_run
from tests.browser.conftest import serving
from tests.conftest import SHIPPED_FOLDER

pytestmark = pytest.mark.browser

RUNS = ("first", "second", "third", "fourth")
SECONDS = 120


@pytest.fixture(scope="module")
def jobs_app(tmp_path_factory):
    """An app with runs of its own: maps are added to them."""
    checkpoints = tmp_path_factory.mktemp("checkpoints")
    for name in RUNS:
        shutil.copytree(SHIPPED_FOLDER / "digits-vae-2d", checkpoints / name)
    with serving(tmp_path_factory.mktemp("server"), checkpoints) as app:
        yield app
    _, alive = psutil.wait_procs(projecting(app), timeout=SECONDS)
    assert alive == [], "no process may outlive the app"


def projecting(app):
    """Processes that compute maps of this app's runs."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "project" in line and any(part.startswith(str(app.checkpoints)) for part in line):
            found.append(process)
    return found


def until(is_so):
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def choose(page, name):
    page.page.get_by_test_id("stButtonGroup").get_by_text(name).click()


def axis_title(page):
    return page.page.locator(".latent-map .xtitle").text_content()


def test_a_map_that_is_not_there_is_computed_when_it_is_chosen_and_swapped_in(visit, jobs_app):
    page = visit(on=jobs_app, run="first").drawn()
    choose(page, "PaCMAP")
    progress = page.page.get_by_test_id("stProgress")
    progress.get_by_text(re.compile(r"PaCMAP is being computed: .+ s so far")).wait_for()
    assert axis_title(page) == "z0", "the map stays until the other is there"
    assert "space" not in page.query
    page.page.wait_for_url("**space=pacmap**", timeout=SECONDS * 1000)
    page.page.get_by_text("PaCMAP 1", exact=True).wait_for()
    progress.wait_for(state="detached")
    assert open_run("first", jobs_app.checkpoints).projections() == ("pacmap", "pca")
    until(lambda: projecting(jobs_app) == [])
    assert page.n_tracebacks() == 0
    # A stored map is shown at once, and its link works for others.
    again = visit(on=jobs_app, run="first", space="pacmap").drawn()
    assert axis_title(again) == "PaCMAP 1"
    assert again.alerts() == []


def test_a_computation_is_cancelled_with_its_process_and_stores_nothing(visit, jobs_app):
    page = visit(on=jobs_app, run="second").drawn()
    choose(page, "UMAP")
    until(lambda: len(projecting(jobs_app)) == 1)
    page.page.get_by_role("button", name="Cancel").click()
    page.page.get_by_text(re.compile("UMAP was cancelled after .+ nothing was stored")).wait_for()
    assert projecting(jobs_app) == []
    assert open_run("second", jobs_app.checkpoints).projections() == ("pca",)
    assert axis_title(page) == "z0"
    page.page.get_by_role("button", name="Dismiss").click()
    page.page.get_by_text("UMAP was cancelled").wait_for(state="detached")


def test_a_link_to_a_map_that_is_not_there_offers_to_compute_it_and_starts_nothing(visit, jobs_app):
    page = visit(on=jobs_app, run="third", space="tsne", pin="row:5").drawn()
    page.page.get_by_text(re.compile("The link asks for t-SNE, which was not computed for third yet")).wait_for()
    assert axis_title(page) == "z0"
    assert projecting(jobs_app) == []
    page.page.get_by_role("button", name="Compute t-SNE").click()
    page.page.get_by_text(re.compile("t-SNE is being computed")).wait_for()
    page.page.wait_for_url("**space=tsne**", timeout=SECONDS * 1000)
    page.page.get_by_text("t-SNE 1", exact=True).wait_for()
    assert page.query["pins"] == "A=row:5"


def test_two_browsers_share_a_computation_and_who_chose_another_map_since_keeps_it(visit, jobs_app):
    page, other = (visit(on=jobs_app, run="fourth").drawn() for _ in range(2))
    choose(page, "t-SNE")
    until(lambda: projecting(jobs_app))
    (process,) = projecting(jobs_app)
    # Held, so that it is not over before all that follows has happened.
    process.suspend()
    choose(other, "t-SNE")
    for each in (page, other):
        each.page.get_by_test_id("stProgress").wait_for()
    choose(page, "PCA")
    page.wait_for_query("space", "pca")
    assert [each.pid for each in projecting(jobs_app)] == [process.pid]
    process.resume()
    other.page.wait_for_url("**space=tsne**", timeout=SECONDS * 1000)
    page.page.get_by_text("t-SNE is ready.").wait_for()
    assert page.query["space"] == "pca"
    page.page.get_by_role("button", name="Show it").click()
    page.wait_for_query("space", "tsne")
    page.page.get_by_text("t-SNE is ready.").wait_for(state="detached")
