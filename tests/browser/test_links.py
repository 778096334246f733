import re

import numpy as np
import pytest

from tests.browser.app_driver import AppPage
from tests.browser.test_lasso import headline, select

pytestmark = pytest.mark.browser

CHOICES = [
    ({"run": "mnist-vae-2d", "space": "pca"}, "point"),
    ({"run": "digits-cvae-2d", "decode_as": "5"}, "empty"),
    ({"run": "mnist-cvae-16d", "space": "pca", "decode_as": "5"}, "point"),
    ({"run": "mnist-cvae-16d", "dims": "3,7", "reference": "42"}, "empty"),
]


@pytest.mark.parametrize(("choice", "place"), CHOICES, ids=["2-D PCA", "class", "16-D PCA", "dimensions"])
def test_a_link_restores_the_view(visit, app, choice, place):
    page = visit(**choice).drawn()
    map_query = {"space": choice.get("space", "plane")}
    if "dims" in choice:
        map_query |= dict(zip("ij", choice["dims"].split(","), strict=True))
    points = app.points(choice["run"], **map_query)
    page.page.mouse.click(*(page.empty_place(points) if place == "empty" else page.lone_row(points)[1]))
    page.wait_for_query("pins")
    page.settle().leave_map()
    painted = page.painted_at(*page.pin, tolerance=1e-6)

    again = visit(**page.query).drawn()
    assert again.query == page.query
    np.testing.assert_allclose(again.pin, page.pin, rtol=1e-4)
    assert again.page.get_by_test_id("stPopoverButton").first.inner_text().splitlines().count(choice["run"]) == 1
    assert axis_titles(again) == axis_titles(page)
    difference = np.abs(again.painted().image.astype(int) - painted.image)
    assert difference.max() <= 3


def axis_titles(page):
    return [page.page.locator(f".latent-map .{axis}title").text_content() for axis in "xy"]


def test_the_view_follows_to_the_other_page_and_back(visit):
    view = {"run": "digits-cvae-2d", "space": "pca", "pins": "A=0.5,0.25"}
    page = visit(**view).drawn()
    page.page.get_by_role("link", name="Generate").click()
    page.page.wait_for_url("**/generate?*")
    assert page.wait_for_query("run") == "digits-cvae-2d"
    page.page.get_by_alt_text("Samples of class 0").wait_for()
    assert "digits-cvae-2d" in page.page.get_by_test_id("stPopoverButton").first.inner_text()
    page.page.get_by_role("link", name="Latent map").click()
    assert page.wait_for_query("run") == "digits-cvae-2d"
    page.painted_at(0.5, 0.25, tolerance=1e-3)
    assert page.query == view


def test_choosing_a_run_in_the_gallery_shows_its_map_and_its_address(visit):
    page = visit().drawn()
    page.page.get_by_test_id("stPopoverButton").first.click()
    page.page.get_by_role("button", name="digits-vae-2d", exact=True).click()
    assert page.wait_for_query("run") == "digits-vae-2d"
    page.page.wait_for_function("window.nDrawn !== 10000")
    assert page.settle().page.locator(".latent-map").get_attribute("aria-label").count("digits") == 1
    assert page.painted().image.shape == (8, 8)
    # The gallery closes by itself: it would cover the map.
    page.page.get_by_test_id("stPopoverBody").wait_for(state="detached")


def test_beside_a_bad_link_the_gallery_still_leads_to_a_map(visit):
    page = visit(run="nope")
    page.page.get_by_test_id("stPopoverButton").first.click()
    page.page.get_by_role("button", name="digits-vae-2d", exact=True).click()
    assert page.wait_for_query("run") == "digits-vae-2d"
    page.settle()
    page.page.get_by_test_id("stAlert").wait_for(state="detached")


def test_the_first_step_back_shows_the_default_model_and_the_next_leaves(visit):
    page = visit().drawn()
    before, n_default = page.page.url, page.page.evaluate("window.nDrawn")
    page.page.get_by_test_id("stPopoverButton").first.click()
    page.page.get_by_role("button", name="digits-vae-2d", exact=True).click()
    assert page.wait_for_query("run") == "digits-vae-2d"
    page.page.wait_for_function("(n) => window.nDrawn !== n", arg=n_default)
    page.settle()

    page.page.go_back()
    page.page.wait_for_function("(n) => window.nDrawn === n", arg=n_default)
    page.settle()
    assert page.page.url == before
    page.page.go_forward()
    page.page.wait_for_function("(n) => window.nDrawn !== n", arg=n_default)
    assert page.settle().query["run"] == "digits-vae-2d"
    page.page.go_back()
    page.page.wait_for_function("(n) => window.nDrawn === n", arg=n_default)
    assert page.settle().page.url == before


RANGES = """() => {
  const { xaxis, yaxis } = document.querySelector(".latent-map__plot")._fullLayout;
  return [xaxis.range, yaxis.range];
}"""


def ranges(page):
    return np.array(page.page.evaluate(RANGES))


def zoom_in(page, times=3):
    """Turn the wheel over a place beside the middle of the map, and return the ranges once they stand in the link."""
    left, top, width, height = page.frame
    before = page.query.get("zoom")
    page.page.mouse.move(left + 0.4 * width, top + 0.6 * height)
    for _ in range(times):
        page.page.mouse.wheel(0, -200)
    page.page.wait_for_function(
        "(before) => (new URLSearchParams(location.search).get('zoom') ?? '') !== (before ?? '')", arg=before
    )
    page.page.wait_for_timeout(500)
    return ranges(page)


def test_a_link_holds_the_part_of_the_map_in_view_and_no_run_of_the_script_writes_it(visit):
    page = visit(run="digits-vae-2d").drawn()
    whole, n_frames = ranges(page), page.n_frames
    near = zoom_in(page)
    assert page.n_frames == n_frames
    assert np.ptp(near[0]) < 0.8 * np.ptp(whole[0])
    assert set(page.query) == {"run", "zoom"}

    again = visit(**page.query).drawn()
    again.page.wait_for_function(f"(low) => Math.abs(({RANGES})()[0][0] - low) < 0.01", arg=near[0][0])
    np.testing.assert_allclose(ranges(again), near, atol=0.005 * np.ptp(near[0]))
    # What is done to pins leaves the view where it is, in the link too.
    again.page.mouse.click(again.frame[0] + 0.4 * again.frame[2], again.frame[1] + 0.6 * again.frame[3])
    again.wait_for_query("pins")
    again.settle()
    assert again.query["zoom"] == page.query["zoom"]
    np.testing.assert_allclose(ranges(again), near, atol=0.005 * np.ptp(near[0]))
    # The whole map again, and the link has no zoom.
    again.page.locator('.latent-map .modebar-btn[data-title="Reset axes"]').click()
    again.page.wait_for_function("!new URLSearchParams(location.search).has('zoom')")
    np.testing.assert_allclose(ranges(again), whole, rtol=1e-6)


def test_a_step_back_shows_the_part_of_the_map_that_was_in_view(visit):
    page = visit(run="digits-vae-2d").drawn()
    near = zoom_in(page)
    page.page.keyboard.press("Enter")
    page.page.mouse.click(page.frame[0] + 0.4 * page.frame[2], page.frame[1] + 0.6 * page.frame[3])
    page.wait_for_query("pins")
    page.settle()
    nearer = zoom_in(page)
    assert np.ptp(nearer[0]) < 0.9 * np.ptp(near[0])
    page.page.go_back()
    page.page.wait_for_function(f"(low) => Math.abs(({RANGES})()[0][0] - low) < 0.01", arg=near[0][0])
    assert "pins" not in page.query


def test_another_projection_is_shown_whole_and_another_window_shows_the_same_part(visit):
    page = visit(run="digits-vae-2d", space="pca").drawn()
    whole = ranges(page)
    page.open(run="digits-vae-2d").drawn()
    near, window = zoom_in(page), page.page.viewport_size
    page.page.set_viewport_size({"width": 1100, "height": 800})
    page.page.wait_for_function(
        f"([low, high]) => ({RANGES})()[0].every((at, k) => Math.abs(at - [low, high][k]) < 0.3)", arg=near[0].tolist()
    )
    page.page.wait_for_timeout(500)
    assert "zoom" in page.query
    page.page.set_viewport_size(window)
    page.page.get_by_text("PCA", exact=True).click()
    page.wait_for_query("space", "pca")
    page.page.wait_for_function(f"(low) => Math.abs(({RANGES})()[0][0] - low) < 0.003", arg=whole[0][0])
    np.testing.assert_allclose(ranges(page), whole, rtol=1e-3)
    page.page.wait_for_function("!new URLSearchParams(location.search).has('zoom')")


def test_a_link_holds_the_selection_and_the_tab_beside_the_map(visit):
    page = visit(run="digits-vae-2d", pin="row:3").drawn()
    page.page.get_by_role("tab", name="Neighbours").click()
    page.wait_for_query("inspect", "neighbours")
    select(page)
    said = headline(page).inner_text()
    assert set(page.query) == {"run", "pins", "inspect", "outline", "outline_on"}
    assert page.query["outline_on"] == "digits-vae-2d/plane/z0/z1"
    assert len(page.query["outline"]) < 600

    again = visit(**page.query).drawn()
    assert headline(again).inner_text() == said
    assert again.page.get_by_role("tab", name="Neighbours").get_attribute("aria-selected") == "true"
    again.page.get_by_text("Nearest encoded images").wait_for()
    again.page.get_by_role("button", name="Clear selection").click()
    again.page.wait_for_function("!new URLSearchParams(location.search).has('outline')")
    headline(again).wait_for(state="detached")
    again.page.go_back()
    headline(again).wait_for()


CONTROL_CODE = re.compile(r"/static/js/(ButtonGroup|Checkbox|Multiselect|Selectbox|Slider)\b")


def test_controls_show_what_is_chosen_however_late_their_code_comes(chromium, app):
    # Streamlit sends the value of a control in one run alone, and the browser may draw it first as of a later one.
    context = chromium.new_context()
    try:
        held, answers = [], []

        def hold(route):  # playwright takes no method of a list
            held.append(route)

        def watch(socket):
            socket.on("framereceived", note)

        def note(frame):
            answers.append(frame)

        context.route(CONTROL_CODE, hold)
        page = AppPage(context.new_page(), app)
        page.page.on("websocket", watch)
        page.open("compare", question="spaces", maps="plane")
        assert held
        answers.clear()
        page.page.keyboard.press("r")  # runs the page again
        while not answers:
            page.page.wait_for_timeout(50)
        page.settle()
        for route in held:
            route.continue_()
        context.unroute(CONTROL_CODE)
        page.page.get_by_role("radio", name="How do the spaces differ?", checked=True).wait_for()
        page.page.get_by_role("radio", name="Latent plane", checked=True).wait_for()
        assert page.page.get_by_role("switch", name="Align").is_checked()
        models = page.page.get_by_test_id("stMultiSelect")
        assert models.get_by_text("mnist-vae-2d").count() == models.get_by_text("mnist-ae-2d").count() == 1
    finally:
        context.close()
