import numpy as np
import pytest

from explorer.figures.palette import class_colour
from tests.browser.app_driver import emptiest, loneliest

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"
PIN = "document.querySelector('.latent-map').map.data.home"
MARK = ".latent-map__marks > span"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def link_text(place):
    """A place as links write it."""
    return ",".join(f"{number:.5g}" for number in place)


def ink_luminance(page):
    """Luminance, 0 to 1, of the text of the horizontal axis."""
    colour = page.page.locator(".latent-map .xtitle").evaluate("(text) => getComputedStyle(text).fill")
    return luminance(colour)


def mark_luminance(page):
    """Luminance of the ring that marks where the lens comes back to."""
    return luminance(page.page.locator(MARK).evaluate("(mark) => getComputedStyle(mark).borderTopColor"))


def luminance(colour):
    red, green, blue = (float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def test_arrow_keys_move_the_decoded_place_enter_keeps_it_escape_returns(visit, app):
    # A place with nothing near it, so that Enter does not snap to a point.
    page = visit(pin=link_text(emptiest(app.points(RUN)))).drawn()
    x, y = page.pin
    page.page.locator(".latent-map").focus()
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_function("(x) => window.painted.x > x + 1e-4", arg=x)
    step = page.painted().x - x
    page.page.keyboard.press("ArrowDown")
    moved = page.painted_at(x + step, y - step, tolerance=1e-4)
    assert np.abs(moved.image.astype(int) - app.decode(RUN, [x + step, y - step], space="plane")).max() <= 1
    page.page.keyboard.press("Escape")
    page.painted_at(x, y, tolerance=1e-4)
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("ArrowUp")
    page.painted_at(x - step, y + step, tolerance=1e-4)
    page.page.keyboard.press("Enter")
    page.page.wait_for_function(f"([x, y]) => Math.hypot({PIN}.x - x, {PIN}.y - y) < 1e-3", arg=[x - step, y + step])
    assert page.settle().query["pins"].endswith(f";B=z:{link_text(page.pin)}")
    assert page.page.evaluate("document.activeElement.matches('.latent-map')")
    # A second Escape stays: the place that was kept is the one to return to.
    page.page.keyboard.press("Escape")
    page.painted_at(*page.pin, tolerance=1e-4)


def test_enter_beside_a_point_pins_its_row(visit, app):
    points = app.points(RUN)
    row = loneliest(points)
    page = visit(pin=link_text(points[row])).drawn()
    page.page.locator(".latent-map").focus()
    page.page.keyboard.press("Enter")
    assert page.wait_for_query("pins", "B=row:").endswith(f";B=row:{row}")


def test_on_a_phone_the_page_is_no_wider_than_the_screen_and_a_tap_pins(visit, app):
    page = visit(settings=PHONE).drawn()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    page.page.locator(".latent-map").scroll_into_view_if_needed()
    box = page.page.locator(".latent-map").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    _, _, width, height = page.frame
    assert min(width, height) > 200
    left, top = page.empty_place(app.points(RUN))
    tapped = page.place_at(left, top)
    page.page.touchscreen.tap(left, top)
    page.wait_for_query("pins")
    page.settle()
    assert page.pin == pytest.approx(tapped, abs=0.02)
    page.page.get_by_text("Pinned place").wait_for()


@pytest.mark.parametrize("part", ["style", "blend", "traverse", "manifold"])
def test_on_a_phone_no_part_of_generate_is_wider_than_the_screen(visit, part):
    page = visit("generate", settings=PHONE, run="digits-cvae-2d", generate=part, steps="15")
    page.page.get_by_test_id("stImage").first.wait_for()
    page.settle()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = [image.bounding_box() for image in page.page.get_by_test_id("stImage").locator("img").all()]
    assert [box for box in boxes if box["x"] + box["width"] > 390] == []


def test_on_a_phone_generate_is_no_wider_than_the_screen(visit):
    page = visit("generate", settings=PHONE, run="digits-cvae-2d")
    page.page.get_by_alt_text("Samples of class 0").wait_for()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.page.get_by_alt_text("Samples of class 0").bounding_box()
    assert box["x"] + box["width"] <= 390


def test_the_map_and_every_image_have_a_text_in_their_place(visit):
    page = visit(pin="1,1").drawn()
    label = page.page.locator(".latent-map").get_attribute("aria-label")
    assert [word for word in ("10,000", "mnist", "z0", "z1") if word not in label] == []
    page.page.get_by_test_id("stImage").first.wait_for()
    page.page.get_by_test_id("stPopoverButton").first.click()
    page.page.get_by_alt_text("Ten images that mnist-vae-2d makes").wait_for()
    images = page.page.locator("img").all()
    assert len(images) > 3
    assert [image.get_attribute("src") for image in images if not (image.get_attribute("alt") or "").strip()] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axes_are_readable_in_both_themes_and_classes_keep_their_colours(visit, scheme):
    page = visit(settings={"color_scheme": scheme}).drawn()
    background = luminance(page.page.locator(".stApp").evaluate("(app) => getComputedStyle(app).backgroundColor"))
    assert (background > 0.5) == (scheme == "light")
    assert abs(ink_luminance(page) - background) > 0.6
    assert [trace["colour"] for trace in page.traces()] == [class_colour(label) for label in range(10)] * 2
    assert abs(mark_luminance(page) - background) > 0.6


def test_axes_follow_when_the_theme_changes(visit):
    page = visit(settings={"color_scheme": "light"}).drawn()
    assert ink_luminance(page) < 0.3
    page.page.emulate_media(color_scheme="dark")
    page.page.wait_for_function(
        """() => {
          const fill = getComputedStyle(document.querySelector(".latent-map .xtitle")).fill;
          return fill.match(/[\\d.]+/g).slice(0, 3).every((part) => part > 180);
        }"""
    )
    assert mark_luminance(page) > 0.6
