"""The inspector's sliders, draws from the posterior, and the same z in every class."""

import io
import re
import urllib.request
from urllib.parse import urljoin

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.analysis.coding import decode_codes
from explorer.analysis.latent.dimensions import kl_per_dimension
from explorer.analysis.latent.posterior_samples import normal_samples
from explorer.locations import ROOT
from explorer.models.build import build_model
from explorer.runs.listing import open_run
from explorer.runs.run import Run
from tests.browser.app_driver import WAIT_SECONDS
from tests.browser.conftest import serving
from tests.support import encode_run, run_config

pytestmark = pytest.mark.browser

RUN = "mnist-vae-16d"
ROW = 7
DEAD = (3, 11)
N_DIMS = 20

LISTEN = """() => {
  const isListening = Boolean(window.codes);
  window.shown = null;
  window.codes = [];
  if (isListening) return;
  document.addEventListener("sliders:painted", (event) => {
    const canvas = event.target.querySelector(".sliders__moved");
    const { width, height } = canvas;
    const rgba = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const grey = Array.from({ length: width * height }, (_, pixel) => rgba[4 * pixel]);
    window.shown = { z: event.detail.z, shape: [height, width], grey };
  }, true);
  window.addEventListener("latent-map:code", (event) => window.codes.push(event.detail));
}"""

KEEPING = """
import streamlit as st
from explorer.locations import CHECKPOINTS
from explorer.serving.routes import api_routes
from explorer.serving.decoder import decode_service
app = st.App("{script}", routes=api_routes(decode_service(CHECKPOINTS)))
"""

KEEPING_SCRIPT = """
import streamlit as st
from explorer.ui import session
from explorer.ui.widgets.sliders import sliders
from explorer.ui.places import resolve_pin
from explorer.ui.pins import Pin
from explorer.ui.view import View

def keep(z):
    st.session_state["kept"] = z

loaded = session.loaded_run("digits-vae-2d")
sliders(loaded, resolve_pin(loaded, View(pins=(Pin(row=7),))), keep)
st.text("kept " + ", ".join(f"{number:.9g}" for number in st.session_state.get("kept", [])))
"""


class SlidersOf:
    """The sliders on a page of the app."""

    def __init__(self, page):
        self.driver, self.page = page, page.page
        self.root = self.page.locator(".sliders")
        self.root.locator("input").first.wait_for()
        back = self.root.get_by_role("button", name="Back to the pin")
        if back.is_enabled():  # where another test has moved them
            back.click()
        self.page.wait_for_function("() => document.querySelector('.sliders__moved').ariaLabel?.includes('nothing')")
        self.page.evaluate(LISTEN)

    def input(self, i):
        return self.root.locator(f'input[aria-label^="z{i},"]')

    def names(self, part):
        return self.root.locator(f".sliders__{part} .sliders__name").all_inner_texts()

    def value(self, i):
        return float(self.input(i).get_attribute("aria-valuetext"))

    def drag(self, i, share):
        """Drag the thumb of dimension ``i`` to ``share`` of its track, in steps; leaves the button up."""
        box = self.driver.still_box(self.input(i))
        at = self.input(i).evaluate("(it) => (it.value - it.min) / (it.max - it.min)")
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + 8 + at * (box["width"] - 16), y)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), y, steps=12)
        self.page.mouse.up()

    def image_at(self, i, value):
        """Wait until the image of a code whose number ``i`` is about ``value`` is shown; return code and image."""
        self.page.wait_for_function(
            "([i, value]) => window.shown && Math.abs(window.shown.z[i] - value) < 0.006", arg=[i, value]
        )
        self.page.wait_for_load_state("networkidle")
        shown = self.page.evaluate("window.shown")
        return np.array(shown["z"], np.float32), np.array(shown["grey"], np.uint8).reshape(shown["shape"])


def code(app, run=RUN, row=ROW):
    return open_run(run, app.checkpoints).encoded().mu[row]


def assert_same_image(image, expected):
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= 1


def most_informative(app, run=RUN):
    return np.argsort(-kl_per_dimension(open_run(run, app.checkpoints).encoded()), kind="stable")


def pictures_in(page, tab):
    """Alternative texts and pixels of a tab's pictures, which hold each pixel three times a side, in a frame."""
    page.page.get_by_role("tab", name=tab).click()
    panel = page.page.get_by_role("tabpanel", name=tab)
    panel.locator("img").first.wait_for()
    shown = {}
    for picture in panel.locator("img").all():
        url = urljoin(page.page.url, picture.get_attribute("src"))
        with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as response:
            image = np.asarray(Image.open(io.BytesIO(response.read())))
        shown[len(shown), picture.get_attribute("alt")] = image[2:-2:3, 2:-2:3, 0]
    return [alt for _, alt in shown], np.array(list(shown.values()))


def test_sliders_are_sorted_by_kl_and_start_at_the_pin(look, app):
    sliders = SlidersOf(look(run=RUN, pin=f"row:{ROW}").drawn())
    assert sliders.names("live") == [f"z{i}" for i in most_informative(app)]
    z = code(app)
    assert [sliders.value(i) for i in range(16)] == pytest.approx(z.tolist(), abs=0.006)
    assert sliders.root.locator("button:enabled").count() == 0


@pytest.mark.parametrize(("run", "label"), [(RUN, None), ("mnist-cvae-16d", 9)])
def test_dragging_a_slider_shows_what_the_route_makes_of_the_code_and_runs_no_script(look, app, run, label):
    page = look(run=run, pin=f"row:{ROW}").drawn()
    sliders = SlidersOf(page)
    n_frames = page.n_frames
    i = int(most_informative(app, run)[0])
    for share in (0.2, 0.75):
        sliders.drag(i, share)
        z, image = sliders.image_at(i, sliders.value(i))
        expected = code(app, run)
        expected[i] = z[i]
        np.testing.assert_allclose(z, expected, atol=1e-6)
        assert_same_image(image, app.decode(run, z, **({} if label is None else {"label": label})))
        assert (
            np.abs(image.astype(int) - app.decode(run, code(app, run), **({"label": label} if label else {}))).max()
            > 30
        )
    assert page.n_frames == n_frames
    assert "pins" in page.query


def test_every_move_tells_the_map_where_the_code_lies(look, app):
    sliders = SlidersOf(look(run=RUN, pin=f"row:{ROW}").drawn())
    sliders.drag(4, 0.3)
    codes = sliders.page.evaluate("window.codes")
    assert len(codes) > 3
    assert codes[-1]["z"][4] == pytest.approx(sliders.value(4), abs=0.006)
    assert codes[-1]["isPin"] is False
    sliders.root.get_by_role("button", name="Back to the pin").click()
    last = sliders.page.evaluate("window.codes.at(-1)")
    assert last["isPin"] is True
    np.testing.assert_allclose(last["z"], code(app), atol=1e-6)


def test_arrows_nudge_by_a_hundredth_of_the_slider_and_with_shift_by_a_thousandth(look):
    sliders = SlidersOf(look(run=RUN, pin=f"row:{ROW}").drawn())
    slider = sliders.input(2)
    width = slider.evaluate("(it) => it.max - it.min")
    start = slider.evaluate("(it) => it.valueAsNumber")
    slider.focus()
    for key, n_hundredths in (("ArrowRight", 1), ("ArrowUp", 2), ("ArrowLeft", 1), ("Shift+ArrowLeft", 0.9)):
        sliders.page.keyboard.press(key)
        moved = slider.evaluate("(it) => it.valueAsNumber") - start
        assert moved == pytest.approx(n_hundredths * width / 100, rel=1e-3)
    z, image = sliders.image_at(2, sliders.value(2))
    assert_same_image(image, sliders.driver.app.decode(RUN, z))


@pytest.mark.parametrize("way", ["button", "double click", "Delete"])
def test_there_are_three_ways_back_to_the_pin(look, app, way):
    sliders = SlidersOf(look(run=RUN, pin=f"row:{ROW}").drawn())
    sliders.drag(5, 0.9)
    assert abs(sliders.value(5) - code(app)[5]) > 0.1
    if way == "button":
        sliders.root.get_by_role("button", name="Back to the pin").click()
    elif way == "Delete":
        sliders.page.keyboard.press("Delete")
    else:
        sliders.root.locator(".sliders__name", has_text="z5").dblclick()
    z, image = sliders.image_at(5, float(code(app)[5]))
    np.testing.assert_allclose(z, code(app), atol=1e-6)
    assert_same_image(image, app.decode(RUN, code(app)))
    assert sliders.root.get_by_role("button", name="Back to the pin").is_disabled()


def test_another_pin_moves_the_sliders_there(look, app):
    page = look(run=RUN, pin=f"row:{ROW}").drawn()
    sliders = SlidersOf(page)
    sliders.drag(1, 0.1)
    row, place = page.lone_row(app.points(RUN))
    page.page.mouse.click(*place)
    page.wait_for_query("pins", f"=row:{row}$")
    z, image = sliders.image_at(1, float(code(app, row=row)[1]))
    np.testing.assert_allclose(z, code(app, row=row), atol=1e-6)
    assert_same_image(image, app.decode(RUN, z))


def test_what_changes_elsewhere_leaves_the_sliders_where_they_are(look):
    page = look(run=RUN, pin=f"row:{ROW}").drawn()
    sliders = SlidersOf(page)
    sliders.drag(1, 0.1)
    moved = sliders.value(1)
    page.page.get_by_text("PCA", exact=True).click()
    page.wait_for_query("space", "pca")
    page.settle()
    assert sliders.value(1) == moved


def test_a_code_that_the_sliders_found_is_kept_as_the_next_pin(look):
    page = look(run=RUN, pin=f"row:{ROW}").drawn()
    sliders = SlidersOf(page)
    sliders.drag(0, 0.8)
    z, _ = sliders.image_at(0, sliders.value(0))
    sliders.root.get_by_role("button", name="Keep as pin").click()
    kept = page.wait_for_query("pins", ";B=z:").split(";B=z:")[1]
    np.testing.assert_allclose([float(number) for number in kept.split(",")], z, rtol=1e-4)


def test_a_code_that_is_kept_is_handed_to_python(visit, checkpoints, tmp_path):
    script = tmp_path / "keeping_script.py"
    script.write_text(KEEPING_SCRIPT)
    (tmp_path / "keeping.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{KEEPING.format(script=script)}"
    )
    with serving(tmp_path, checkpoints, script=str(tmp_path / "keeping.py")) as keeping:
        page = visit(on=keeping)
        sliders = SlidersOf(page)
        keep = sliders.root.get_by_role("button", name="Keep as pin")
        assert keep.is_disabled()
        sliders.drag(0, 0.8)
        z, _ = sliders.image_at(0, sliders.value(0))
        keep.click()
        kept = page.page.get_by_text(re.compile(r"^kept -?\d"))
        numbers = [float(part) for part in kept.inner_text().removeprefix("kept ").split(",")]
        np.testing.assert_allclose(numbers, z, rtol=1e-6)


@pytest.fixture(scope="module")
def wide_app(tmp_path_factory):
    """The app with a model of 20 dimensions, of which two carry nothing and reach no pixel."""
    folder = tmp_path_factory.mktemp("wide")
    config = run_config(latent_dim=N_DIMS)
    torch.manual_seed(0)
    model = build_model(config.model)
    state = model.state_dict()
    *_, head = (name for name in state if name.startswith("encoder.") and name.endswith("weight"))
    first = next(name for name in state if name.startswith("decoder.") and name.endswith("weight"))
    carries = torch.tensor([i not in DEAD for i in range(N_DIMS)])
    state[head] = 10 * state[head] * torch.cat([carries, carries])[:, None]
    state[head.replace("weight", "bias")] *= torch.cat([carries, carries])
    state[first] = 10 * state[first] * carries
    encode_run(Run.create(folder / "wide", config, state))
    with serving(tmp_path_factory.mktemp("server"), folder) as app:
        yield app


def test_dimensions_that_carry_nothing_are_folded_explained_and_tried(visit, wide_app):
    sliders = SlidersOf(visit(on=wide_app, run="wide").drawn())
    fold = sliders.root.locator(".sliders__dead")
    assert fold.locator("summary").inner_text() == "2 of 20 dimensions carry nothing"
    assert not fold.locator("p").first.is_visible()
    fold.locator("summary").click()
    fold.get_by_text("KL below 0.01 nats").wait_for()
    fold.get_by_text("moving each of them to both ends changes no pixel by more than 0.0 % of its range").wait_for()
    assert sliders.names("dead") == ["z3", "z11"]
    sliders.drag(3, 0.9)
    z, image = sliders.image_at(3, sliders.value(3))
    assert z[3] > 2
    assert_same_image(image, wide_app.decode("wide", code(wide_app, "wide", 0)))


def test_sixteen_sliders_are_shown_at_first_and_the_others_counted(visit, wide_app):
    sliders = SlidersOf(visit(on=wide_app, run="wide").drawn())
    order = [f"z{i}" for i in most_informative(wide_app, "wide") if i not in DEAD]
    assert sliders.names("live") == order[:16]
    fold = sliders.root.locator(".sliders__more")
    assert fold.locator("summary").inner_text() == "2 more dimensions that carry less"
    assert sliders.names("more") == []
    fold.locator("summary").click()
    fold.locator("input").first.wait_for()
    assert sliders.names("more") == order[16:]
    i = int(order[-1][1:])
    sliders.drag(i, 0.15)
    z, image = sliders.image_at(i, sliders.value(i))
    assert_same_image(image, wide_app.decode("wide", z))


def test_a_finger_moves_a_slider_on_a_narrow_screen_and_nothing_is_cut_off(visit, app):
    settings = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    sliders = SlidersOf(visit(run="digits-vae-2d", settings=settings).drawn())
    box = sliders.driver.still_box(sliders.input(0))
    sliders.page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    z, image = sliders.image_at(0, sliders.value(0))
    assert sliders.root.get_by_role("button", name="Back to the pin").is_enabled()
    assert_same_image(image, app.decode("digits-vae-2d", z))
    assert sliders.page.evaluate("document.querySelector('.sliders').scrollWidth <= 390 - 16")


def test_draws_from_the_posterior_are_those_of_the_seed_that_is_shown(visit, app):
    page = visit(run=RUN, pin=f"row:{ROW}").drawn()
    run = open_run(RUN, app.checkpoints)
    mu, log_var = run.encoded().mu[ROW], run.encoded().log_var[ROW]
    for seed in (0, 1):
        panel = page.page.get_by_role("tabpanel", name="Resample")
        page.page.get_by_role("tab", name="Resample").click()
        panel.get_by_text(f"mu + sigma · epsilon, seed {seed}.").wait_for()
        page.settle()
        captions, images = pictures_in(page, "Resample")
        codes = normal_samples(mu, log_var, 10, seed=seed)
        assert captions == [f"{distance:.2f}" for distance in np.linalg.norm(codes - mu, axis=1)]
        assert_same_image(images, decode_codes(run.model(), codes)[:, 0])
        panel.get_by_role("button", name="Draw again").click()
    assert page.page.get_by_role("tabpanel", name="Resample").is_visible()


def test_an_autoencoder_says_why_it_has_no_draws(visit):
    page = visit(run="mnist-ae-2d", pin="row:3").drawn()
    page.page.get_by_role("tab", name="Resample").click()
    page.page.get_by_text("An autoencoder gives each image one code and no q(z|x)").wait_for()
    page.page.get_by_role("tab", name="Sliders").click()
    page.page.get_by_text("an autoencoder has no prior, so no KL").wait_for()


def test_a_conditional_model_shows_the_same_z_in_every_class(visit, app):
    run = "mnist-cvae-16d"
    page = visit(run=run, pin=f"row:{ROW}").drawn()
    captions, images = pictures_in(page, "Classes")
    own = int(open_run(run, app.checkpoints).encoded().labels[ROW])
    assert captions == [f"{label} (its own)" if label == own else str(label) for label in range(10)]
    for label, image in enumerate(images):
        assert_same_image(image, app.decode(run, code(app, run), label=label))


def test_a_model_without_classes_has_no_row_of_them(visit):
    page = visit(run=RUN).drawn()
    assert page.page.get_by_role("tab").all_inner_texts() == ["Sliders", "Resample", "Neighbours"]
