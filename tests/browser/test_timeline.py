"""The latent map of every epoch: scrubbed, played, followed while a run trains, in both themes and on a phone."""

import io
import threading
import urllib.request

import numpy as np
import pytest
from PIL import Image

from explorer.figures.palette import class_colour
from explorer.locations import ROOT
from explorer.runs.run import Run
from explorer.training.trainer import Trainer
from tests.browser.app_driver import WAIT_SECONDS
from tests.browser.conftest import serving
from tests.support import digits, fresh_run, new_run, run_config, trained_run

pytestmark = pytest.mark.browser

EPOCHS = 5
APP = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st
from explorer.locations import CHECKPOINTS
from explorer.serving.routes import api_routes
from explorer.serving.decoder import decode_service
app = st.App({script!r}, routes=api_routes(decode_service(CHECKPOINTS)))
"""
SCRIPT = """
import streamlit as st
from explorer.ui.train.timeline import timeline
st.session_state["n_runs"] = st.session_state.get("n_runs", 0) + 1
timeline(st.query_params["run"], is_live="live" in st.query_params)
st.caption(f"script ran {st.session_state.n_runs} times")
"""
DRAWN = """() => {
  const { epoch, position, points, labels, frame } = document.querySelector(".timeline").timeline.drawn;
  return { epoch, position, points: [...points], labels: [...labels], scale: frame.scale };
}"""
RESTS_AT = """(epoch) => {
  const timeline = document.querySelector(".timeline")?.timeline;
  return timeline?.drawn?.epoch === epoch && timeline.drawn.isStill && !timeline.isAwake;
}"""
INK = """() => {
  const canvas = document.querySelector(".timeline__canvas");
  const high = 40 * devicePixelRatio; // the numbers below the axis
  const { data } = canvas.getContext("2d").getImageData(0, canvas.height - high, canvas.width, high);
  let [sum, n] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 200) continue;
    sum += data[i] + data[i + 1] + data[i + 2];
    n += 1;
  }
  return sum / n / 3;
}"""
PIXEL_OF = """(row) => {
  const canvas = document.querySelector(".timeline__canvas");
  const { points, frame } = document.querySelector(".timeline").timeline.drawn;
  const place = [frame.xOf(points[2 * row]), frame.yOf(points[2 * row + 1])];
  const [x, y] = place.map((pixel) => Math.floor(pixel * devicePixelRatio));
  return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of five epochs, one that recorded none, a GAN, and one of several dimensions."""
    folder = tmp_path_factory.mktemp("runs")
    trained_run(folder / "plain", epochs=EPOCHS)
    trained_run(folder / "wide", epochs=2, latent_dim=5)
    gan = fresh_run(folder / "gan", run_config("gan", epochs=1), digits("train"))
    Trainer(gan, digits("train"), digits("validation")).fit()
    new_run(folder / "old")
    return folder


@pytest.fixture(scope="module")
def timelines(tmp_path_factory, folder):
    place = tmp_path_factory.mktemp("server")
    (place / "script.py").write_text(SCRIPT)
    (place / "app.py").write_text(APP.format(root=str(ROOT), script=str(place / "script.py")))
    with serving(place, folder, script=str(place / "app.py")) as app:
        yield app


@pytest.fixture
def opened(visit, timelines):
    """Opens the timeline of a run and waits until it rests at its last epoch."""

    def opened(run="plain", last=EPOCHS, settings=None, **query):
        page = visit(on=timelines, settings=settings, run=run, **query)
        page.page.wait_for_function(RESTS_AT, arg=last)
        return page

    return opened


@pytest.fixture
def seen(look, timelines):
    """The timeline of a run at its last epoch, for tests that scrub and play and change nothing else."""

    def seen(run="plain", last=EPOCHS):
        page = look(on=timelines, run=run)
        page.page.wait_for_function("() => document.querySelector('.timeline')?.timeline?.drawn")
        page.page.locator(".timeline__slider").fill(str(last))
        page.page.wait_for_function(RESTS_AT, arg=last)
        return page

    return seen


def drawn(page):
    now = page.page.evaluate(DRAWN)
    return now | {"points": np.array(now["points"], np.float32).reshape(-1, 2)}


def scrub(page, epoch):
    page.page.locator(".timeline__slider").fill(str(epoch))
    page.page.wait_for_function(RESTS_AT, arg=epoch)
    return drawn(page)


def maps(folder, run="plain"):
    return Run(folder / run).timeline().maps()[1]


def picture(page, what, epoch):
    """The pixels of a picture, once it is that of ``epoch``."""
    image = page.page.locator(f'.timeline img[data-what="{what}"][data-epoch="{epoch}"]')
    image.wait_for()
    content = image.evaluate("async (image) => [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())]")
    return np.asarray(Image.open(io.BytesIO(bytes(content))))[..., 0]  # without its opacity


def test_it_opens_on_the_last_epoch_with_the_points_and_pictures_of_its_file(opened, folder):
    page = opened()
    shown, timeline = drawn(page), Run(folder / "plain").timeline()
    assert np.array_equal(shown["points"], maps(folder)[-1])
    assert shown["labels"] == timeline.sample.labels.tolist()
    samples = picture(page, "samples", EPOCHS)
    assert np.array_equal(samples[:32:4, :32:4], timeline.record(EPOCHS).samples[0, 0])
    originals = picture(page, "originals", EPOCHS)
    assert np.array_equal(originals[::4, 34:66:4], timeline.sample.originals[1, 0])


def test_scrubbing_shows_the_points_and_pictures_of_an_epoch_and_reruns_nothing(seen, folder):
    page = seen()
    for epoch in (2, 0, 4):
        assert np.array_equal(scrub(page, epoch)["points"], maps(folder)[epoch])
        expected = Run(folder / "plain").timeline().record(epoch).reconstructions[0, 0]
        assert np.array_equal(picture(page, "reconstructions", epoch)[::4, :32:4], expected)
    assert page.page.locator(".timeline__epoch").inner_text() == "epoch 4 of 5"
    scrub(page, 0)
    assert page.page.locator(".timeline__epoch").inner_text() == "before training"
    assert page.page.get_by_text("script ran 1 times").is_visible()


def test_points_have_the_colours_of_their_classes(seen):
    page = seen()
    labels = drawn(page)["labels"]
    seen = 0
    for row in range(len(labels)):
        *colour, alpha = page.page.evaluate(PIXEL_OF, row)
        wanted = [int(class_colour(labels[row])[k : k + 2], 16) for k in (1, 3, 5)]
        # A point that others lie on shows a mixture.
        seen += alpha > 190 and np.abs(np.subtract(colour, wanted)).max() <= 3
    assert seen > 0.3 * len(labels)


def test_axes_have_the_same_scale_and_hold_every_epoch(opened, folder):
    page = opened()
    scale = drawn(page)["scale"]
    points = maps(folder).reshape(-1, 2)
    places = page.page.evaluate(
        """(points) => {
          const { frame } = document.querySelector(".timeline").timeline.drawn;
          const { xOf, yOf, width, height } = frame;
          return points.map(([x, y]) => [(xOf(x) - frame.x) / width, (yOf(y) - frame.y) / height]);
        }""",
        points.tolist(),
    )
    assert np.min(places) >= 0
    assert np.max(places) <= 1
    assert scrub(page, 1)["scale"] == scale
    page.page.get_by_text("zoom to each epoch").click()
    page.page.wait_for_function(
        "(scale) => document.querySelector('.timeline').timeline.drawn.frame.scale !== scale", arg=scale
    )


def test_playing_glides_from_the_first_epoch_to_the_last_and_stops_there(seen, folder):
    page = seen()
    page.page.evaluate(
        """() => {
          window.positions = [];
          const root = document.querySelector(".timeline");
          root.addEventListener("timeline:drawn", () => window.positions.push(root.timeline.drawn.position));
        }"""
    )
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_function("() => window.positions.at(-1) === 5 && window.positions.some((p) => p < 1)")
    page.page.get_by_role("button", name="Play").wait_for()
    positions = page.page.evaluate("window.positions")
    start = int(np.argmin(positions))
    assert positions[start] < 0.5
    assert (np.diff(positions[start:]) >= 0).all()
    assert any(position % 1 > 0 for position in positions)
    assert np.array_equal(drawn(page)["points"], maps(folder)[-1])


def test_between_two_epochs_points_lie_between_their_places(seen, folder):
    page = seen()
    points = page.page.evaluate("() => [...document.querySelector('.timeline').timeline.epochs.pointsAt(2.25)]")
    expected = 0.75 * maps(folder)[2] + 0.25 * maps(folder)[3]
    np.testing.assert_allclose(np.reshape(points, (-1, 2)), expected, atol=1e-6)


def test_pause_stops_at_an_epoch_and_a_loop_begins_again(opened, folder):
    page = opened()
    page.page.get_by_label("Epochs a second").select_option("25")
    page.page.get_by_text("loop", exact=True).click()
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_function(
        """() => {
          const { head } = document.querySelector(".timeline").timeline;
          window.ended ||= head.position === 5;
          return window.ended && head.position < 5;
        }"""
    )
    page.page.get_by_role("button", name="Pause").click()
    page.page.wait_for_function("() => !document.querySelector('.timeline').timeline.isAwake")
    shown = drawn(page)
    assert np.array_equal(shown["points"], maps(folder)[shown["epoch"]])


def test_the_keyboard_moves_from_epoch_to_epoch_and_plays(seen):
    page = seen()
    slider = page.page.get_by_role("slider", name="Epoch")
    slider.focus()
    for key, epoch in (("ArrowLeft", 4), ("ArrowLeft", 3), ("ArrowRight", 4), ("Home", 0), ("End", 5)):
        page.page.keyboard.press(key)
        page.page.wait_for_function(RESTS_AT, arg=epoch)
    assert slider.get_attribute("aria-valuetext") == "after epoch 5"
    page.page.keyboard.press(" ")
    page.page.get_by_role("button", name="Pause").wait_for()
    page.page.keyboard.press(" ")
    page.page.get_by_role("button", name="Play").wait_for()


def test_with_reduced_motion_points_stand_at_epochs_alone(opened):
    page = opened(settings={"reduced_motion": "reduce"})
    page.page.evaluate(
        """() => {
          window.positions = [];
          const root = document.querySelector(".timeline");
          root.addEventListener("timeline:drawn", () => window.positions.push(root.timeline.drawn.position));
        }"""
    )
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_function("() => window.positions.at(-1) === 5 && window.positions.includes(1)")
    assert all(position % 1 == 0 for position in page.page.evaluate("window.positions"))


def test_a_class_can_be_hidden_in_the_legend(opened):
    page = opened()
    button = page.page.locator(".timeline__legend button").nth(3)
    assert button.inner_text() == "3"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    page.page.wait_for_function("() => !document.querySelector('.timeline').timeline.isAwake")
    row = drawn(page)["labels"].index(3)
    colour = [int(class_colour(3)[k : k + 2], 16) for k in (1, 3, 5)]
    assert np.abs(np.subtract(page.page.evaluate(PIXEL_OF, row)[:3], colour)).max() > 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axes_are_readable_in_both_themes(opened, scheme):
    page = opened(settings={"color_scheme": scheme})
    assert (page.page.evaluate(INK) < 110) == (scheme == "light")


def test_axes_follow_when_the_theme_changes(opened):
    page = opened(settings={"color_scheme": "light"})
    page.page.emulate_media(color_scheme="dark")
    page.page.wait_for_function(f"() => ({INK})() > 150")


def test_a_phone_shows_everything_below_one_another_and_nothing_sideways(opened, folder):
    page = opened(settings={"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 3})
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = [page.page.locator(f".timeline__{name}").bounding_box() for name in ("field", "controls", "pictures")]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    canvas = page.page.locator(".timeline__canvas")
    assert canvas.evaluate("(canvas) => canvas.width / canvas.clientWidth") == pytest.approx(3, abs=0.02)
    box = page.still_box(page.page.locator(".timeline__slider"))
    page.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.page.wait_for_function("() => document.querySelector('.timeline').timeline.head.goal < 5")


def test_several_dimensions_are_said_to_be_projected(opened, folder):
    page = opened("wide", last=2)
    assert np.array_equal(drawn(page)["points"], maps(folder, "wide")[-1])
    assert "the first two principal components" in page.page.locator(".timeline__note").inner_text()


def test_a_gan_shows_its_samples_without_a_map(visit, timelines):
    page = visit(on=timelines, run="gan")
    page.page.locator('.timeline img[data-what="samples"][data-epoch="1"]').wait_for()
    assert not page.page.locator(".timeline__field").is_visible()
    assert page.page.locator(".timeline figure:visible").count() == 1
    assert "A GAN has no encoder" in page.page.locator(".timeline__note").inner_text()


def test_a_run_without_a_timeline_says_what_to_do(visit, timelines):
    page = visit(on=timelines, run="old")
    page.page.get_by_text("old has no timeline").wait_for()
    assert page.page.get_by_text("Train it again to watch its map take shape").is_visible()
    assert not page.page.locator(".timeline__body").is_visible()


def test_a_run_in_training_is_followed_until_one_scrubs_away(visit, timelines, folder):
    run = fresh_run(folder / "training", run_config(epochs=4), digits("train", 128))
    may_go_on = threading.Semaphore(0)

    def wait(_):
        assert may_go_on.acquire(timeout=WAIT_SECONDS)

    training = threading.Thread(
        target=Trainer(run, digits("train", 128), digits("validation"), on_epoch=wait).fit, daemon=True
    )
    page = visit(on=timelines, run="training", live="1")
    page.page.get_by_text("Waiting for the first epoch").wait_for()
    training.start()
    page.page.wait_for_function(RESTS_AT, arg=1)
    assert page.page.locator(".timeline__live").is_visible()
    may_go_on.release()
    page.page.wait_for_function(RESTS_AT, arg=2)
    scrub(page, 1)
    may_go_on.release()
    page.page.wait_for_function("() => document.querySelector('.timeline').timeline.epochs.epochs.length === 4")
    assert drawn(page)["epoch"] == 1
    page.page.get_by_role("button", name="Follow").click()
    page.page.wait_for_function(RESTS_AT, arg=3)
    may_go_on.release(2)
    page.page.wait_for_function(RESTS_AT, arg=4)
    training.join(WAIT_SECONDS)
    assert np.array_equal(drawn(page)["points"], maps(folder, "training")[-1])
    assert page.page.get_by_text("script ran 1 times").is_visible()


def test_the_route_is_asked_for_new_epochs_alone(opened, timelines):
    page = opened(live="1")
    with page.page.expect_request("**/timeline?from=6"):
        pass
    with urllib.request.urlopen(f"{timelines.url}/api/runs/plain/timeline?from=6", timeout=WAIT_SECONDS) as response:
        assert len(response.read()) == 2 * 200  # the classes
