"""The page Interpolate in a browser: strips and the film, the paths on the map, figures, and a film that is taken."""

import numpy as np
import pytest
from PIL import Image

from tests.browser.test_access import PHONE
from tests.support import mp4_frames

pytestmark = pytest.mark.browser

RUN = "digits-vae-2d"
PINS = "A=z:1.5,1.0;B=z:-1.5,0.5;C=z:0.5,-1.5;D=z:-0.5,1.5"
A, B, C = np.array([[1.5, 1.0], [-1.5, 0.5], [0.5, -1.5]])
N = 6

STRIP = """(kind) => [...document.querySelectorAll(`.filmstrip__strip[data-kind="${kind}"] canvas`)].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k]);
})"""
SCREEN = """() => {
  const canvas = document.querySelector(".filmstrip__screen");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k]);
}"""


@pytest.fixture
def interpolate(visit):
    """Opens the page with four pins and waits for its strips."""

    def open_page(settings=None, **query):
        page = visit("interpolate", settings=settings, **{"run": RUN, "pins": PINS, "frames": str(N), **query})
        page.page.locator(".filmstrip__strip").first.wait_for()
        return page

    return open_page


def strip(page, kind="linear"):
    """The frames of a strip, shape ``(T, pixels)``, once they are decoded."""
    page.page.locator(f'.filmstrip__strip[data-kind="{kind}"]').wait_for()
    # Looked at and read in one go: a strip is drawn again when the page is.
    ready = f"(kind) => [({STRIP})(kind)].find((strip) => strip.length && strip.every((grey) => grey.some(Boolean)))"
    return np.array(page.page.wait_for_function(ready, arg=kind).json_value(), float)


def decoded(app, code):
    return app.decode(RUN, code).astype(float).ravel()


def assert_alike(image, other):
    assert np.abs(image - other).max() <= 2


def test_where_a_first_visit_starts_is_no_step_to_go_back_over_until_something_is_changed(visit):
    page = visit("", run=RUN).drawn()
    page.page.get_by_role("link", name="Interpolate").click()
    page.page.locator(".filmstrip__strip").first.wait_for()
    page.settle()
    assert "pins" not in page.query
    page.page.go_back()
    page.drawn()
    page.page.go_forward()
    page.page.locator(".filmstrip__strip").first.wait_for()
    page.page.get_by_role("slider", name="Frames").press("ArrowRight")
    assert page.wait_for_query("pins", "^A=row:.*;B=row:")
    assert page.query["frames"] == "13"
    assert page.n_tracebacks() == 0


def test_a_strip_shows_equal_steps_and_one_beyond_each_end(interpolate, app):
    frames = strip(interpolate())
    shares = np.arange(-1, N + 1) / (N - 1)
    assert len(frames) == len(shares)
    for frame, share in zip(frames, shares, strict=True):
        assert_alike(frame, decoded(app, (1 - share) * A + share * B))


def test_the_film_is_scrubbed_and_the_map_marks_its_place_without_a_rerun(interpolate, app):
    page = interpolate().drawn()
    strip(page, "geodesic")
    page.settle()
    n_before = page.n_frames
    slider = page.page.locator(".filmstrip__slider")
    last = int(slider.get_attribute("max"))
    beyond = 1 / (N - 1)
    for index in (last // 3, last // 2):
        share = -beyond + (1 + 2 * beyond) * index / last
        slider.evaluate(
            "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
            index,
        )
        z = (1 - share) * A + share * B
        page.page.wait_for_function(
            "() => document.querySelector('.filmstrip__where').textContent.startsWith('Linear')"
        )
        assert f"{share:.2f}" in page.page.locator(".filmstrip__where").inner_text()
        page.page.wait_for_function("(grey) => grey !== null", arg=0)
        assert_alike(np.array(page.page.evaluate(SCREEN), float), decoded(app, z))
        mark = page.page.locator(".latent-map__mark--found", has_text="film").bounding_box()
        x, y = page.screen_of([z])[0]
        assert abs(mark["x"] + mark["width"] / 2 - x) < 20
        assert abs(mark["y"] + mark["height"] / 2 - y) < 30
    assert page.n_frames == n_before


def test_playing_moves_on_and_back_and_space_stops_it(interpolate):
    page = interpolate()
    strip(page)
    slider = page.page.locator(".filmstrip__slider")
    start = int(slider.input_value())
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_function(
        "(start) => Number(document.querySelector('.filmstrip__slider').value) > start + 5", arg=start
    )
    last = slider.get_attribute("max")
    page.page.wait_for_function("(last) => document.querySelector('.filmstrip__slider').value === last", arg=last)
    page.page.wait_for_function(
        "(last) => Number(document.querySelector('.filmstrip__slider').value) < last - 4", arg=int(last)
    )
    slider.press(" ")
    page.page.get_by_role("button", name="Play").wait_for()


def test_a_frame_is_shown_large_when_pointed_at_kept_as_a_pin_and_another_strip_is_played(interpolate):
    page = interpolate()
    frames = strip(page, "data")
    page.page.locator('.filmstrip__strip[data-kind="data"] .filmstrip__frame').nth(3).hover()
    assert page.page.locator(".filmstrip__where").inner_text().startswith("Through the data")
    assert_alike(np.array(page.page.evaluate(SCREEN), float), frames[3])
    page.page.locator('.filmstrip__strip[data-kind="linear"] .filmstrip__frame').nth(1).click()
    page.page.get_by_role("button", name="Keep as pin").click()
    kept = page.wait_for_query("pins", "E linear=z:").split("E linear=z:")[1]
    np.testing.assert_allclose([float(number) for number in kept.split(",")], A, atol=1e-4)
    page.settle()
    page.page.locator('.filmstrip__strip[data-kind="spherical"] .filmstrip__name').click()
    assert page.wait_for_query("path") == "spherical"
    page.page.locator(".filmstrip__strip--shown[data-kind=spherical]").wait_for()
    paths = page.page.evaluate("document.querySelector('.latent-map').map.data.overlays.paths")
    assert [path["is_shown"] for path in paths].count(True) == 1


def test_dragging_an_end_on_the_map_bends_the_way(interpolate):
    page = interpolate(pins="A=z:1.5,1.0;B=z:-1.5,0.5").drawn()
    before = strip(page)
    x, y = page.screen_of([B])[0].round()
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 60, y - 40, steps=5)
    page.page.mouse.up()
    page.wait_for_query("pins", r"B=(?!z:-1\.5,0\.5)")
    page.page.wait_for_function(
        f"(before) => (({STRIP})('linear').at(-2) ?? []).some((grey, k) => Math.abs(grey - before[k]) > 20)",
        arg=before[-2].tolist(),
    )
    assert_alike(strip(page)[1], before[1])


def test_an_end_that_is_removed_is_replaced_by_another_image_and_that_is_said(interpolate):
    page = interpolate(pins="A=row:0;B=row:9")
    page.page.locator(".pin-tray__remove").first.dispatch_event("click")
    pins = page.wait_for_query("pins", "^B=row:9;A=row:")
    assert not pins.endswith("A=row:0")
    page.page.get_by_text("A walk goes between two places: A was pinned for it.").wait_for()


def test_figures_and_files_name_the_ends_and_a_film_is_taken_away(interpolate, app):
    page = interpolate(endpoints="C;D")
    page.page.get_by_text("from C (0) to D (1)").first.wait_for()
    page.page.get_by_role("button", name="Take it away").click()
    page.page.get_by_text("The linear path from C to D: the one that is played.").wait_for()
    heads = page.page.get_by_test_id("stTable").locator("thead th").all_text_contents()
    assert [head for head in heads if head][:3] == ["path", "far from the data", "least neighbours"]
    # A bar of buttons would lie over what a figure says.
    page.page.get_by_test_id("stPlotlyChart").first.wait_for()
    assert page.page.get_by_test_id("stPlotlyChart").locator(".modebar-btn").count() == 0
    assert page.page.get_by_text("PaCMAP").count() == 1
    with page.page.expect_download() as waiting:
        page.page.get_by_role("button", name="Download MP4 film").click()
    assert waiting.value.suggested_filename == f"{RUN}-linear.mp4"
    frames, _ = mp4_frames(waiting.value.path().read_bytes())
    assert len(frames) == 2 * 24 - 2
    first = np.asarray(Image.fromarray(frames[0, ..., 0]).resize((8, 8), Image.Resampling.BOX), float)
    assert np.abs(first.ravel() - decoded(app, C)).mean() < 12


def test_the_same_place_twice_is_told_in_words(interpolate):
    page = interpolate(pins="A=row:3;B=row:3")
    page.page.locator(".filmstrip__note", has_text="Both ends are the same code").first.wait_for()
    assert page.n_tracebacks() == 0


def test_on_a_phone_strips_scroll_after_the_film_and_a_tap_shows_a_frame(interpolate):
    page = interpolate(settings=PHONE, frames="24")
    images = strip(page)
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    frames = page.page.locator('.filmstrip__strip[data-kind="linear"] .filmstrip__frames')
    assert frames.evaluate("(strip) => strip.scrollLeft") == 0
    page.page.locator('.filmstrip__strip[data-kind="linear"] .filmstrip__frame').nth(2).tap()
    assert_alike(np.array(page.page.evaluate(SCREEN), float), images[2])
    page.page.locator(".filmstrip__slider").focus()
    page.page.keyboard.press("End")
    page.page.wait_for_function(
        "(strip) => Math.abs(strip.scrollLeft + strip.clientWidth - strip.scrollWidth) < 2", arg=frames.element_handle()
    )
