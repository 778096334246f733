import numpy as np
import pytest

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
