import numpy as np
import pytest

pytestmark = pytest.mark.browser

CHOICES = [
    ({"run": "mnist-vae-2d", "space": "pca"}, "point"),
    ({"run": "digits-cvae-2d", "decode_as": "5"}, "empty"),
    ({"run": "mnist-cvae-16d", "space": "pca", "decode_as": "5"}, "point"),
    ({"run": "mnist-cvae-16d", "dims": "3,7", "reference": "42"}, "empty"),
]

BAD_LINKS = {
    "?run=nope": "nope",
    "?run=../etc": "../etc",
    "?space=nope": "nope",
    "?dims=0,99": "99",
    "?dims=1,1": "1 and 1",
    "?run=mnist-cvae-16d&dims=0,99": "99",
    "?run=mnist-cvae-16d&dims=-1,0": "-1",
    "?pin=abc": "abc",
    "?pin=nan,0": "nan,0",
    "?pin=row:99999999": "99999999",
    "?pin=0,0&reference=99999999": "99999999",
    "?run=digits-cvae-2d&decode_as=99": "99",
    "generate?run=digits-cvae-2d&label=99": "99",
    "generate?seed=x": "seed",
    "generate?seed=-1": "-1",
    "generate?temperature=9": "temperature",
}


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


@pytest.mark.parametrize(("link", "named"), BAD_LINKS.items(), ids=BAD_LINKS)
def test_a_bad_link_is_answered_in_words_and_a_good_one_then_works(visit, link, named):
    page = visit(link)
    page.wait_for_message()
    assert page.n_tracebacks() == 0
    assert any(named in alert for alert in page.alerts())
    page.open(run="digits-vae-2d").drawn()
    assert page.alerts() == []


def test_beside_a_bad_link_the_gallery_still_leads_to_a_map(visit):
    page = visit(run="nope")
    page.page.get_by_test_id("stPopoverButton").first.click()
    page.page.get_by_role("button", name="digits-vae-2d", exact=True).click()
    assert page.wait_for_query("run") == "digits-vae-2d"
    page.settle()
    page.page.get_by_test_id("stAlert").wait_for(state="detached")


@pytest.mark.parametrize(("name", "file"), [("cut-weights", "weights.safetensors"), ("a-broken-config", "config.json")])
def test_a_damaged_run_is_listed_with_what_is_wrong_and_harms_no_other(visit, name, file):
    page = visit().drawn()
    page.page.get_by_test_id("stPopoverButton").first.click()
    gallery = page.page.get_by_test_id("stPopoverBody")
    gallery.get_by_role("button", name="mnist-vae-2d", exact=True).wait_for()
    assert gallery.get_by_text(name, exact=True).count() == 1
    assert gallery.get_by_role("button", name=name, exact=True).count() == 0
    assert gallery.get_by_text(f"{name}/{file}").count() == 1


@pytest.mark.parametrize("name", ["cut-weights", "a-broken-config"])
@pytest.mark.parametrize("path", ["", "generate"])
def test_a_damaged_run_says_so_when_it_is_opened(visit, name, path):
    page = visit(path, run=name)
    page.wait_for_message()
    assert page.n_tracebacks() == 0
    assert any(name in alert for alert in page.alerts())
