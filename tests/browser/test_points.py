"""How points reach the browser and are drawn: their colours, the legend, large sets, and sets that are hard to draw."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import KDTree

from explorer.figures.palette import value_scale
from explorer.runs.listing import open_run
from tests.browser.conftest import serving
from tests.support import new_run, save_codes, scattered_run

pytestmark = pytest.mark.browser

N_LARGE = 110_000
BUDGET = 12_000
LAYER = "document.querySelector('.latent-map').map.layer"
COUNT = ".latent-map__count"

VALUES_DRAWN = f"""() => {{
  const layer = {LAYER};
  const plot = document.querySelector(".latent-map__plot");
  const traces = Array.from({{ length: layer.nTraces }}, (_, trace) => trace);
  const valuesOf = (trace) =>
    Array.from(layer.drawn.rowsOf(trace), (row, k) => [row, plot.data[trace].marker.color[k]]);
  return traces.flatMap(valuesOf);
}}"""

DRAWN = f"""() => {{
  const {{ drawn }} = {LAYER};
  const plot = document.querySelector(".latent-map__plot");
  return Array.from({{ length: drawn.nTraces }}, (_, trace) => ({{
    rows: Array.from(drawn.rowsOf(trace)),
    x: Array.from(plot.data[trace].x.filter(Number.isFinite)),
    y: Array.from(plot.data[trace].y.filter(Number.isFinite)),
    visible: plot.data[trace].visible ?? true,
    group: plot.data[trace].legendgroup,
  }}));
}}"""


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """The app with sets of many kinds."""
    folder = tmp_path_factory.mktemp("sets")
    scattered_run(folder / "large", N_LARGE)
    scattered_run(folder / "small", 4000, latent_dim=3)
    scattered_run(folder / "ae", 300, family="ae", likelihood="gaussian")
    scattered_run(folder / "line", 500, latent_dim=1)
    rng = np.random.default_rng(0)
    crowd = rng.integers(100, size=3000)
    odd = {
        "hundred": (rng.normal(size=(3000, 2)) + crowd[:, None] % 7, crowd),
        "one-class": (rng.normal(size=(400, 2)), np.full(400, 3)),
        "constant": (np.full((50, 2), 1.5), rng.integers(10, size=50)),
        "three": (rng.normal(size=(3, 2)), np.arange(3)),
        "not-finite": (np.where(np.arange(40)[:, None] < 2, np.nan, rng.normal(size=(40, 2))), np.zeros(40, np.int64)),
    }
    for name, (mu, labels) in odd.items():
        save_codes(new_run(folder / name), mu.astype(np.float32), labels)
    with serving(tmp_path_factory.mktemp("server"), folder) as app:
        yield app


@pytest.fixture
def visit_set(visit, sets):
    """Opens the app of these sets."""
    return lambda run, **query: visit(on=sets, run=run, **query)


@pytest.fixture
def look_at_set(look, sets):
    """Opens the app of these sets, for tests that leave the map as they found it."""
    return lambda run, **query: look(on=sets, run=run, **query)


def encoded(sets, run):
    return open_run(run, sets.checkpoints).encoded()


def open_colours(page):
    page.page.get_by_test_id("stSelectbox").filter(has_text="Colour by").get_by_role("combobox").click()


def choose_colour(page, name):
    open_colours(page)
    page.page.get_by_role("option", name=name, exact=True).click()


def zoom_to(page, x, y):
    """Zoom as plotly's own controls do, and wait until what is in view is drawn."""
    page.page.evaluate(
        """([x, y]) => new Promise((resolve) => {
          document.querySelector(".latent-map").addEventListener("latent-map:points", resolve, { once: true });
          Plotly.relayout(document.querySelector(".latent-map__plot"), { "xaxis.range": x, "yaxis.range": y });
        })""",
        [x, y],
    )


def view(page):
    return page.page.evaluate(
        """() => {
          const { xaxis, yaxis } = document.querySelector(".latent-map__plot")._fullLayout;
          return [xaxis.range, yaxis.range];
        }"""
    )


def in_view(mu, page):
    (left, right), (bottom, top) = view(page)
    return (mu[:, 0] >= left) & (mu[:, 0] <= right) & (mu[:, 1] >= bottom) & (mu[:, 1] <= top)


# Colours


def test_points_are_coloured_by_a_number_and_a_link_restores_it(visit_set, sets):
    page = visit_set("small").drawn()
    choose_colour(page, "KL")
    assert page.wait_for_query("colour") == "kl"
    page.page.wait_for_function(f"() => {LAYER}.values")
    assert_coloured_by(page, encoded(sets, "small").kl, "KL(q(z|x) ‖ p(z)), nats")
    again = visit_set("small", **{key: value for key, value in page.query.items() if key != "run"}).drawn()
    assert_coloured_by(again, encoded(sets, "small").kl, "KL(q(z|x) ‖ p(z)), nats")
    choose_colour(again, "Class")
    again.page.wait_for_function("() => !location.search.includes('colour')")
    again.page.locator(".latent-map .legendtoggle").nth(9).wait_for()


def assert_coloured_by(page, expected, title):
    drawn = dict(page.page.evaluate(VALUES_DRAWN))
    assert sorted(drawn) == list(range(len(expected)))
    np.testing.assert_allclose([drawn[row] for row in range(len(expected))], expected, rtol=1e-6)
    axis = page.page.evaluate("() => document.querySelector('.latent-map__plot')._fullLayout.coloraxis")
    assert [colour for _, colour in axis["colorscale"]] == [colour for _, colour in value_scale()]
    assert (axis["cmin"], axis["cmax"]) == pytest.approx(np.percentile(expected.astype(float), [1, 99]), rel=1e-5)
    assert title in axis["colorbar"]["title"]["text"]
    assert "percentiles 1 to 99" in axis["colorbar"]["title"]["text"]


def test_an_autoencoder_is_not_offered_a_kl_and_a_link_that_asks_for_it_is_told_why(visit_set):
    page = visit_set("ae", colour="kl").drawn()
    (message,) = page.alerts()
    assert "has no posterior and no prior, so no KL" in message
    assert "colour" not in page.query
    open_colours(page)
    page.page.get_by_role("option").first.wait_for()
    assert page.page.get_by_role("option").all_inner_texts() == ["Class", "Reconstruction error", "Density"]


def test_a_link_with_a_colouring_that_does_not_exist_is_told_so(visit_set):
    page = visit_set("small", colour="magic").drawn()
    assert "colour='magic'" in page.alerts()[0]
    assert page.page.evaluate(f"() => {LAYER}.values") is None


# Classes


def test_each_class_is_drawn_in_slices_so_that_none_covers_all_others(look_at_set, sets):
    labels = encoded(sets, "small").labels
    traces = look_at_set("small").drawn().page.evaluate(DRAWN)
    assert sorted(row for trace in traces for row in trace["rows"]) == list(range(len(labels)))
    for number, trace in enumerate(traces):
        assert set(labels[trace["rows"]]) == {number % 10}
    assert len(traces) == 20


def test_a_trace_point_is_the_row_that_it_says_and_a_row_is_where_it_says(look_at_set, sets):
    page = look_at_set("small").drawn()
    mu = encoded(sets, "small").mu
    for trace in page.page.evaluate(DRAWN):
        np.testing.assert_array_equal(mu[trace["rows"], :2], np.stack([trace["x"], trace["y"]], axis=1))
    is_inverse = f"""() => {{
      const {{ drawn }} = {LAYER};
      return Array.from({{ length: 4000 }}, (_, row) => row).every((row) => {{
        const {{ trace, pointIndex }} = drawn.placeOf(row);
        return drawn.row(trace, pointIndex) === row && drawn.rowsOf(trace)[pointIndex] === row;
      }});
    }}"""
    assert page.page.evaluate(is_inverse)


def wait_for_shown(page, classes):
    page.page.wait_for_function(
        """(classes) => {
          const traces = document.querySelector(".latent-map__plot").data;
          const shown = traces.filter((trace) => trace.visible !== "legendonly").map((trace) => trace.legendgroup);
          return [...new Set(shown)].sort().join() === classes.map((label) => `class ${label}`).sort().join();
        }""",
        arg=classes,
    )


def test_a_click_on_the_legend_hides_all_of_a_class_and_a_double_click_isolates_it(visit_set):
    page = visit_set("small").drawn()
    entry = page.page.locator(".latent-map .legendtoggle").nth(4)
    entry.click()
    wait_for_shown(page, [0, 1, 2, 3, 5, 6, 7, 8, 9])
    page.page.wait_for_timeout(400)  # plotly takes two clicks within 300 ms for a double one
    entry.click()
    wait_for_shown(page, list(range(10)))
    page.page.wait_for_timeout(400)
    entry.dblclick()
    wait_for_shown(page, [4])


def test_the_nearest_point_is_of_a_class_that_is_shown(visit_set, sets):
    page = visit_set("small").drawn()
    page.page.locator(".latent-map .legendtoggle").nth(4).dblclick()
    wait_for_shown(page, [4])
    encodings = encoded(sets, "small")
    rows = np.flatnonzero(encodings.labels == 4)
    assert_nearest(page, encodings.mu[rows, :2], rows)


def assert_nearest(page, points, rows):
    """The page's nearest rows are those of a k-d tree, for places among the points and far outside."""
    places = np.random.default_rng(5).normal(scale=[[2]] * 300 + [[30]] * 40, size=(340, 2))
    found = page.page.evaluate(
        f"(places) => places.map(([x, y]) => {LAYER}.nearest({{ x, y }}))", [list(place) for place in places]
    )
    distances, nearest = KDTree(points.astype(float)).query(places)
    np.testing.assert_array_equal([place["row"] for place in found], rows[nearest])
    np.testing.assert_allclose([place["distance"] for place in found], distances, rtol=1e-6)


# Large sets


def test_of_a_large_set_a_part_is_drawn_and_the_page_says_how_large_it_is(look_at_set, visit_set, sets):
    page = look_at_set("large").drawn()
    page.page.locator(COUNT, has_text="drawn").wait_for()
    rows = [row for trace in page.page.evaluate(DRAWN) for row in trace["rows"]]
    assert len(set(rows)) == len(rows)
    assert len(rows) == pytest.approx(BUDGET, rel=0.03)
    text = page.page.locator(COUNT).inner_text()
    assert text == f"{len(rows):,} of 110,000 points drawn; the shade behind them counts all"
    mu = encoded(sets, "large").mu
    assert set(np.concatenate([mu.argmin(axis=0), mu.argmax(axis=0)])) <= set(rows)
    again = visit_set("large").drawn()
    again.page.locator(COUNT, has_text="drawn").wait_for()
    assert [row for trace in again.page.evaluate(DRAWN) for row in trace["rows"]] == rows


def test_the_part_that_is_drawn_is_spread_as_the_whole(look_at_set, sets):
    page = look_at_set("large").drawn()
    page.page.locator(COUNT, has_text="drawn").wait_for()
    rows = [row for trace in page.page.evaluate(DRAWN) for row in trace["rows"]]
    encodings = encoded(sets, "large")
    error = encodings.mu.std(axis=0) / np.sqrt(BUDGET)
    assert (np.abs(encodings.mu[rows].mean(axis=0) - encodings.mu.mean(axis=0)) < 4 * error).all()
    shares = np.bincount(encodings.labels[rows], minlength=10) / len(rows)
    np.testing.assert_allclose(shares, 0.1, atol=4 * np.sqrt(0.09 / BUDGET))


SHADE = """() => {
  const canvas = document.querySelector(".latent-map__shade canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const box = canvas.getBoundingClientRect();
  const inked = [];
  for (let k = 0; k < canvas.width * canvas.height; k += 1) if (data[4 * k + 3]) inked.push(k);
  return { inked, width: canvas.width, height: canvas.height, box: [box.left, box.top, box.width, box.height] };
}"""


def test_the_shade_lies_where_the_points_are(look_at_set, sets):
    page = look_at_set("large").drawn()
    page.page.locator(COUNT, has_text="drawn").wait_for()
    shade = page.page.evaluate(SHADE)
    left, top, width, height = shade["box"]
    places = page.screen_of(encoded(sets, "large").mu)
    cells = (places - [left, top]) / [width / shade["width"], height / shade["height"]]
    corner = 0.05  # a tenth of a pixel: the browser lays boxes out in 64ths of one
    offsets = cells[:, None] + corner * np.array([[0, 0], [1, 1], [-1, -1], [1, -1], [-1, 1]])
    column, line = np.floor(offsets).astype(int).transpose(2, 1, 0)
    numbers = line.clip(0, shade["height"] - 1) * shade["width"] + column.clip(0, shade["width"] - 1)
    assert set(shade["inked"]) <= set(numbers.ravel())
    assert np.isin(numbers, shade["inked"]).any(axis=0).all()


def test_the_nearest_of_a_large_set_is_found_among_all_points(look_at_set, sets):
    page = look_at_set("large").drawn()
    assert_nearest(page, encoded(sets, "large").mu, np.arange(N_LARGE))


def test_a_click_pins_a_point_that_is_not_drawn(look_at_set, sets):
    page = look_at_set("large").drawn()
    page.page.locator(COUNT, has_text="drawn").wait_for()
    mu = encoded(sets, "large").mu
    drawn = {row for trace in page.page.evaluate(DRAWN) for row in trace["rows"]}
    left, top, width, height = page.frame
    for share in (0.35, 0.4, 0.45, 0.5, 0.55, 0.6):
        screen = (round(left + share * width), round(top + height * 0.5))
        row = int(np.square(mu - page.place_at(*screen)).sum(axis=1).argmin())
        if row not in drawn:
            break
    page.page.mouse.click(*screen)
    assert page.wait_for_query("pins", "=row:") == f"A=row:{row}"


def test_zooming_in_draws_every_point_in_view(visit_set, sets):
    page = visit_set("large").drawn()
    mu = encoded(sets, "large").mu
    x, y = mu[:100].mean(axis=0)
    zoom_to(page, [float(x) - 0.25, float(x) + 0.25], [float(y) - 0.25, float(y) + 0.25])
    expected = np.flatnonzero(in_view(mu, page))
    assert 500 < len(expected) < BUDGET
    rows = {row for trace in page.page.evaluate(DRAWN) for row in trace["rows"]}
    assert set(expected) <= rows
    assert page.page.locator(COUNT).inner_text() == f"All {len(expected):,} points in view drawn, of 110,000"


def test_the_wheel_zooms_into_a_large_set_and_draws_more_of_what_is_seen(visit_set):
    page = visit_set("large").drawn()
    page.page.locator(COUNT, has_text="of 110,000 points").wait_for()
    left, top, width, height = page.frame
    page.page.mouse.move(left + width // 2, top + height // 2)
    for _ in range(4):
        page.page.mouse.wheel(0, -500)
    page.page.locator(COUNT, has_text="points in view drawn").wait_for()


def test_dragging_a_large_set_moves_it_and_draws_what_comes_into_view(visit_set, sets):
    page = visit_set("large").drawn()
    zoom_to(page, [-0.5, 0.5], [-0.5, 0.5])
    left, top, width, height = page.frame
    centre = (left + width // 2, top + height // 2)
    before = page.place_at(*centre)
    page.page.mouse.move(*centre)
    page.page.mouse.down()
    page.page.mouse.move(centre[0] + 200, centre[1], steps=6)
    page.page.wait_for_timeout(300)  # longer than the rest after which a view is drawn anew
    page.page.mouse.move(centre[0] + 250, centre[1], steps=2)
    page.page.mouse.up()
    assert page.place_at(centre[0] + 250, centre[1]) == pytest.approx(before, abs=0.01)
    expected = int(in_view(encoded(sets, "large").mu, page).sum())
    page.page.locator(COUNT, has_text=f"{expected:,}").wait_for()


def test_hiding_a_class_of_a_large_set_gives_its_room_to_the_others(visit_set, sets):
    page = visit_set("large").drawn()
    page.page.locator(COUNT, has_text="drawn").wait_for()
    sizes = np.bincount(encoded(sets, "large").labels)
    alone = int(sizes.argmin())
    assert sizes[alone] < BUDGET
    page.page.locator(".latent-map .legendtoggle").nth(alone).dblclick()
    wait_for_shown(page, [alone])
    page.page.locator(COUNT, has_text=f"All {sizes[alone]:,} points").wait_for()
    rows = {row for trace in page.page.evaluate(DRAWN) for row in trace["rows"]}
    assert set(np.flatnonzero(encoded(sets, "large").labels == alone)) <= rows


def test_a_class_without_a_drawn_point_stays_in_the_legend(visit_set):
    page = visit_set("large").drawn()
    page.page.locator(COUNT, has_text="drawn").wait_for()
    page.page.locator(".latent-map .legendtoggle").nth(4).dblclick()
    wait_for_shown(page, [4])
    page.page.locator(COUNT, has_text="All ").wait_for()
    assert page.page.locator(".latent-map .legendtext").count() == 10
    page.page.locator(".latent-map .legendtoggle").nth(7).click()
    wait_for_shown(page, [4, 7])


def test_a_small_set_is_drawn_whole_without_a_shade(look_at_set):
    page = look_at_set("small").drawn()
    assert page.page.locator(COUNT).inner_text() == ""
    assert not page.page.locator(".latent-map__shade").is_visible()


# Sets that are hard to draw


def test_a_space_of_one_dimension_is_a_strip_that_says_so(visit_set, sets):
    page = visit_set("line").drawn()
    page.page.get_by_text("This latent space has one dimension").wait_for()
    assert sum(trace["n"] for trace in page.traces()) == 500
    left, top, width, height = page.frame
    paint = page.point_at(left + width // 3, top + height // 2)
    expected = sets.decode("line", [paint.x])
    assert np.abs(paint.image.astype(int) - expected).max() <= 1
    assert page.alerts() == []


def test_a_hundred_classes_leave_room_for_the_map(visit_set):
    for settings in ({}, {"viewport": {"width": 390, "height": 800}}):
        page = visit_set("hundred", **({} if not settings else {"settings": settings})).drawn()
        height = page.page.locator(".latent-map").bounding_box()["height"]
        assert page.frame[3] > 0.4 * height
        assert page.frame[2] > 200
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert sum(trace["n"] for trace in page.traces()) == 3000
        assert page.alerts() == []


def test_a_set_of_one_class_has_one_entry_in_its_legend(visit_set):
    page = visit_set("one-class").drawn()
    assert page.page.locator(".latent-map .legendtext").all_text_contents() == ["3"]


def test_codes_that_are_all_the_same_are_drawn_and_have_no_density_in_words(visit_set):
    page = visit_set("constant", colour="density").drawn()
    assert sum(trace["n"] for trace in page.traces()) == 50
    (message,) = page.alerts()
    assert "at one place or on one line" in message
    page.page.get_by_text("PCA", exact=True).click()
    page.page.get_by_text("All codes are the same, so PCA has no map of them").wait_for()
    assert page.n_tracebacks() == 0


def test_three_images_are_drawn(visit_set, sets):
    page = visit_set("three").drawn()
    assert sum(trace["n"] for trace in page.traces()) == 3
    assert page.alerts() == []
    assert_nearest(page, encoded(sets, "three").mu, np.arange(3))


def test_codes_that_are_not_finite_are_told_with_their_number(visit_set):
    page = visit_set("not-finite")
    page.wait_for_message()
    assert "not finite numbers within 1e+06, for 2 of 40 images" in page.alerts()[0]
    assert page.n_tracebacks() == 0


# Columns brought along


def test_a_column_of_ones_own_colours_the_map_and_is_kept_with_the_run(visit_set, sets):
    page = visit_set("line").drawn()
    values = np.random.default_rng(3).normal(size=500).astype(np.float32)
    table = "row,weight,words\n" + "".join(f"{row},{value!s},a\n" for row, value in enumerate(values))
    page.page.get_by_role("button", name="Own numbers").click()
    page.page.locator("input[type=file]").set_input_files(
        {"name": "weights.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    assert page.wait_for_query("colour") == "own:weight"
    page.page.wait_for_function(f"() => {LAYER}.values")
    assert_coloured_by(page, values, "weight")
    again = visit_set("line", colour="own:weight").drawn()
    assert_coloured_by(again, values, "weight")
    np.testing.assert_array_equal(open_run("line", sets.checkpoints).columns()["weight"], values)


def test_a_file_that_fits_no_images_is_refused_beside_its_button_and_changes_nothing(visit_set, sets):
    page = visit_set("three").drawn()
    page.page.get_by_role("button", name="Own numbers").click()
    page.page.locator("input[type=file]").set_input_files(
        {"name": "weights.csv", "mimeType": "text/csv", "buffer": b"weight\n1\n2\n"}
    )
    page.page.get_by_text("weights.csv has 2 lines, but 3 images are encoded").wait_for()
    assert open_run("three", sets.checkpoints).columns() == {}


# The picture to take away


def taken_away(page, kind):
    """The path of the picture that the map's bar hands out, under the name that says what it is of."""
    with page.page.expect_download() as download:
        page.page.locator(f".modebar-btn[data-title='Download as {kind}']").click()
    assert download.value.suggested_filename == f"latent-map-small.{kind.lower()}"
    return download.value.path()


def assert_shows_the_map(picture, page, box, scale):
    """``picture``, of ``scale`` pixels for one of the page, has the pin, the prior's circles and a class's colour."""
    assert picture.shape == (scale * round(box["height"]), scale * round(box["width"]), 3)
    # The chosen pin is a disc of ink, 9 pixels from its centre to all sides.
    left, top = (page.screen_of([[0.5, 0.25]])[0] - [box["x"], box["y"]]) * scale
    for dx, dy in ((8, 0), (-8, 0), (0, 8), (0, -8)):
        assert picture[round(top) + scale * dy, round(left) + scale * dx].sum() < 250
    # The circle of one sigma crosses the axis at z0 = -1.
    x, y = (page.screen_of([[0.0, -1.0]])[0] - [box["x"], box["y"]]) * scale
    assert picture[round(y) - 3 : round(y) + 4, round(x)].sum(axis=1).min() < 600
    # Of a class's colour there is about as much as on the page.
    colour = np.array([230, 159, 0])
    assert (np.abs(picture - colour).max(axis=2) < 60).sum() > 500 * scale**2


def test_the_picture_shows_points_overlays_and_pins_where_the_page_does(visit_set):
    page = visit_set("small", pins="A=0.5,0.25", overlays="prior").drawn()
    box = page.page.locator(".latent-map").bounding_box()
    picture = np.asarray(Image.open(taken_away(page, "PNG")).convert("RGB")).astype(int)
    assert_shows_the_map(picture, page, box, 2)


def test_the_drawing_to_scale_has_every_point_and_looks_like_the_page(visit_set):
    page = visit_set("small", pins="A=0.5,0.25", overlays="prior").drawn()
    box = page.page.locator(".latent-map").bounding_box()
    drawing = taken_away(page, "SVG").read_text(encoding="utf-8")
    points = ElementTree.fromstring(drawing).findall(".//{http://www.w3.org/2000/svg}path[@class='point']")
    assert len(points) == page.page.evaluate("() => document.querySelector('.latent-map').map.points.n")
    viewer = page.page.context.new_page()
    viewer.set_viewport_size({"width": round(box["width"]), "height": round(box["height"])})
    viewer.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{drawing}")
    picture = np.asarray(Image.open(io.BytesIO(viewer.screenshot())).convert("RGB")).astype(int)
    assert_shows_the_map(picture, page, box, 1)


def n_coloured(page) -> int:
    """Pixels of the map that are neither paper nor ink."""
    picture = page.page.locator(".latent-map__plot .plot-container").screenshot()
    rgb = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    return int((np.ptp(rgb, axis=2) > 60).sum())


def test_a_map_whose_graphics_memory_was_taken_away_is_drawn_anew(visit):
    page = visit(run="digits-vae-2d").drawn()
    page.page.evaluate("() => document.querySelector('.latent-map').map.zoomBy(0.5)")
    page.settle()
    zoomed, n_before = page.page.evaluate(RANGES), n_coloured(page)
    assert n_before > 500
    n_lost = page.page.evaluate(
        """() => [...document.querySelectorAll('.latent-map__plot .gl-canvas')].filter((canvas) => {
            const context = canvas.getContext('webgl') ?? canvas.getContext('webgl2');
            context?.getExtension('WEBGL_lose_context').loseContext();
            return context;
        }).length"""
    )
    assert n_lost > 0
    page.page.wait_for_function(
        """() => [...document.querySelectorAll('.latent-map__plot .gl-canvas')].every((canvas) => {
            const context = canvas.getContext('webgl') ?? canvas.getContext('webgl2');
            return context && !context.isContextLost();
        })"""
    )
    page.settle()
    assert n_coloured(page) == pytest.approx(n_before, rel=0.05)
    assert page.page.evaluate(RANGES) == zoomed
    page.page.mouse.move(*page.lone_row(page.app.points("digits-vae-2d"))[1])
    page.page.wait_for_function("window.nPainted > 0")


RANGES = "() => ['xaxis', 'yaxis'].map((axis) => document.querySelector('.latent-map__plot').layout[axis].range)"
