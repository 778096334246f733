from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from explorer.runs.listing import open_run
from explorer.ui.map.overlays import OVERLAYS

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"
TITLES = {name: overlay.title for name, overlay in OVERLAYS.items()}
ALL = ",".join(TITLES)
REQUEST = {
    "images": "/decode?space=plane",
    "density": "/density?space=plane",
    "untrained": "/density?space=plane",
    "posterior": "/ellipses?space=plane",
}
# Pixels of both canvases that something was drawn on.
N_DRAWN = """() => [...document.querySelectorAll(".latent-map__overlay")].map((canvas) => {
  if (!canvas.width) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let k = 3; k < data.length; k += 4) n += data[k] > 0;
  return n;
})"""
LAYER = "document.querySelector('.latent-map').map.overlays.layers"
RANGE = "document.querySelector('.latent-map__plot')._fullLayout.xaxis.range"
# Zooms as the mode bar does, about the place (x, y), to a view of this width.
ZOOM = """([x, y, width]) => {
  const map = document.querySelector(".latent-map").map;
  const { xaxis, yaxis } = map.plot._fullLayout;
  const height = (width * yaxis._length) / xaxis._length;
  return map.Plotly.relayout(map.plot, {
    "xaxis.range": [x - width / 2, x + width / 2], "yaxis.range": [y - height / 2, y + height / 2]
  }).then(() => undefined);
}"""


def wait_until_drawn(page, least=200):
    """Wait until the two canvases together show at least that many pixels."""
    page.page.wait_for_function(f"least => ({N_DRAWN})().reduce((a, b) => a + b) >= least", arg=least)


def wait_for_words(page, words):
    page.page.wait_for_function(
        "words => document.querySelector('.latent-map-overlays')?.innerText.includes(words)", arg=words
    )


def toggle(page, title):
    page.page.locator(".st-key-overlays").get_by_text(title, exact=True).click()


# How much ink lies within a few pixels of places of the map, and null where the axes do not reach.
INK = """(places) => {
  const { xaxis, yaxis, _size } = document.querySelector(".latent-map__plot")._fullLayout;
  const plot = document.querySelector(".latent-map__plot").getBoundingClientRect();
  const canvas = document.querySelector(".latent-map__overlay--over");
  const box = canvas.getBoundingClientRect();
  const [scale, radius, margin] = [devicePixelRatio, 6, 8];
  return places.map(([x, y]) => {
    const [left, top] = [xaxis.d2p(x), yaxis.d2p(y)];
    if (Math.min(left, _size.w - left, top, _size.h - top) < margin) return null;
    const [across, down] = [plot.left + _size.l + left - box.left, plot.top + _size.t + top - box.top];
    const area = [(across - radius) * scale, (down - radius) * scale, 2 * radius * scale, 2 * radius * scale];
    const { data } = canvas.getContext("2d").getImageData(...area);
    let n = 0;
    for (let k = 3; k < data.length; k += 4) n += data[k] > 128;
    return n;
  });
}"""


def wait_for_ink(page, at, not_at=(), least=1):
    """Wait until the upper canvas has ink at all places ``at`` that are in view, ``least`` of them, and none elsewhere.

    Places and pixels are of one look: between two the page may move.
    """
    page.page.wait_for_function(
        f"""([at, notAt, least]) => {{
          const seen = ({INK})(at).filter((n) => n !== null);
          return seen.length >= least && seen.every((n) => n > 0) && ({INK})(notAt).every((n) => n === 0);
        }}""",
        arg=[np.asarray(at, float).tolist(), np.asarray(not_at, float).tolist(), least],
    )


@pytest.mark.parametrize("name", ["images", "prior", "density", "untrained", "posterior"])
def test_an_overlay_is_drawn_when_it_is_chosen_and_gone_when_it_is_not(look, visit, name):
    # What is untrained is told by the density, which a page asks for once.
    page = (visit if name == "untrained" else look)(pin="row:0").drawn()
    n_before = len(page.requests)
    toggle(page, TITLES[name])
    page.wait_for_query("overlays", f"^{name}$")
    wait_until_drawn(page)
    asked = page.requests[n_before:]
    assert any(REQUEST.get(name, "") in url for url in asked)
    wait_for_words(page, TITLES[name])
    toggle(page, TITLES[name])
    page.page.wait_for_function("() => !location.search.includes('overlays')")
    page.page.wait_for_function(f"() => ({N_DRAWN})().every((n) => n === 0)")


def test_choosing_an_overlay_keeps_the_points_and_the_zoom(visit):
    page = visit().drawn()
    page.page.evaluate(ZOOM, [0.5, 0.5, 2.0])
    zoomed = page.page.evaluate(RANGE)
    page.page.evaluate("window.nDrawn = null")
    n_points = sum("/points?" in url for url in page.requests)
    for title in ("Prior", "Density"):
        toggle(page, title)
        page.wait_for_query("overlays", title.lower())
        wait_for_words(page, title)
    page.settle()
    assert page.page.evaluate(RANGE) == pytest.approx(zoomed)
    assert page.page.evaluate("window.nDrawn") is None
    assert sum("/points?" in url for url in page.requests) == n_points


def test_a_link_restores_the_overlays_and_names_what_it_cannot_read(visit):
    page = visit(overlays="density,prior").drawn()
    wait_for_words(page, "Density of the aggregated posterior, 10,000 images")
    wait_for_words(page, "Prior N(0, I)")
    assert page.alerts() == []
    page = visit(overlays="density,magic").drawn()
    assert "overlays='density,magic', which cannot be read" in page.alerts()[0]


def test_the_circles_of_the_prior_are_where_they_are_true_and_follow_a_zoom(visit):
    page = visit(overlays="prior").drawn()
    angles = np.radians([100, 200, 300])
    rings = [(sigma * np.cos(angle), sigma * np.sin(angle)) for sigma in (1, 2, 3) for angle in angles]
    wait_for_ink(page, rings, not_at=[(0.2, 0.2)], least=3)
    page.page.evaluate(ZOOM, [0.5, 0, 4.0])
    page.page.wait_for_function(f"() => Math.abs({RANGE}[1] - {RANGE}[0] - 4) < 0.01")
    wait_for_ink(page, rings, not_at=[(0.2, 0.2)], least=3)


def test_circles_move_with_the_map_while_it_is_dragged(visit):
    page = visit(overlays="prior").drawn()
    wait_until_drawn(page)
    left, top, width, height = page.frame
    before = page.page.evaluate(RANGE)
    page.page.mouse.move(left + width / 2, top + height / 2)
    page.page.mouse.down()
    page.page.mouse.move(left + width / 2 + 60, top + height / 2 + 30, steps=6)
    page.page.wait_for_function(f"([low, high]) => {RANGE}[0] < low - 0.05 * (high - low)", arg=before)
    angles = np.radians([200, 250])
    wait_for_ink(page, np.stack([np.cos(angles), np.sin(angles)], 1), least=2)
    page.page.mouse.up()


def test_the_images_behind_the_points_are_decoded_anew_for_another_view(visit, app):
    page = visit(overlays="images").drawn()
    page.page.wait_for_function(f"() => {LAYER}.images.grid")
    first = page.page.evaluate(f"{LAYER}.images.grid.step")
    page.page.evaluate(ZOOM, [1.0, 1.0, 2.0])
    page.page.wait_for_function(f"first => {LAYER}.images.grid.step < first / 2", arg=first)
    column, row, columns, step, step_y = page.page.evaluate(
        f"(({{ column, row, columns, step, stepY }}) => [column, row, columns, step, stepY])({LAYER}.images.grid)"
    )
    k = 2 * columns + 3
    place = [(column + 3 + 0.5) * step, (row + 2 + 0.5) * step_y]
    tile = np.array(page.page.evaluate(f"Array.from({LAYER}.images.grid.images[{k}])"))
    expected = app.decode(RUN, place, space="plane").ravel().astype(int)
    assert np.abs(tile - expected).max() <= 2
    n = page.page.evaluate(f"{LAYER}.images.grid.images.length")
    assert n <= 1024


def test_a_conditional_model_shows_images_in_the_class_of_the_nearest_point(visit):
    page = visit(run="digits-cvae-2d", overlays="images").drawn()
    page.page.wait_for_function(f"() => {LAYER}.images.grid")
    labels = {dict(parse_qsl(urlsplit(url).query))["label"] for url in page.requests if "/decode?space=plane" in url}
    assert len(labels) >= 5


def test_the_ellipse_is_that_of_the_image_under_the_pointer(visit, app):
    page = visit(overlays="posterior").drawn()
    wait_for_words(page, "Posterior q(z|x) of image 0")
    points = app.points(RUN)
    row, place = page.lone_row(points)
    page.point_at(*place)
    wait_for_words(page, f"Posterior q(z|x) of image {row:,}")
    wait_for_ink(page, [points[row]])
    encoded = open_run(RUN, app.checkpoints).encoded()
    covariance = page.page.evaluate(f"Array.from({LAYER}.posterior.covariances.subarray({3 * row}, {3 * row + 3}))")
    assert [covariance[0], covariance[2]] == pytest.approx(np.exp(encoded.log_var[row]).tolist(), rel=1e-4)
    page.point_at(*page.empty_place(points))
    wait_for_words(page, "point at an image to see its own")


def test_thumbnails_appear_when_few_images_are_in_view(visit, app):
    points = app.points(RUN)
    page = visit(overlays="thumbnails").drawn()
    wait_for_words(page, "Thumbnails appear once at most 150 images are in view; now there are 10,000")
    assert not any("/images" in url for url in page.requests)
    page.page.evaluate(ZOOM, [float(points[3][0]), float(points[3][1]), 0.15])
    wait_for_words(page, "images in view")
    wait_until_drawn(page, 1000)
    shown = page.page.evaluate(f"{LAYER}.thumbnails.rows")
    low, high = page.page.evaluate(RANGE)
    assert 3 in shown
    assert all(low <= points[row][0] <= high for row in shown)
    assert sum(url.endswith("/images") for url in page.requests) == 1


def test_thumbnails_without_the_data_set_are_said_to_be_reconstructions(visit, app, dataless_app):
    page = visit(on=dataless_app, overlays="thumbnails").drawn()
    x, y = app.points(RUN)[3]
    page.page.evaluate(ZOOM, [float(x), float(y), 0.15])
    wait_for_words(page, "are the reconstructions (the originals are not here) of the")


def test_pointing_works_with_every_overlay_on(visit, app):
    page = visit(overlays=ALL).drawn()
    wait_until_drawn(page)
    left, top, width, height = page.frame
    paint = page.point_at(left + width * 2 // 8, top + height * 3 // 8)
    expected = app.decode(RUN, [paint.x, paint.y], space="plane").astype(int)
    assert np.abs(paint.image.astype(int) - expected).max() <= 1
    row, place = page.lone_row(app.points(RUN))
    page.page.mouse.click(*place)
    assert page.wait_for_query("pins", "=row:") == f"A=row:{row}"
    assert page.n_tracebacks() == 0


def test_what_a_map_cannot_have_is_explained_and_comes_back_where_it_can(visit):
    page = visit(run="mnist-vae-16d", space="pacmap", overlays="prior,density").drawn()
    page.page.get_by_text("Prior is not here: on a map that bends space the prior is no circle").wait_for()
    page.page.get_by_text("Posterior is not here: on a map that bends space it is no ellipse").wait_for()
    wait_for_words(page, "Density of the points, smoothed, 10,000 images")
    toggle(page, "Untrained")
    assert page.wait_for_query("overlays", "untrained") == "prior,density,untrained"
    page.page.get_by_text("PCA", exact=True).click()
    page.wait_for_query("space", "pca")
    wait_for_words(page, "Prior N(0, I)")
    wait_for_words(page, "Density of the aggregated posterior")


def test_an_autoencoder_offers_neither_prior_nor_posterior(visit):
    page = visit(run="mnist-ae-2d", overlays="density,prior").drawn()
    page.page.get_by_text("Prior is not here: an autoencoder has no prior.").wait_for()
    page.page.get_by_text("Posterior is not here: an autoencoder encodes an image as a point").wait_for()
    wait_for_words(page, "Density of the points, smoothed")
    assert "Prior" not in page.page.locator(".latent-map-overlays").inner_text()


def test_overlays_fit_a_narrow_screen(visit):
    page = visit(overlays=ALL, settings={"viewport": {"width": 390, "height": 844}}).drawn()
    wait_until_drawn(page)
    wait_for_words(page, "Thumbnails")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
