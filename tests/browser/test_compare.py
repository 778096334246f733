"""The page Compare: linked maps, what is selected on them, the three questions, the table and its files."""

import csv
import re

import numpy as np
import pytest
from scipy.spatial import procrustes

from explorer.runs.listing import open_run
from tests.browser.test_access import PHONE
from tests.browser.test_lasso import IS_CLEAR, choose, draw
from tests.browser.test_lasso import circle as places_around

pytestmark = pytest.mark.browser

RUN, RIVAL = "digits-vae-2d", "digits-ae-2d"
BOTH = f"{RUN},{RIVAL}"
MAPS = "[...document.querySelectorAll('.latent-map')].map((root) => root.map)"
ARE_DRAWN = f"(n) => {MAPS}.filter((map) => map?.points && map.plot._fullLayout).length === n"
BRIGHT = f"""() => {MAPS}.map(({{ plot, layer }}) =>
  layer.drawnRows().flatMap((rows, trace) => (plot.data[trace].selectedpoints ?? []).map((k) => rows[k])))"""
LENS = """(index) => {
  const canvas = document.querySelectorAll(".latent-map__lens canvas")[index];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k]);
}"""
MARKED = f"(index) => {MAPS}[index].marks.found[''] ?? null"


@pytest.fixture
def compare(visit):
    """Opens the page and waits for its maps."""

    def open_page(runs=BOTH, settings=None, **query):
        page = visit("compare", settings=settings, **{"compare": runs, **query})
        page.page.wait_for_function(ARE_DRAWN, arg=len(runs.split(",")))
        return page.settle()

    return open_page


def points(page, index):
    xy = page.page.evaluate(f"(index) => Array.from({MAPS}[index].points.xy)", index)
    return np.array(xy).reshape(-1, 2)


def encoded(app, run):
    return open_run(run, app.checkpoints).encoded()


def bright(page):
    """For each map the rows that it does not dim."""
    return [sorted(rows) for rows in page.page.evaluate(BRIGHT)]


def headline(page):
    return page.page.get_by_role("heading", name=re.compile(r"^[\d,]+ of [\d,]+ test images selected$"))


def test_who_points_at_one_map_sees_the_same_image_on_the_other_and_the_script_hears_nothing(compare, app):
    page = compare(align="0", maps="plane")
    row, (left, top) = page.lone_row(points(page, 0))
    n_before = page.n_frames
    page.page.mouse.move(left, top, steps=4)
    page.page.wait_for_function(f"() => {MAPS}[0].link.row === {row}")
    for index in (0, 1):
        place = page.page.evaluate(MARKED, index)
        np.testing.assert_allclose([place["x"], place["y"]], points(page, index)[row], atol=1e-6)
    # The other model decodes its own code of that image.
    expected = app.decode(RIVAL, encoded(app, RIVAL).mu[row]).ravel()
    page.page.wait_for_function(
        f"([index, expected]) => {{ const shown = ({LENS})(index); "
        "return shown.length === expected.length && shown.every((grey, k) => Math.abs(grey - expected[k]) <= 2); }",
        arg=[1, expected.tolist()],
    )
    assert f"image {row:,}" in page.page.locator(".latent-map__lens figcaption").nth(1).inner_text()
    page.leave_map()
    page.page.wait_for_function(f"() => {MAPS}.every((map) => map.link.row === null && !map.marks.found[''])")
    assert page.n_frames == n_before


def test_a_lasso_on_one_map_selects_the_same_images_on_all(compare, app):
    page = compare(f"{BOTH},digits-cvae-2d")
    choose(page, "lasso")
    draw(page, places_around(page))
    headline(page).wait_for()
    page.settle()
    first, *others = bright(page)
    assert 0 < len(first) < len(encoded(app, RUN).labels)
    assert others == [first, first]
    assert headline(page).inner_text().startswith(f"{len(first):,} of ")
    page.page.get_by_text(f"Drawn on the map of {RUN}; the same images are bright on 3 maps.").wait_for()
    # A rerun of the whole page leaves it as it is.
    page.page.get_by_text("Does it give p(x)?").click()
    page.wait_for_query("question", "likelihood")
    page.settle()
    assert bright(page) == [first] * 3
    page.page.get_by_role("button", name="Clear selection").click()
    headline(page).wait_for(state="hidden")
    page.page.wait_for_function(IS_CLEAR)
    page.page.wait_for_function(f"() => ({BRIGHT})().every((rows) => rows.length === 0)")


def test_a_click_pins_the_nearest_image_on_every_map(compare, app):
    page = compare(pins="A=z:1,1;B=row:7")
    left, top = page.empty_place(points(page, 0))
    page.page.mouse.click(left, top)
    page.wait_for_query("pins", "C=row:")
    row = int(page.query["pins"].rpartition(":")[2])
    page.page.wait_for_function(f"() => {MAPS}.every((map) => map.data.pins.length === 2)")
    for index in (0, 1):
        places = page.page.evaluate(f"(index) => {MAPS}[index].data.pins.map((pin) => [pin.name, pin.x, pin.y])", index)
        assert [name for name, *_ in places] == ["B", "C"], "a code is another model's"
        np.testing.assert_allclose([place for _, *place in places], points(page, index)[[7, row]], atol=1e-5)
    # The second of the two that are shown is the third of all.
    page.page.locator(".pin-tray__remove").nth(1).dispatch_event("click")
    page.page.wait_for_function("() => !new URLSearchParams(location.search).get('pins').includes('C=')")
    assert page.query["pins"] == "A=z:1,1;B=row:7"


def test_the_other_map_is_turned_onto_the_first_and_still_decodes_its_own_codes(compare, app):
    page = compare(maps="plane")
    first, turned = points(page, 0), points(page, 1)
    own = encoded(app, RIVAL).mu
    standard, fitted, disparity = procrustes(encoded(app, RUN).mu, own)
    scale = np.linalg.norm(first - first.mean(axis=0))
    np.testing.assert_allclose((first - first.mean(axis=0)) / scale, standard, atol=1e-5)
    np.testing.assert_allclose((turned - first.mean(axis=0)) / scale, fitted, atol=1e-5)
    page.page.get_by_text(re.compile(f"{disparity:.0%} of the spread does not fit")).wait_for()
    # A place on the turned map is decoded as the code that lies there.
    box = page.still_box(page.page.locator(".latent-map").nth(1))
    page.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.page.wait_for_function(f"() => {MAPS}[1].link.row !== null")
    place = page.page.evaluate(f"() => [{MAPS}[1].cursor.x, {MAPS}[1].cursor.y]")
    inverse, *_ = np.linalg.lstsq(np.c_[turned, np.ones(len(turned))], own, rcond=None)
    expected = app.decode(RIVAL, (np.array([*place, 1]) @ inverse).astype(np.float32)).ravel()
    page.page.wait_for_function(
        f"([index, expected]) => ({LENS})(index).every((grey, k) => Math.abs(grey - expected[k]) <= 3)",
        arg=[1, expected.tolist()],
    )
    page.page.get_by_text("Align").click()
    page.wait_for_query("align", "0")
    page.page.wait_for_function(f"(x) => Math.abs({MAPS}[1].points.xy[0] - x) < 1e-5", arg=float(own[0, 0]))


@pytest.mark.mnist
def test_models_of_other_images_are_shown_but_not_linked(compare):
    page = compare(f"{RUN},mnist-ae-2d")
    page.page.get_by_text(f"Other images than those of {RUN}: neither turned onto its map nor linked to it.").wait_for()
    left, top, width, height = page.frame
    page.page.mouse.move(left + 0.5 * width, top + 0.5 * height, steps=3)
    page.page.wait_for_function(f"() => {MAPS}[0].link.row !== null")
    assert page.page.evaluate(MARKED, 1) is None


def test_numbers_are_measured_beside_the_page_kept_and_taken_away(compare, tmp_path):
    page = compare(question="numbers")
    page.page.get_by_role("button", name="Measure").click()
    table = page.page.locator(".comparison table")
    table.wait_for(timeout=240_000)
    assert table.locator("thead th").all_inner_texts() == ["Metric", RUN, RIVAL]
    elbo = table.locator("tbody tr").filter(has_text="ELBO (nats)")
    assert "autoencoder" in elbo.locator("td").nth(1).inner_text()
    with page.page.expect_download() as waiting:
        page.page.get_by_role("button", name="CSV").click()
    waiting.value.save_as(tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    value = next(row["value"] for row in rows if (row["run"], row["metric"]) == (RUN, "elbo"))
    assert f"{float(value):,.2f}" in elbo.locator("td").nth(0).inner_text()
    # Asked for in another order, nothing is measured again.
    again = compare(f"{RIVAL},{RUN}", question="spaces")
    again.page.locator(".comparison table").wait_for()
    assert again.page.get_by_role("button", name="Measure").count() == 0


def test_on_a_phone_the_maps_lie_below_one_another_and_nothing_is_wider_than_the_screen(compare):
    page = compare(settings=PHONE)
    boxes = [page.page.locator(".latent-map").nth(k).bounding_box() for k in (0, 1)]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
