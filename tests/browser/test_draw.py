import json
import urllib.request

import numpy as np
import pytest

from explorer.runs.listing import open_run

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"
THREE = ((0.3, 0.2), (0.5, 0.15), (0.65, 0.25), (0.45, 0.46), (0.66, 0.6), (0.5, 0.82), (0.3, 0.76))

LISTEN = """() => {
  window.shown = null;
  if (window.isListening) return;
  window.isListening = true;
  document.addEventListener("drawing:shown", (event) => (window.shown = event.detail), true);
}"""

PIXELS = """(selector) => {
  const canvas = document.querySelector(selector);
  const { width, height } = canvas;
  const rgba = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  return { width, height, grey: Array.from({ length: width * height }, (_, pixel) => rgba[4 * pixel]) };
}"""

DIAMOND = """() => {
  const { marks } = document.querySelector(".latent-map").map;
  const isFound = (_, index) => marks.layer.children[index].classList.contains("latent-map__mark--found");
  return marks.places.filter(isFound).map(({ x, y }) => [x, y]);
}"""


@pytest.fixture
def canvas(look, visit):
    """Opens the page of a run with its canvas unfolded and empty, and says where the canvas lies."""

    def canvas(run=RUN, *, is_new=False):
        page = (visit if is_new else look)(run=run).drawn()
        page.page.evaluate(LISTEN)
        # The inspector ends the script: a click before it may meet an expander that is about to be replaced.
        page.page.get_by_text("Decoded and encoded again").wait_for()
        field = page.settle().page.locator(".drawing__canvas")
        if not field.is_visible():
            page.page.get_by_text("Draw", exact=True).click()
        box = page.still_box(field)
        clear = page.page.locator(".drawing").get_by_role("button", name="Clear")
        if clear.is_enabled():
            clear.click()
        return page, box

    return canvas


def stroke(page, box, path=THREE):
    """Draw with the mouse and wait until what is shown stands still."""
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]
    page.page.mouse.move(*places[0])
    page.page.mouse.down()
    for place in places[1:]:
        page.page.mouse.move(*place, steps=4)
    page.page.mouse.up()
    return settled(page)


def settled(page):
    """Wait until no image is under way, and return the drawing's place as the page says it."""
    page.page.wait_for_function("window.shown")
    page.page.wait_for_load_state("networkidle")
    page.page.wait_for_function("() => document.querySelector('.drawing').drawing.encoder.busy === false")
    page.page.wait_for_function("() => document.querySelector('.drawing').drawing.decoder.busy === false")
    return page.page.evaluate("document.querySelector('.drawing').drawing.place")


def pixels(page, selector):
    shown = page.page.evaluate(PIXELS, selector)
    return np.array(shown["grey"], np.uint8).reshape(shown["height"], shown["width"])


def encoded(app, run, image, query="space=plane"):
    """What the route answers for an image: its row, and what it says of the nearest images."""
    url, headers = f"{app.url}/api/runs/{run}/encode?{query}", {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data=image.tobytes(), headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return np.frombuffer(response.read(), "<f4"), json.loads(response.headers["X-Nearest"])


def words(page):
    return page.page.locator(".drawing__words").inner_text()


def test_the_map_marks_the_place_that_the_encode_route_gives_for_the_drawings_pixels(canvas, app):
    page, box = canvas()
    place = stroke(page, box)
    image = pixels(page, ".drawing__seen")
    assert image.shape == (28, 28)
    row, told = encoded(app, RUN, image)
    np.testing.assert_allclose([*place["z"], place["x"], place["y"]], row, atol=1e-6)
    np.testing.assert_allclose(page.page.evaluate(DIAMOND), [row[2:]], atol=1e-6)
    box = page.page.locator(".latent-map__mark--found").evaluate("(it) => it.getBoundingClientRect().toJSON()")
    np.testing.assert_allclose([box["x"], box["y"]], page.screen_of([row[2:]])[0], atol=0.6)
    back = app.decode(RUN, row[:2])
    assert np.abs(pixels(page, ".drawing__back").astype(int) - back).max() <= 1
    assert f"Nearest class: {told['label']}, that of {told['votes']} of the 10" in words(page)
    assert page.page.locator(".drawing .trust").is_visible()


def test_a_stroke_has_the_greys_and_the_middle_of_an_mnist_digit(canvas):
    page, box = canvas()
    stroke(page, box, [(0.1, 0.1), (0.1, 0.6)])
    image = pixels(page, ".drawing__seen").astype(float)
    rows, columns = np.mgrid[:28, :28]
    # MNIST's centre of mass is (14.0, 14.0), with a deviation of 0.3 from image to image.
    assert (image * rows).sum() / image.sum() == pytest.approx(14, abs=0.3)
    assert (image * columns).sum() / image.sum() == pytest.approx(14, abs=0.3)
    assert image.max() > 240
    assert ((image > 20) & (image < 235)).sum() > 10  # soft edges
    across = (image > 127).sum(axis=1)
    assert 2 <= across[across > 0].max() <= 4


def test_without_centring_the_drawing_stays_where_it_was_drawn(canvas, app):
    page, box = canvas()
    centred = stroke(page, box, [(0.1, 0.1), (0.1, 0.6)])
    page.page.get_by_label("centre as MNIST does").uncheck()
    place = settled(page)
    image = pixels(page, ".drawing__seen").astype(float)
    columns = np.arange(28)
    assert (image.sum(axis=0) * columns).sum() / image.sum() == pytest.approx(0.1 * 28 - 0.5, abs=0.5)
    row, _ = encoded(app, RUN, image.astype(np.uint8))
    np.testing.assert_allclose(place["z"], row[:2], atol=1e-6)
    assert np.hypot(place["x"] - centred["x"], place["y"] - centred["y"]) > 1e-3
    page.page.get_by_label("centre as MNIST does").check()


def test_clearing_takes_the_drawing_off_the_map(canvas):
    page, box = canvas()
    stroke(page, box)
    page.page.get_by_role("button", name="Clear").click()
    assert page.page.evaluate(DIAMOND) == []
    assert words(page) == "Nothing is drawn yet."
    assert pixels(page, ".drawing__canvas").max() == 0
    assert page.page.locator(".drawing").get_by_role("button", name="Keep as pin").is_disabled()


def test_the_drawing_can_be_kept_as_a_pin(canvas):
    page, box = canvas()
    place = stroke(page, box)
    page.page.locator(".drawing").get_by_role("button", name="Keep as pin").click()
    z = page.wait_for_query("pins", "^A=z:").removeprefix("A=z:")
    np.testing.assert_allclose([float(part) for part in z.split(",")], [place["x"], place["y"]], rtol=1e-3, atol=1e-4)
    page.settle()
    np.testing.assert_allclose(page.page.evaluate(DIAMOND), [[place["x"], place["y"]]], atol=1e-6)


def test_drawing_exchanges_nothing_with_the_script(canvas):
    page, box = canvas()
    page.settle()
    n_frames = page.n_frames
    stroke(page, box)
    assert page.n_frames == n_frames


def test_the_keyboard_draws_too(canvas, app):
    page, _ = canvas(is_new=True)  # the pen starts where it was left
    page.page.locator(".drawing__canvas").focus()
    page.page.keyboard.press("Space")
    for _ in range(9):
        page.page.keyboard.press("ArrowDown")
    place = settled(page)
    image = pixels(page, ".drawing__seen")
    assert (image.max(axis=1) > 127).sum() in (9, 10, 11, 12)
    np.testing.assert_allclose([place["x"], place["y"]], encoded(app, RUN, image)[0][2:], atol=1e-6)
    page.page.keyboard.press("Delete")
    assert page.page.evaluate(DIAMOND) == []


def test_on_another_map_the_drawing_has_its_place_there(canvas, app):
    page, box = canvas("mnist-vae-16d")
    stroke(page, box)
    page.page.get_by_text("PCA", exact=True).click()
    page.wait_for_query("space", "pca")
    page.settle()
    row, _ = encoded(app, "mnist-vae-16d", pixels(page, ".drawing__seen"), "space=pca")
    page.page.wait_for_function("() => document.querySelector('.drawing').drawing.place")
    settled(page)
    np.testing.assert_allclose(page.page.evaluate(DIAMOND), [row[16:]], atol=1e-4)


def test_a_conditional_model_encodes_in_the_class_chosen_beside_the_canvas(canvas, app):
    page, box = canvas("digits-cvae-2d")
    page.page.get_by_label("encode as class").select_option("7")
    place = stroke(page, box)
    image = pixels(page, ".drawing__seen")
    assert image.shape == (8, 8)
    row, told = encoded(app, "digits-cvae-2d", image, "space=plane&label=7")
    np.testing.assert_allclose(place["z"], row[:2], atol=1e-6)
    assert told["votes"] is None
    assert "Encoded as class 7" in words(page)
    assert page.page.get_by_label("centre as MNIST does").is_hidden()


def test_a_run_of_another_size_starts_with_a_clean_canvas_of_that_size(canvas):
    page, box = canvas("digits-vae-2d")
    stroke(page, box)
    assert pixels(page, ".drawing__seen").shape == (8, 8)
    assert pixels(page, ".drawing__canvas").shape == (224, 224)


# What is said in the lens is of the image in it, not of one before.
IS_BELIEVED = """() => {
  const lens = document.querySelector(".latent-map__lens");
  const trust = lens.querySelector(".trust");
  return trust && !trust.hidden && !lens.classList.contains("latent-map__lens--asking");
}"""


def test_the_lens_says_how_far_its_image_can_be_believed_while_someone_points(visit, app):
    page = visit(run=RUN).drawn()
    left, top, width, height = page.frame
    page.point_at(left + width // 2, top + height // 2)
    box = page.page.locator(".latent-map__lens .trust")
    page.page.wait_for_function(IS_BELIEVED)
    assert box.locator("p").nth(0).inner_text() == "● near the data"
    x, y = page.painted().x, page.painted().y
    distances = np.linalg.norm(open_run(RUN, app.checkpoints).encoded().mu - [x, y], axis=1)
    assert box.locator("p").nth(1).inner_text().endswith(f"nearest {distances.min():.2f}")
    log_prior = -0.5 * (x * x + y * y) - np.log(2 * np.pi)
    assert box.locator("p").nth(2).inner_text().startswith(f"log p(z) {log_prior:.2f} (typ.")
    page.point_at(left + width - 30, top + height - 30)
    page.page.wait_for_function(IS_BELIEVED)
    assert box.locator("p").nth(0).inner_text() == "○ far from the data"
    page.leave_map()
    page.page.wait_for_function("document.querySelector('.latent-map__lens .trust').hidden")
