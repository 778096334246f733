import csv
import io
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from explorer.data.catalogue import load_split
from explorer.runs.listing import open_run

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"
N = 10_000
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
PLOT = "document.querySelector('.latent-map__plot')"
BRIGHT = f"""() => {{
  const {{ layer }} = document.querySelector(".latent-map").map;
  return layer.drawnRows().flatMap((rows, trace) => {PLOT}.data[trace].selectedpoints.map((k) => rows[k]));
}}"""
IS_CLEAR = f"() => {PLOT}.data.every((trace) => !trace.selectedpoints) && !{PLOT}.layout.shapes.length"


def choose(page, tool):
    """Press the button of a tool, "lasso", "select" (the box) or "pan", above the map."""
    page.page.locator(f'.latent-map .modebar-btn[data-attr="dragmode"][data-val="{tool}"]').first.click()
    page.page.wait_for_function(f"(tool) => {PLOT}._fullLayout.dragmode === tool", arg=tool)


def circle(page, across=0.55, down=0.45, radius=0.15):
    """Places in the window around a part of the map, which end where they begin."""
    left, top, width, height = page.frame
    angles = np.linspace(0, 2 * np.pi, 13)
    centre = np.array([left + across * width, top + down * height])
    return centre + radius * min(width, height) * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw(page, places):
    """Drag the mouse through places in the window, and wait until the script has answered."""
    before = page.page.evaluate(f"{PLOT}.layout.shapes.map((shape) => shape.path).join()")
    page.page.mouse.move(*places[0])
    page.page.mouse.down()
    for place in places[1:]:
        page.page.mouse.move(*place)
    page.page.mouse.up()
    page.page.wait_for_function(
        f"(before) => {PLOT}.layout.shapes.length && {PLOT}.layout.shapes.map((shape) => shape.path).join() !== before",
        arg=before,
    )


def select(page, **part):
    """Draw a lasso."""
    choose(page, "lasso")
    draw(page, circle(page, **part))
    headline(page).wait_for()
    return page.settle()


def headline(page):
    return page.page.get_by_role("heading", name=re.compile(r"^[\d,]+ of [\d,]+ test images selected$"))


def wait_for_count(page, n):
    page.page.get_by_role("heading", name=f"{n:,} of {N:,} test images selected", exact=True).wait_for()


def outline(page):
    """The outline on the map, shape (K, 2): what was sent to the script."""
    path = page.page.evaluate(f"{PLOT}.layout.shapes[0].path")
    return np.array([[float(number) for number in pair.split(",")] for pair in path.strip("MZ").split("L")])


def enclosed(points, outline):
    """The rows whose ray to the right crosses an odd number of edges; told by the side of each edge they lie on."""
    points = points.astype(np.float64)
    is_inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        is_above = y1 > y0
        side = (x1 - x0) * (points[:, 1] - y0) - (y1 - y0) * (points[:, 0] - x0)
        at_height = (points[:, 1] >= min(y0, y1)) & (points[:, 1] < max(y0, y1))
        is_inside ^= at_height & ((side > 0) == is_above)
    return np.flatnonzero(is_inside)


def bright_rows(page, labels):
    """The rows that the map does not dim, from the numbers of the selected points of each trace."""
    rows = page.page.evaluate(BRIGHT)
    assert len(set(rows)) == len(rows) <= len(labels)
    return sorted(rows)


@pytest.fixture
def labels(app):
    return open_run(RUN, app.checkpoints).encoded().labels


def test_a_lasso_selects_the_points_in_it_and_dims_the_others(visit, app, labels):
    page = select(visit().drawn())
    expected = enclosed(app.points(RUN), outline(page))
    assert 100 < len(expected) < N - 100
    wait_for_count(page, len(expected))
    assert bright_rows(page, labels) == expected.tolist()
    opacities = page.page.evaluate(f"{PLOT}.data.map((trace) => trace.unselected?.marker.opacity)")
    assert len(opacities) >= 10
    assert set(opacities) == {0.15}
    # The lasso ended where it began, which must not pass for a click.
    assert "pins" not in page.query
    assert [line for line in page.console if line.startswith("error")] == []


def test_a_box_selects_the_points_in_it_and_one_around_everything_selects_everything(visit, app, labels):
    page = visit().drawn()
    left, top, width, height = page.frame
    choose(page, "select")
    draw(page, [[left + part * width, top + part * height] for part in np.linspace(0.3, 0.6, 8)])
    corners = outline(page)
    assert len(corners) == 4
    points, (low, high) = app.points(RUN), (corners.min(axis=0), corners.max(axis=0))
    expected = np.flatnonzero(((points >= low) & (points < high)).all(axis=1))
    assert len(expected) > 100
    wait_for_count(page, len(expected))
    assert bright_rows(page.settle(), labels) == expected.tolist()
    draw(page, [[left + 1, top + 1], [left + width / 2, top + height / 2], [left + width - 1, top + height - 1]])
    wait_for_count(page, N)
    assert bright_rows(page, labels) == list(range(N))


def test_a_class_that_the_legend_hides_is_not_selected_whenever_it_is_hidden(visit, app, labels):
    page = visit().drawn()

    def hide(label):
        page.page.locator(".latent-map .legendtoggle").nth(label).click()
        page.page.wait_for_function(f"(label) => {PLOT}.data[label].visible === 'legendonly'", arg=label)

    hide(0)
    select(page)
    rows = enclosed(app.points(RUN), outline(page))
    without_0 = rows[labels[rows] != 0]
    assert len(without_0) < len(rows)
    wait_for_count(page, len(without_0))
    hide(3)
    without_both = without_0[labels[without_0] != 3]
    assert len(without_both) < len(without_0)
    wait_for_count(page, len(without_both))
    page.page.get_by_text("Without the classes that the legend hides: 0, 3.").wait_for()
    assert bright_rows(page.settle(), labels) == without_both.tolist()


def by_button(page):
    page.page.get_by_role("button", name="Clear selection").click()


def by_escape(page):
    page.page.locator(".latent-map").focus()
    page.page.keyboard.press("Escape")


def by_double_click(page):
    left, top, width, height = page.frame
    page.page.mouse.dblclick(left + 0.9 * width, top + 0.9 * height)


def test_clearing_shows_all_points_alike_and_others_are_selected_again_and_again(visit):
    page = visit(run=RUN).drawn()
    for number, clear in enumerate(2 * [by_button, by_escape, by_double_click]):
        page.still_box(page.page.locator(".latent-map"))
        select(page, across=(0.5, 0.6)[number % 2])
        clear(page)
        page.page.get_by_text("To select images").wait_for()
        page.page.wait_for_function(IS_CLEAR)
    page.page.wait_for_timeout(500)  # longer than a click waits for a second one
    assert "pins" not in page.query, "a double click cleared, and pinned nothing"


def test_a_selection_stays_while_places_are_pinned_and_pointing_goes_on(visit, app, labels):
    page = select(visit().drawn())
    before, rows = outline(page), bright_rows(page, labels)
    left, top = page.empty_place(app.points(RUN))
    page.point_at(left, top)
    page.page.mouse.click(left, top)
    page.wait_for_query("pins")
    page.page.get_by_text("Pinned place").wait_for()
    page.settle()
    wait_for_count(page, len(rows))
    assert bright_rows(page, labels) == rows
    np.testing.assert_array_equal(outline(page), before)


def test_while_a_lasso_is_drawn_no_image_lies_over_it(visit):
    page = visit().drawn()
    choose(page, "lasso")
    lens = page.page.locator(".latent-map__lens")
    places = circle(page)
    page.page.mouse.move(*places[0])
    page.page.mouse.down()
    for place in places[1:20]:
        page.page.mouse.move(*place)
    page.page.wait_for_function("getComputedStyle(document.querySelector('.latent-map__lens')).opacity === '0'")
    page.page.mouse.up()
    headline(page).wait_for()
    assert lens.evaluate("(lens) => getComputedStyle(lens).opacity") == "1"
    page.point_at(*places[4].round())


def test_another_lasso_takes_the_place_of_the_first_and_on_another_map_nothing_is_selected(visit, app, labels):
    page = select(visit().drawn())
    first = bright_rows(page, labels)
    draw(page, circle(page, across=0.4, down=0.7, radius=0.1))
    expected = enclosed(app.points(RUN), outline(page))
    wait_for_count(page, len(expected))
    assert bright_rows(page.settle(), labels) == expected.tolist() != first
    page.page.get_by_text("PCA", exact=True).click()
    page.wait_for_query("space", "pca")
    headline(page).wait_for(state="hidden")
    page.page.wait_for_function(IS_CLEAR)


def test_a_selection_is_there_again_after_a_look_at_another_page(visit, labels):
    page = select(visit().drawn())
    before, rows = outline(page), bright_rows(page, labels)
    page.page.get_by_role("link", name="Generate").click()
    page.page.get_by_role("heading", name="50 samples").wait_for()
    page.page.get_by_role("link", name="Latent map").click()
    wait_for_count(page, len(rows))
    page.page.wait_for_function(f"() => {PLOT}?.layout?.shapes?.length")
    np.testing.assert_array_equal(outline(page), before)
    assert bright_rows(page, labels) == rows


@pytest.mark.mnist
def test_what_is_selected_is_told_shown_a_page_at_a_time_and_handed_out(visit, app, labels):
    page = select(visit().drawn())
    points = app.points(RUN)
    rows = enclosed(points, outline(page))
    counts = np.bincount(labels[rows], minlength=10)
    top = counts.argmax()
    start = f"Share of each class among {len(rows):,} selected images: {top} {counts[top] / len(rows):.1%} "
    page.page.get_by_label(re.compile(f"^{re.escape(start)}")).first.wait_for()
    images = load_split("mnist", "test").images

    def first_shown():
        return page.picture("Originals of selected images")[2:58:2, 2:58:2, 0]

    page.page.get_by_text(f"Images, 24 of {len(rows):,} shown").wait_for()
    np.testing.assert_array_equal(first_shown(), images[rows[0], 0])
    page.page.get_by_test_id("stPagination").get_by_text("2", exact=True).click()
    page.page.get_by_text(f"Images, 25 to 48 of {len(rows):,} shown").wait_for()
    page.settle()
    np.testing.assert_array_equal(first_shown(), images[rows[24], 0])
    for kind in ("CSV", "Parquet"):
        with page.page.expect_download() as download:
            page.page.get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"{RUN}-selection.{kind.lower()}"
        content = download.value.path().read_bytes()
        assert_holds(content, kind, rows, points, open_run(RUN, app.checkpoints).encoded())


def assert_holds(content, kind, rows, points, encoded):
    """The file of a selection has its rows of the encoded set."""
    if kind == "CSV":
        first, *lines = csv.reader(io.StringIO(content.decode()))
        columns = dict(zip(first, zip(*lines, strict=True), strict=True))
    else:
        columns = pq.read_table(io.BytesIO(content)).to_pydict()
    assert [int(row) for row in columns["row"]] == rows.tolist()
    assert list(columns["class"]) == [str(label) for label in encoded.labels[rows]]
    numbers = {"mu_1": encoded.mu[:, 1], "log_var_0": encoded.log_var[:, 0], "kl": encoded.kl, "map_x": points[:, 0]}
    for name, expected in numbers.items():
        np.testing.assert_array_equal(np.array(columns[name], np.float32), expected[rows], err_msg=name)


def test_on_a_phone_a_finger_draws_a_lasso_and_the_panel_is_no_wider_than_the_screen(visit, app):
    page = visit(settings=PHONE).drawn()
    page.page.locator(".latent-map").scroll_into_view_if_needed()
    page.page.locator('.latent-map .modebar-btn[data-val="lasso"]').tap()
    page.page.wait_for_function("document.querySelector('.latent-map').dataset.drag === 'lasso'")
    devtools = page.page.context.new_cdp_session(page.page)

    def touch(kind, *places):
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in places]})

    places = circle(page, radius=0.2).tolist()
    touch("touchStart", places[0])
    for place in places[1:]:
        touch("touchMove", place)
    touch("touchEnd")
    headline(page).wait_for()
    page.settle()
    wait_for_count(page, len(enclosed(app.points(RUN), outline(page))))
    assert "pins" not in page.query
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    # A finger on the map scrolls the page again.
    assert page.page.evaluate(f"{PLOT}._fullLayout.dragmode") is False
