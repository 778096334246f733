import numpy as np
import pytest

from explorer.analysis.coding import decode_codes
from explorer.data.catalogue import load_split
from explorer.runs.listing import open_run

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"
N_QUICK_MOVES = 200
LEFT_END = "document.querySelector('.latent-map__plot')._fullLayout.xaxis.range[0]"


def assert_same_image(image, expected, levels=1):
    """Images of one code differ by a grey level where batches of other sizes round otherwise."""
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= levels


def differ(image, other):
    return np.abs(image.astype(int) - other).max() > 30


def test_it_opens_on_the_mnist_vae_with_all_points_and_a_decoded_image(look, app):
    page = look().drawn()
    assert page.page.evaluate("window.nDrawn") == 10_000
    assert sum(trace["n"] for trace in page.traces()) == 10_000
    lens = page.page.locator(".latent-map__lens")
    assert lens.is_visible()
    first = app.decode(RUN, open_run(RUN, app.checkpoints).encoded().mu[0])
    assert_same_image(page.painted().image, first)
    assert first.max() > 200
    assert page.page.locator(".latent-map__status").inner_text() == ""
    assert page.alerts() == []
    assert page.n_tracebacks() == 0
    assert [line for line in page.console if line.startswith("error")] == []


def test_the_lens_shows_what_the_decoder_makes_of_the_place_under_the_pointer(look, app):
    page = look().drawn()
    left, top, width, height = page.frame
    shown = [page.point_at(left + part * width // 8, top + part * height // 8) for part in (2, 5)]
    model = open_run(RUN, app.checkpoints).model()
    for paint in shown:
        place = np.array([[paint.x, paint.y]], np.float32)
        assert_same_image(paint.image, app.decode(RUN, place, space="plane"))
        assert_same_image(paint.image, decode_codes(model, place)[0, 0])
    assert differ(shown[0].image, shown[1].image)


def test_pointing_exchanges_nothing_with_the_script(look):
    page = look().drawn()
    left, top, width, height = page.frame
    n_frames = page.n_frames
    assert n_frames > 0
    for part in range(1, 8):
        page.point_at(left + part * width // 8, top + height // 2)
    assert page.n_frames == n_frames


def test_leaving_the_map_brings_back_the_pinned_image(visit):
    page = visit(pin="1.5,2").drawn()
    pinned = page.painted()
    left, top, width, height = page.frame
    pointed = page.point_at(left + width // 4, top + height // 2)
    assert differ(pointed.image, pinned.image)
    page.leave_map()
    assert_same_image(page.painted_at(1.5, 2).image, pinned.image)


def test_the_last_of_many_quick_positions_is_the_one_that_stays(look, app):
    page = look().drawn()
    left, top, width, height = page.frame
    angles = np.linspace(0, 9, N_QUICK_MOVES)
    places = np.stack(
        [left + width * (0.5 + 0.4 * np.cos(angles)), top + height * (0.5 + 0.4 * np.sin(angles))], axis=1
    )
    for place in places.round():
        page.page.mouse.move(*place)
    last = page.place_at(*places[-1].round())
    paint = page.painted_at(*last)
    # Nothing is under way any more, so nothing older can come in late.
    page.page.wait_for_load_state("networkidle")
    assert page.painted().x == paint.x
    assert_same_image(paint.image, app.decode(RUN, last, space="plane"))
    assert page.page.evaluate("window.nPainted") <= N_QUICK_MOVES + 2


def test_clicking_an_empty_place_pins_it(look, app):
    page = look().drawn()
    left, top = page.empty_place(app.points(RUN))
    clicked = page.place_at(left, top)
    page.page.mouse.click(left, top)
    pins = page.wait_for_query("pins", r"^A=z:")
    np.testing.assert_allclose([float(part) for part in pins.removeprefix("A=z:").split(",")], clicked, rtol=1e-4)
    page.page.get_by_text("Pinned place").wait_for()
    page.leave_map()
    page.painted_at(*clicked, tolerance=1e-4)
    np.testing.assert_allclose(page.pin, clicked, rtol=1e-4)


@pytest.mark.parametrize(("run", "space"), [(RUN, "plane"), ("mnist-cvae-16d", "pca")])
def test_clicking_a_point_pins_its_image(visit, app, run, space):
    points = app.points(run, space=space)
    page = visit(run=run, space=space).drawn()
    row, place = page.lone_row(points)
    page.page.mouse.click(*place)
    assert page.wait_for_query("pins", "=row:") == f"A=row:{row}"
    page.page.get_by_role("heading", name=f"image {row:,}").wait_for()
    assert page.pin == pytest.approx(points[row].tolist(), abs=1e-4)


@pytest.mark.mnist
def test_a_pinned_image_stands_beside_its_reconstruction_and_their_difference(visit, app):
    row = 1234
    page = visit(pin=f"row:{row}").drawn()
    original, reconstruction, error = (
        page.picture(alt)[::4, ::4, 0].astype(int) for alt in ("original", "reconstruction", "|error|, 0 to 1")
    )
    np.testing.assert_array_equal(original, load_split("mnist", "test").images[row, 0])
    assert_same_image(
        reconstruction.astype(np.uint8), app.decode(RUN, open_run(RUN, app.checkpoints).encoded().mu[row])
    )
    np.testing.assert_array_equal(error, np.abs(original - reconstruction))


def test_dragging_moves_the_map_and_pins_nothing(visit):
    page = visit().drawn()
    left, top, width, height = page.frame
    centre = (left + width // 2, top + height // 2)
    before = page.place_at(*centre)
    page.page.mouse.move(*centre)
    page.page.mouse.down()
    page.page.mouse.move(centre[0] + 80, centre[1] + 40, steps=8)
    page.page.mouse.up()
    assert page.place_at(centre[0] + 80, centre[1] + 40) == pytest.approx(before, abs=0.05)
    assert "pins" not in page.query


def test_a_pin_keeps_the_zoom(visit, app):
    page = visit().drawn()
    left, top, width, height = page.frame
    page.page.mouse.move(left + width // 2, top + height // 2)
    before = page.page.evaluate(LEFT_END)
    page.page.mouse.wheel(0, -400)
    page.page.wait_for_function(f"(before) => {LEFT_END} > before + 0.3", arg=before)
    zoomed = page.page.evaluate(LEFT_END)
    page.page.mouse.click(*page.empty_place(app.points(RUN)))
    page.wait_for_query("pins")
    page.settle()
    assert page.page.evaluate(LEFT_END) == zoomed


def test_on_another_projection_a_pinned_place_keeps_its_code(visit):
    page = visit(pin="1.5,2.5").drawn()
    on_plane = page.painted()
    page.page.get_by_text("PCA", exact=True).click()
    page.wait_for_query("space", "pca")
    assert page.query["pins"] == "A=z:1.5,2.5"
    # The address changes while the script runs, the map when it has run.
    page.settle()
    x, y = page.pin
    assert np.hypot(x - 1.5, y - 2.5) > 0.1
    assert_same_image(page.painted_at(x, y, tolerance=1e-3).image, on_plane.image)
    page.page.get_by_text("Latent plane", exact=True).click()
    page.page.wait_for_function("() => !location.search.includes('space')")
    assert_same_image(page.painted_at(1.5, 2.5, tolerance=1e-3).image, on_plane.image)


def test_pointing_on_pca_decodes_the_code_that_lies_there(visit, app):
    page = visit(run="mnist-cvae-16d", space="pca", decode_as="3").drawn()
    left, top, width, height = page.frame
    paint = page.point_at(left + width // 3, top + height // 3)
    run = open_run("mnist-cvae-16d", app.checkpoints)
    projection = run.projection("pca")
    z = projection.inverse(np.array([[paint.x, paint.y]], np.float32), run.encoded().mean_code())
    np.testing.assert_allclose(projection.forward(z)[0], [paint.x, paint.y], atol=1e-4)
    assert_same_image(paint.image, decode_codes(run.model(), z, np.array([3]))[0, 0])


def test_a_conditional_model_decodes_the_same_place_in_the_chosen_class(visit, app):
    run = "digits-cvae-2d"
    page = visit(run=run).drawn()
    left, top, width, height = page.frame
    centre = page.place_at(left + width // 2, top + height // 2)
    images = []
    for name in ("0", "4"):
        page.page.get_by_test_id("stSelectbox").filter(has_text="Decode as class").get_by_role("combobox").click()
        page.page.get_by_role("option", name=name, exact=True).click()
        page.wait_for_query("decode_as", f"^{name}$")
        page.settle()
        paint = page.point_at(*page.screen_of([centre])[0])
        assert_same_image(paint.image, app.decode(run, [paint.x, paint.y], space="plane", label=name))
        images.append(paint.image)
    assert differ(*images)


def test_a_clicked_point_stays_pinned_when_the_map_changes(visit, app):
    page = visit(run="mnist-vae-16d", pin="row:5").drawn()
    row, place = page.lone_row(app.points("mnist-vae-16d"))
    page.page.mouse.click(*place)
    assert page.wait_for_query("pins", f"=row:{row}$") == f"A=row:5;B=row:{row}"
    page.page.get_by_text("PCA", exact=True).click()
    assert page.wait_for_query("space") == "pca"
    page.page.get_by_role("heading", name=f"image {row:,}").wait_for()
    assert page.query["pins"] == f"A=row:5;B=row:{row}"


def test_the_same_dimension_twice_makes_the_two_change_places(visit):
    page = visit(run="mnist-vae-16d", dims="3,7").drawn()
    page.page.get_by_label("Up").click()
    page.page.get_by_role("option", name="z3", exact=True).click()
    assert page.wait_for_query("dims", "^7,3$")
    assert page.alerts() == []


def test_a_class_that_the_legend_hides_is_not_pinned(visit, app):
    points, labels = app.points(RUN), open_run(RUN, app.checkpoints).encoded().labels
    page = visit().drawn()
    row, place = page.lone_row(points)
    page.page.locator(".latent-map .legendtoggle").nth(int(labels[row])).click()
    page.page.wait_for_function(
        "label => document.querySelector('.latent-map__plot').data[label].visible === 'legendonly'",
        arg=int(labels[row]),
    )
    page.page.mouse.click(*place)
    assert page.wait_for_query("pins") != f"A=row:{row}"
