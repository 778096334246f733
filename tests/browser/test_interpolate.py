"""The page Interpolate: strips, the film, the paths on the map, what is told of them, and what can be taken away."""

import io
import re
import urllib.request
from urllib.parse import urljoin

import numpy as np
import pytest
from PIL import Image, ImageSequence

from explorer.analysis.latent.priors import spread_rows
from explorer.runs.listing import open_run
from explorer.ui.widgets.images import GAP
from tests.browser.test_access import PHONE
from tests.support import mp4_frames

pytestmark = pytest.mark.browser

RUN = "digits-vae-2d"
PINS = "A=z:1.5,1.0;B=z:-1.5,0.5;C=z:0.5,-1.5;D=z:-0.5,1.5"
A, B, C, D = np.array([[1.5, 1.0], [-1.5, 0.5], [0.5, -1.5], [-0.5, 1.5]])
N = 6

STRIP = """(kind) => [...document.querySelectorAll(`.film__strip[data-kind="${kind}"] canvas`)].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k]);
})"""
SCREEN = """() => {
  const canvas = document.querySelector(".film__screen");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k]);
}"""
# What was decoded, by the numbers of frames of each answer: strips first, then the film.
COUNT = """
window.nDecoded = 0;
document.addEventListener("film:decoded", (event) => (window.nDecoded += event.detail.n), true);
"""


@pytest.fixture
def interpolate(visit):
    """Opens the page with four pins and waits for its strips."""

    def open_page(run=RUN, settings=None, **query):
        page = visit("interpolate", settings=settings, **{"run": run, "pins": PINS, "frames": str(N), **query})
        page.page.locator(".film__strip").first.wait_for()
        return page

    return open_page


def strip(page, kind="linear"):
    """The frames of a strip, shape ``(T, pixels)``, once they are decoded."""
    page.page.locator(f'.film__strip[data-kind="{kind}"]').wait_for()
    # Looked at and read in one go: a strip is drawn again when the page is.
    ready = f"(kind) => [({STRIP})(kind)].find((strip) => strip.length && strip.every((grey) => grey.some(Boolean)))"
    return np.array(page.page.wait_for_function(ready, arg=kind).json_value(), float)


def decoded(app, run, code, **query):
    return app.decode(run, code, **query).astype(float).ravel()


def assert_alike(image, other):
    assert np.abs(image - other).max() <= 2


def test_the_first_visit_walks_between_two_images_of_different_classes(visit, app):
    page = visit("interpolate", run=RUN)
    page.page.locator(".film__strip").first.wait_for()
    encoded = open_run(RUN, app.checkpoints).encoded()
    rows = spread_rows(encoded.labels, 2)
    assert len(set(encoded.labels[rows].tolist())) == 2
    frames = strip(page)
    assert len(frames) == 12 + 2
    assert_alike(frames[1], decoded(app, RUN, encoded.mu[rows[0]]))
    assert_alike(frames[-2], decoded(app, RUN, encoded.mu[rows[1]]))
    assert page.n_tracebacks() == 0


def test_where_a_first_visit_starts_is_no_step_to_go_back_over_until_something_is_changed(visit):
    page = visit("", run=RUN).drawn()
    page.page.get_by_role("link", name="Interpolate").click()
    page.page.locator(".film__strip").first.wait_for()
    page.settle()
    assert "pins" not in page.query
    page.page.go_back()
    page.drawn()
    page.page.go_forward()
    page.page.locator(".film__strip").first.wait_for()
    page.page.get_by_role("slider", name="Frames").press("ArrowRight")
    assert page.wait_for_query("pins", "^A=row:.*;B=row:")
    assert page.query["frames"] == "13"
    assert page.n_tracebacks() == 0


def test_a_strip_decodes_equal_steps_and_one_beyond_each_end(interpolate, app):
    frames = strip(interpolate())
    shares = np.arange(-1, N + 1) / (N - 1)
    assert len(frames) == len(shares)
    for frame, share in zip(frames, shares, strict=True):
        assert_alike(frame, decoded(app, RUN, (1 - share) * A + share * B))


def test_a_spherical_strip_keeps_to_the_circle_of_codes_of_one_length(interpolate, app):
    page = interpolate(pins="A=z:2,0;B=z:0,2")
    frames = strip(page, "spherical")
    for frame, angle in zip(frames[1:-1], np.linspace(0, np.pi / 2, N), strict=True):
        assert_alike(frame, decoded(app, RUN, [2 * np.cos(angle), 2 * np.sin(angle)]))


def test_every_kind_is_in_the_table_and_the_geodesic_has_no_more_energy_than_the_straight_line(interpolate):
    page = interpolate()
    page.page.locator('.film__strip[data-kind="geodesic"]').wait_for()
    page.settle()
    cells = (
        page.page.get_by_test_id("stTable")
        .locator("tr")
        .evaluate_all("(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim()))")
    )
    head, *rows = cells
    energy = {row[0]: float(row[head.index("energy")]) for row in rows}
    assert list(energy) == ["Linear", "Spherical", "Geodesic", "Through the data"]
    assert energy["Geodesic"] <= energy["Linear"]
    latent = {row[0]: float(row[head.index("length in z")]) for row in rows}
    assert latent["Linear"] == pytest.approx(np.linalg.norm(A - B), abs=0.006)


def test_the_film_is_scrubbed_and_the_map_marks_its_place_without_a_rerun(interpolate, app):
    page = interpolate().drawn()
    strip(page)
    page.settle()
    n_before = page.n_frames
    slider = page.page.locator(".film__slider")
    last = int(slider.get_attribute("max"))
    beyond = 1 / (N - 1)
    for index in (last // 3, last // 2):
        share = -beyond + (1 + 2 * beyond) * index / last
        slider.evaluate(
            "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
            index,
        )
        z = (1 - share) * A + share * B
        page.page.wait_for_function("() => document.querySelector('.film__where').textContent.startsWith('Linear')")
        assert f"{share:.2f}" in page.page.locator(".film__where").inner_text()
        page.page.wait_for_function("(grey) => grey !== null", arg=0)
        assert_alike(np.array(page.page.evaluate(SCREEN), float), decoded(app, RUN, z))
        mark = page.page.locator(".latent-map__mark--found", has_text="film").bounding_box()
        x, y = page.screen_of([z])[0]
        assert abs(mark["x"] + mark["width"] / 2 - x) < 20
        assert abs(mark["y"] + mark["height"] / 2 - y) < 30
    assert page.n_frames == n_before


def test_playing_moves_on_and_back_and_space_stops_it(interpolate):
    page = interpolate()
    strip(page)
    slider = page.page.locator(".film__slider")
    start = int(slider.input_value())
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_function(
        "(start) => Number(document.querySelector('.film__slider').value) > start + 5", arg=start
    )
    last = slider.get_attribute("max")
    page.page.wait_for_function("(last) => document.querySelector('.film__slider').value === last", arg=last)
    page.page.wait_for_function(
        "(last) => Number(document.querySelector('.film__slider').value) < last - 4", arg=int(last)
    )
    slider.press(" ")
    page.page.get_by_role("button", name="Play").wait_for()


def test_pointing_at_a_frame_shows_it_large_and_a_click_on_a_strip_plays_that_walk(interpolate, app):
    page = interpolate()
    frames = strip(page, "data")
    page.page.locator('.film__strip[data-kind="data"] .film__frame').nth(3).hover()
    assert page.page.locator(".film__where").inner_text().startswith("Through the data")
    assert_alike(np.array(page.page.evaluate(SCREEN), float), frames[3])
    page.page.locator('.film__strip[data-kind="spherical"] .film__name').click()
    assert page.wait_for_query("walk") == "spherical"
    page.page.locator(".film__strip--shown[data-kind=spherical]").wait_for()
    walks = page.page.evaluate("document.querySelector('.latent-map').map.data.overlays.walks")
    assert [walk["is_shown"] for walk in walks].count(True) == 1


def test_a_frame_is_kept_as_a_pin(interpolate):
    page = interpolate()
    strip(page)
    page.page.locator('.film__strip[data-kind="linear"] .film__frame').nth(1).click()
    page.page.get_by_role("button", name="Keep as pin").click()
    kept = page.wait_for_query("pins", "E linear=z:").split("E linear=z:")[1]
    np.testing.assert_allclose([float(number) for number in kept.split(",")], A, atol=1e-4)


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


def test_the_ends_are_chosen_among_the_pins_and_change_places(interpolate, app):
    page = interpolate(ends="C;D")
    frames = strip(page)
    assert_alike(frames[1], decoded(app, RUN, C))
    assert_alike(frames[-2], decoded(app, RUN, D))
    page.page.get_by_test_id("stSelectbox").filter(has_text="From").locator("input").click()
    page.page.get_by_role("option", name="D", exact=True).click()
    assert page.wait_for_query("ends", "^D;") == "D;C"


@pytest.mark.parametrize(
    ("label", "value", "button", "name"),
    [("Test image", "7", "Pin image", "E"), ("Draw of the prior, seed", "5", "Pin draw", "E draw 5")],
)
def test_places_are_added_from_the_menu(interpolate, label, value, button, name):
    page = interpolate()
    page.page.get_by_role("button", name="Add a place").click()
    page.page.get_by_label(label, exact=True).fill(value)
    page.page.get_by_label(label, exact=True).press("Enter")
    page.settle()
    page.page.get_by_role("button", name=button, exact=True).click()
    pins = page.wait_for_query("pins", f";{name}=")
    if button == "Pin image":
        assert pins.endswith("E=row:7")


def test_an_image_that_is_not_there_is_refused_and_nothing_is_pinned(interpolate):
    page = interpolate()
    page.page.get_by_role("button", name="Add a place").click()
    page.page.get_by_label("Test image", exact=True).fill("99999")
    page.page.get_by_label("Test image", exact=True).press("Enter")
    page.settle()
    page.page.get_by_role("button", name="Pin image", exact=True).click()
    page.page.get_by_text(f"There is no image 99999: {RUN} has 0 to 299.").wait_for()
    assert page.query["pins"].count("=") == 4


def test_an_end_that_is_removed_is_replaced_by_another_image_and_that_is_said(interpolate):
    page = interpolate(pins="A=row:0;B=row:9")
    page.page.locator(".pin-tray__remove").first.dispatch_event("click")
    pins = page.wait_for_query("pins", "^B=row:9;A=row:")
    assert not pins.endswith("A=row:0")
    page.page.get_by_text("A walk goes between two places: A was pinned for it.").wait_for()


def test_figures_and_files_name_the_ends(interpolate):
    page = interpolate(ends="C;D")
    page.page.get_by_text("from C (0) to D (1)").first.wait_for()
    page.page.get_by_role("button", name="Take it away").click()
    page.page.get_by_text("The linear path from C to D: the one that is played.").wait_for()
    heads = page.page.get_by_test_id("stTable").locator("thead th").all_text_contents()
    assert [head for head in heads if head][:3] == ["path", "far from the data", "least neighbours"]
    # A bar of buttons would lie over what a figure says.
    page.page.get_by_test_id("stPlotlyChart").first.wait_for()
    assert page.page.get_by_test_id("stPlotlyChart").locator(".modebar-btn").count() == 0
    assert page.page.get_by_text("PaCMAP").count() == 1


def test_a_pin_that_is_not_there_is_left_out_and_the_others_stay(interpolate):
    page = interpolate(pins="A=row:99999;B=row:2;C=row:3")
    page.page.get_by_text("Pin A is left out. Row 99999 is not in the encoded set: choose one of 0 to 299.").wait_for()
    assert page.query["pins"] == "B=row:2;C=row:3"


def test_the_strip_follows_the_film_where_it_is_wider_than_its_place(interpolate):
    page = interpolate(settings=PHONE, frames="24")
    strip(page)
    frames = page.page.locator('.film__strip[data-kind="linear"] .film__frames')
    assert frames.evaluate("(strip) => strip.scrollLeft") == 0
    page.page.locator(".film__slider").focus()
    page.page.keyboard.press("End")
    page.page.wait_for_function(
        "(strip) => Math.abs(strip.scrollLeft + strip.clientWidth - strip.scrollWidth) < 2", arg=frames.element_handle()
    )


def test_the_mean_of_a_class_is_added_from_the_menu(interpolate, app):
    page = interpolate()
    page.page.get_by_role("button", name="Add a place").click()
    page.page.get_by_role("button", name="Pin mean", exact=True).click()
    kept = page.wait_for_query("pins", "E mean of 0=z:").split("E mean of 0=z:")[1]
    encoded = open_run(RUN, app.checkpoints).encoded()
    expected = encoded.mu[encoded.labels == 0].mean(axis=0)
    np.testing.assert_allclose([float(number) for number in kept.split(",")], expected, atol=1e-3)


def test_a_picture_of_ones_own_is_encoded_and_pinned_and_a_broken_one_is_refused(interpolate, app):
    page = interpolate()
    page.page.get_by_role("button", name="Add a place").click()
    upload = page.page.locator('[data-testid="stFileUploader"] input[type=file]')
    upload.set_input_files({"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nnothing"})
    page.wait_for_message()
    assert page.n_tracebacks() == 0
    image = Image.fromarray(app.decode(RUN, A)).resize((64, 64), Image.Resampling.NEAREST).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    upload.set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    page.page.get_by_role("button", name="Pin this picture").click()
    kept = page.wait_for_query("pins", "E one=z:").split("E one=z:")[1]
    assert np.isfinite([float(number) for number in kept.split(",")]).all()


def taken(page, kind, extent):
    """The file of five images that is handed out as ``kind``, once the page says how much it holds."""
    page.page.get_by_role("button", name="Take it away").click()
    menu = page.page.get_by_test_id("stPopoverBody")
    menu.get_by_text(kind, exact=True).click()
    menu.get_by_role("button", name=f"Download {kind.split(',')[0].split(':')[0]}").wait_for()
    number = menu.get_by_label("Images from end to end")
    number.fill("5")
    number.press("Enter")
    menu.get_by_text(extent).wait_for()
    with page.page.expect_download() as download:
        menu.get_by_test_id("stDownloadButton").locator("button").click()
    return download.value


def frames_of(path, suffix):
    """The pictures of a file, by a reader that had no part in writing it: grey, shape ``(T, H, W)``."""
    if suffix == "mp4":
        return mp4_frames(path.read_bytes())[0][..., 0]
    with Image.open(path) as file:
        return np.stack([np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(file)])


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("GIF film", "gif"), ("WebP film, lossless", "webp"), ("MP4 film", "mp4"), ("PNG strip", "png")],
)
def test_what_is_taken_away_shows_the_walk_frame_by_frame(interpolate, app, kind, suffix):
    page = interpolate()
    strip(page)
    download = taken(page, kind, "5 images." if suffix == "png" else "8 frames, 0.3 s.")
    assert download.suggested_filename == f"{RUN}-linear.{suffix}"
    path = download.path().rename(download.path().with_suffix(f".{suffix}"))
    frames = frames_of(path, suffix)
    if suffix == "png":
        frames = np.split(frames[0], 5, axis=1) if frames.shape[2] % 5 == 0 else np.array_split(frames[0], 5, axis=1)
    else:
        assert len(frames) == 8  # forth, and back without the ends twice
    for frame, share in zip(frames, np.linspace(0, 1, 5), strict=False):
        image = app.decode(RUN, (1 - share) * A + share * B).astype(float)
        small = np.asarray(Image.fromarray(np.asarray(frame, np.uint8)).resize((8, 8), Image.Resampling.BOX), float)
        assert np.abs(small - image).mean() < 12


def test_codes_and_images_are_taken_away_as_numbers(interpolate, app):
    page = interpolate()
    strip(page)
    with np.load(taken(page, "NPZ: codes and images", "5 images.").path(), allow_pickle=False) as held:
        codes, images, t = held["codes"], held["images"], held["t"]
    np.testing.assert_allclose(t, np.linspace(0, 1, 5))
    np.testing.assert_allclose(codes, (1 - t[:, None]) * A + t[:, None] * B, atol=1e-6)
    for code, image in zip(codes, images, strict=True):
        np.testing.assert_array_equal(image[0], app.decode(RUN, code))


def test_even_steps_change_the_image_equally(interpolate):
    page = interpolate(even="1")
    frames = strip(page)[1:-1]
    steps = np.linalg.norm(np.diff(frames, axis=0), axis=1)
    uneven = strip(interpolate())[1:-1]
    uneven_steps = np.linalg.norm(np.diff(uneven, axis=0), axis=1)
    assert steps.std() / steps.mean() < uneven_steps.std() / uneven_steps.mean()


def test_the_same_place_twice_is_told_in_words(interpolate):
    page = interpolate(pins="A=row:3;B=row:3")
    page.page.locator(".film__note", has_text="Both ends are the same code").first.wait_for()
    assert page.n_tracebacks() == 0


def test_a_link_restores_walk_frames_and_ends(interpolate):
    page = interpolate(walk="data", frames="9", ends="B;D", even="1").drawn()
    page.page.locator(".film__strip--shown[data-kind=data]").wait_for()
    assert len(strip(page)) == 9 + 2
    other = interpolate(**{key: value for key, value in page.query.items() if key != "run"})
    assert_alike(strip(other, "data"), strip(page, "data"))


def cells(picture, n, side):
    """Images of a square grid, shape ``(n * n, side, side)``."""
    height, width = picture.shape[0] // n, picture.shape[1] // n
    grid = picture[..., 0].reshape(n, height, n, width).swapaxes(1, 2)
    inner = grid[:, :, GAP : height - GAP, GAP : width - GAP].reshape(n * n, height - 2 * GAP, width - 2 * GAP)
    factor = inner.shape[1] // side
    return inner[:, ::factor, ::factor].astype(float)


def test_four_corners_are_the_pins_and_the_middle_of_an_edge_is_their_mean(visit, app):
    page = visit("interpolate", run=RUN, pins=PINS, interpolate="corners", frames="5")
    picture = page.picture(
        "Grid of decoded images between four places: top left A, top right B, bottom left C, bottom right D"
    )
    assert page.page.get_by_text("PaCMAP").count() == 0
    images = cells(picture, 5, 8)
    for cell, code in ((0, A), (4, B), (20, C), (24, D), (2, (A + B) / 2), (12, (A + B + C + D) / 4)):
        assert_alike(images[cell].ravel(), decoded(app, RUN, code))
    page.page.get_by_role("button", name="Take it away").click()
    page.page.get_by_text("NPZ: images, codes and classes").click()
    with page.page.expect_download() as waiting:
        page.page.get_by_role("button", name="Download NPZ").click()
    assert waiting.value.suggested_filename == f"{RUN}-corners.npz"
    with np.load(io.BytesIO(waiting.value.path().read_bytes()), allow_pickle=False) as taken_away:
        np.testing.assert_allclose(taken_away["codes"][[0, 4, 20, 24]], [A, B, C, D], atol=1e-6)
        np.testing.assert_array_equal(taken_away["images"].reshape(25, 8, 8), images.reshape(25, 8, 8))


def test_arithmetic_decodes_a_minus_b_plus_c_and_pins_it(visit, app):
    page = visit("interpolate", run=RUN, pins=PINS, interpolate="arithmetic")
    caption = page.page.get_by_text(re.compile("^result, judged"))
    caption.wait_for()
    source = page.page.get_by_alt_text(re.compile("^result")).get_attribute("src")
    with urllib.request.urlopen(urljoin(page.page.url, source), timeout=60) as response:
        picture = np.asarray(Image.open(io.BytesIO(response.read())))[..., 0]
    inner = picture[GAP:-GAP, GAP:-GAP]
    factor = inner.shape[0] // 8
    assert_alike(inner[::factor, ::factor].astype(float).ravel(), decoded(app, RUN, A - B + C))
    page.page.get_by_role("button", name="Pin the result").click()
    kept = page.wait_for_query("pins", r"E A-B\+C=z:").split("E A-B+C=z:")[1]
    np.testing.assert_allclose([float(number) for number in kept.split(",")], A - B + C, atol=1e-4)


def test_an_attribute_says_how_well_it_separates_and_a_pair_of_classes_can_be_chosen(visit):
    page = visit("interpolate", run=RUN, pins=PINS, interpolate="attribute")
    page.page.get_by_text("Class 0 against all others:").wait_for()
    assert "held-out" in page.page.get_by_text("area under the curve").inner_text()
    page.page.get_by_test_id("stSelectbox").filter(has_text="Attribute").locator("input").click()
    page.page.get_by_role("option", name="one class against another").click()
    assert page.wait_for_query("direction") == "classes:0,1"
    page.page.get_by_text("Class 0 against class 1:").wait_for()
    assert page.n_tracebacks() == 0


def test_a_conditional_model_walks_in_one_class_and_says_so(interpolate, app):
    page = interpolate(run="digits-cvae-2d", pins="A=row:0;B=row:1", decode_as="4")
    frames = strip(page)
    encoded = open_run("digits-cvae-2d", app.checkpoints).encoded()
    assert_alike(frames[1], decoded(app, "digits-cvae-2d", encoded.mu[0], label=4))
    page.page.get_by_text("All frames are decoded in class 4.").wait_for()


def test_an_autoencoder_walks_without_a_prior(interpolate):
    page = interpolate(run="digits-ae-2d", pins="A=row:0;B=row:9")
    strip(page)
    page.page.get_by_text("no prior, so there is no log p(z)").wait_for()
    assert page.n_tracebacks() == 0


def test_on_a_phone_strips_scroll_and_a_tap_shows_a_frame(interpolate):
    page = interpolate(settings=PHONE)
    frames = strip(page)
    page.page.locator('.film__strip[data-kind="linear"] .film__frame').nth(2).tap()
    assert_alike(np.array(page.page.evaluate(SCREEN), float), frames[2])
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
