"""Training from the app: started from the form, watched, paused and resumed, also after the app was restarted."""

import re
import shutil
import time

import pytest

from explorer.runs.live import Phase
from explorer.runs.run import Run
from explorer.training.status import TrainingState, training_status
from tests.browser.app_driver import WAIT_SECONDS
from tests.browser.conftest import serving
from tests.conftest import SHIPPED_FOLDER
from tests.support import end_training

pytestmark = pytest.mark.browser

MANY = 5000
SCRIPT_BEGINS_MS = 400
N_EPOCHS_SHOWN = "() => document.querySelector('.timeline')?.timeline?.epochs.epochs.length ?? 0"
AT_EPOCH = "() => document.querySelector('.timeline').timeline.drawn?.epoch ?? -1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of runs of one's own, with a shipped one in it."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(SHIPPED_FOLDER / "digits-vae-2d", folder / "digits-vae-2d")
    return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, folder):
    with serving(tmp_path_factory.mktemp("server"), folder) as app:
        yield app


@pytest.fixture(autouse=True)
def nothing_is_left_in_training(folder):
    """Ends what a test has started: it would go on without the app, and keep others waiting."""
    yield
    end_training(folder)


def wait_until(is_true, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def fill(page, label, text):
    """Type into a field, whose label may be followed by its default, and wait until the page has taken it."""
    field = page.page.get_by_label(re.compile(f"^{label}"))
    field.fill(str(text))
    field.press("Enter")
    page.page.wait_for_timeout(SCRIPT_BEGINS_MS)
    page.settle()


def form(visit, app, name, epochs=MANY, **options):
    """The form, filled for a small model of the bundled digits."""
    page = visit("train", on=app, **options)
    page.page.get_by_text("Conditional digits", exact=True).click()
    page.page.get_by_placeholder(re.compile("^digits-cvae-2d")).wait_for()
    page.settle()
    fill(page, "Name of the run", name)
    fill(page, "Epochs", epochs)
    return page


def start(page, name):
    page.page.get_by_role("button", name="Start training").click()
    assert page.wait_for_query("training_run") == name
    return page


def test_a_run_is_started_from_the_form_and_seen_to_learn_paused_and_resumed(visit, workshop, folder):
    page = start(form(visit, workshop, "first"), "first")
    page.page.get_by_text(re.compile(r"Epoch \d+ of 5,?000")).wait_for()
    page.page.wait_for_function(f"({N_EPOCHS_SHOWN})() >= 3")
    page.page.locator(".stPlotlyChart").first.wait_for()
    n_before = page.page.evaluate(N_EPOCHS_SHOWN)
    page.page.wait_for_function(f"({N_EPOCHS_SHOWN})() > {n_before}")

    page.page.locator(".timeline__slider").fill("1")
    page.page.wait_for_function(f"({AT_EPOCH})() === 1")
    n_frames = page.page.evaluate(N_EPOCHS_SHOWN)
    page.page.wait_for_function(f"({N_EPOCHS_SHOWN})() > {n_frames}")
    assert page.page.evaluate(AT_EPOCH) == 1  # who has scrubbed away is left there

    page.page.get_by_role("button", name="Pause").click()
    page.page.get_by_role("button", name="Resume").wait_for()
    n_done = len(Run(folder / "first").history())
    assert n_done >= 3
    assert Run(folder / "first").progress().phase is Phase.STOPPED
    page.page.get_by_role("button", name="Resume").click()
    page.page.get_by_role("button", name="Pause").wait_for()
    wait_until(lambda: len(Run(folder / "first").history()) > n_done)


def test_a_restarted_app_picks_up_what_is_being_trained(visit, tmp_path, folder):
    with serving(tmp_path, folder) as app:
        page = start(form(visit, app, "lasting"), "lasting")
        page.page.get_by_text(re.compile(r"Epoch \d+ of")).wait_for()
        page.page.close()
    run = Run(folder / "lasting")
    n_done = len(run.history())
    wait_until(lambda: len(run.history()) > n_done)
    with serving(tmp_path, folder) as app:
        page = visit("train", on=app, training_run="lasting")
        page.page.get_by_text(re.compile(r"Epoch \d+ of")).wait_for()
        page.page.get_by_role("button", name="Pause").click()
        page.page.get_by_role("button", name="Resume").wait_for()
    assert training_status(run).state is TrainingState.STOPPED


def test_two_who_press_start_at_once_start_it_once(visit, workshop, folder):
    pages = [form(visit, workshop, "twin") for _ in range(2)]
    for page in pages:
        page.page.get_by_role("button", name="Start training").click(no_wait_after=True)
    wait_until((folder / "twin" / "job.json").exists)
    wait_until(lambda: any(page.query.get("training_run") == "twin" for page in pages))
    for page in pages:
        page.settle()
    said = [page.page.get_by_text(re.compile("twin")).first.inner_text() for page in pages]
    assert len(said) == 2
    assert [path.name for path in folder.iterdir() if path.name.startswith("twin")] == ["twin"]
    wait_until(lambda: training_status(Run(folder / "twin")).state is TrainingState.RUNNING)


def test_the_page_fits_a_narrow_dark_screen(visit, workshop):
    settings = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True, "has_touch": True}
    for query in ({}, {"training_run": "digits-vae-2d"}):
        page = visit("train", on=workshop, settings=settings, **query)
        page.settle()
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.n_tracebacks() == 0


def test_what_is_being_typed_survives_the_arrival_of_the_estimate(visit, workshop):
    page = visit("train", on=workshop)
    page.page.get_by_text("Conditional digits", exact=True).click()
    page.page.get_by_placeholder(re.compile("^digits-cvae-2d")).wait_for()
    page.settle()
    page.page.get_by_label(re.compile("^Name of the run")).type("half-a-na")
    page.page.get_by_text("in all on this machine").wait_for()
    page.settle()
    assert page.page.get_by_label(re.compile("^Name of the run")).input_value() == "half-a-na"
