from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from explorer.runs.choices import GROUPS
from tests.browser.app_driver import WAIT_SECONDS
from tests.browser.conftest import serving

pytestmark = pytest.mark.browser

WIDER_THAN_THE_SCREEN = """() => [...document.querySelectorAll("[data-testid=stMain] *")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """A page that is the form alone, beside an empty folder of runs."""
    checkpoints, data = tmp_path_factory.mktemp("checkpoints"), tmp_path_factory.mktemp("no-data")
    with serving(tmp_path_factory.mktemp("server"), checkpoints, data, script="tests/pages/form_script.py") as app:
        yield app.url


@pytest.fixture
def form(address, chromium, request) -> Iterator[Page]:
    width = getattr(request, "param", 1280)
    context = chromium.new_context(viewport={"width": width, "height": 900})
    context.set_default_timeout(WAIT_SECONDS * 1000)
    expect.set_options(timeout=WAIT_SECONDS * 1000)
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_text("Start from")).to_be_visible()
    yield page
    context.close()


def fold(form: Page, group: str):
    return form.locator("details", has=form.locator("summary", has_text=group))


def test_an_estimate_arrives_and_follows_a_choice(form):
    expect(form.get_by_text("an epoch and")).to_be_visible()
    before = form.get_by_text("in all on this machine").inner_text()
    epochs = form.get_by_role("spinbutton", name="Epochs")
    epochs.fill("90000")
    epochs.press("Enter")
    expect(form.get_by_text("in all on this machine")).not_to_have_text(before)


def test_an_error_is_under_its_field_and_goes_when_it_is_mended(form):
    widths = form.get_by_role("textbox", name="Widths of layers")
    widths.fill("64; 32")
    widths.press("Enter")
    error = form.get_by_text("'64; 32' is not a list of widths such as 512,256")
    expect(error).to_be_visible()
    field, message = widths.bounding_box(), error.bounding_box()
    assert field["y"] < message["y"] < field["y"] + 100
    assert field["x"] - 20 < message["x"] < field["x"] + field["width"]
    widths.fill("64, 32")
    widths.press("Enter")
    expect(error).not_to_be_visible()


def test_a_number_out_of_range_is_refused_at_its_field_and_makes_no_run(form):
    estimate, error = form.get_by_text("in all on this machine"), form.get_by_text("It must be at least 1.")
    for name, typed, right in (("Latent size", "0", "2"), ("Epochs", "-3", "30")):
        expect(estimate).to_be_visible()
        number = form.get_by_role("spinbutton", name=name)
        number.fill(typed)
        number.press("Enter")
        expect(error).to_be_visible()
        expect(estimate).not_to_be_visible()
        expect(number).to_have_value(typed)
        number.fill(right)
        number.press("Enter")
        expect(error).not_to_be_visible()
    expect(estimate).to_be_visible()


def test_a_fold_stays_open_while_its_fields_are_changed(form):
    training = fold(form, "Training")
    training.locator("summary").click()
    rate = form.get_by_role("spinbutton", name="Learning rate")
    rate.fill("0.002")
    rate.press("Enter")
    expect(form.get_by_text("2 changed")).to_be_visible()
    expect(rate).to_be_visible()
    expect(rate).to_have_value("0.002")


def test_emptying_a_field_puts_it_back_to_its_default(form):
    epochs = form.get_by_role("spinbutton", name="Epochs")
    expect(epochs).to_have_value("300")
    epochs.fill("")
    epochs.press("Enter")
    expect(epochs).to_have_value("20")


@pytest.mark.parametrize("form", [390, 1440], indirect=True)
def test_nothing_is_wider_than_the_screen(form):
    for group in GROUPS:
        fold(form, group).locator("summary").click()
    expect(form.get_by_text("Samples per image", exact=True)).to_be_visible()
    assert form.evaluate(WIDER_THAN_THE_SCREEN) == []
