import numpy as np
import pytest

from tests.browser.test_access import PHONE

pytestmark = pytest.mark.browser

RUN = "mnist-vae-2d"
PINS = "A=z:1.5,2.5;B=z:-2,1;C=z:0.5,-2.5"
MARKS = "() => document.querySelector('.latent-map').map.data.pins.map((pin) => [pin.x, pin.y])"


def item(page, name):
    return page.page.get_by_role("button", name=f"Pin {name},")


def marks(page):
    """Where the pins are marked in the window, by their order."""
    return page.screen_of(page.page.evaluate(MARKS))


def tray(page):
    return page.page.locator(".pin-tray__name").all_inner_texts()


def wait_for_tray(page, names):
    page.page.wait_for_function(
        "(names) => [...document.querySelectorAll('.pin-tray__name')].map((it) => it.textContent).join() === names",
        arg=",".join(names),
    )


def test_each_click_pins_a_place_and_the_tray_shows_what_is_decoded_there(visit, app):
    page = visit().drawn()
    left, top, width, height = page.frame
    assert "Nothing is pinned yet" in page.page.locator(".pin-tray").inner_text()
    for name, across, down in (("A", 0.9, 0.9), ("B", 0.1, 0.9)):
        page.page.mouse.click(round(left + across * width), round(top + down * height))
        page.wait_for_query("pins", f"{name}=")
        page.settle()
    wait_for_tray(page, "AB")
    code = [float(number) for number in page.query["pins"].split(";")[0].removeprefix("A=z:").split(",")]
    shown = page.page.evaluate(
        """() => new Promise((resolve) => setTimeout(() => {
          const canvas = document.querySelector(".pin-tray__image");
          const rgba = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          resolve(Array.from({ length: rgba.length / 4 }, (_, k) => rgba[4 * k]));
        }, 500))"""
    )
    assert np.abs(np.array(shown).reshape(28, 28) - app.decode(RUN, code).astype(int)).max() <= 2


def test_on_an_approximate_map_a_pin_stays_where_it_was_put_and_the_lens_says_that_it_is_approximate(visit, app):
    page = visit(run="mnist-vae-16d", space="pacmap").drawn()
    left, top = page.empty_place(app.points("mnist-vae-16d", space="pacmap"))
    page.point_at(left, top)
    assert "approximate" in page.page.locator(".latent-map__lens figcaption").inner_text()
    place = page.place_at(left, top)
    page.page.mouse.click(left, top)
    kept = page.wait_for_query("pins", "A=").removeprefix("A=")
    assert [float(number) for number in kept.split(",")] == pytest.approx(place, rel=1e-3)
    page.settle()
    page.page.wait_for_function("() => document.querySelector('.latent-map').map.data.pins.length")
    np.testing.assert_allclose(page.page.evaluate(MARKS)[0], place, rtol=1e-3)
    # On another map it is where its code lies: places of one map mean nothing on the next.
    page.page.get_by_text("PCA", exact=True).click()
    assert page.wait_for_query("pins", "A=z:").startswith("A=z:")


def test_a_double_click_pins_one_place(visit):
    page = visit().drawn()
    left, top, width, height = page.frame
    page.page.mouse.dblclick(round(left + 0.9 * width), round(top + 0.9 * height))
    page.wait_for_query("pins", "A=")
    page.settle()
    page.page.wait_for_timeout(500)
    wait_for_tray(page, "A")
    assert page.query["pins"].count("=") == 1


def test_keys_mark_the_place_that_they_have_come_to(visit):
    page = visit().drawn()
    page.page.locator(".latent-map").focus()
    page.page.keyboard.press("Shift+ArrowRight")
    mark = page.page.locator(".latent-map__mark--found", has_text="here")
    mark.wait_for(state="attached")
    page.page.keyboard.press("Escape")
    mark.wait_for(state="detached")


def test_a_pin_is_dragged_to_another_place_and_the_drag_is_undone_and_done_again(visit):
    page = visit(pins=PINS).drawn()
    x, y = marks(page)[0].round()
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 70, y - 20, steps=6)
    target = page.place_at(x + 70, y - 20)
    page.painted_at(*target)  # what is decoded follows the pin
    page.page.mouse.up()
    moved = page.wait_for_query("pins", r"^A=(?!z:1\.5,2\.5)")
    assert moved.split(";")[1:] == PINS.split(";")[1:]
    page.settle()
    if moved.startswith("A=z:"):
        assert page.page.evaluate(MARKS)[0] == pytest.approx(target, abs=1e-3)
    page.page.keyboard.press("Control+z")
    assert page.wait_for_query("pins", r"^A=z:1\.5,2\.5") == PINS
    page.settle()
    page.page.get_by_role("button", name="Do it again").click()
    assert page.wait_for_query("pins", r"^A=(?!z:1\.5,2\.5)") == moved


def test_a_click_on_a_pin_looks_at_it_and_pins_nothing(visit):
    page = visit(pins=PINS).drawn()
    assert page.pin == pytest.approx((0.5, -2.5), abs=1e-4)
    page.page.mouse.click(*marks(page)[1].round())
    page.wait_for_query("active_pin", "^1$")
    page.settle()
    assert page.pin == pytest.approx((-2, 1), abs=1e-4)
    assert page.query["pins"] == PINS


def test_pins_are_renamed_put_in_order_and_removed_in_the_tray(visit):
    page = visit(pins=PINS).drawn()
    item(page, "B").dblclick()
    page.page.get_by_label("New name of pin B").fill("start")
    page.page.keyboard.press("Enter")
    wait_for_tray(page, ["A", "start", "C"])
    page.settle()
    first, last = item(page, "A").bounding_box(), item(page, "C").bounding_box()
    page.page.mouse.move(first["x"] + 20, first["y"] + 20)
    page.page.mouse.down()
    page.page.mouse.move(last["x"] + last["width"], last["y"] + 20, steps=8)
    page.page.mouse.up()
    wait_for_tray(page, ["start", "C", "A"])
    page.settle()
    item(page, "C").hover()
    page.page.get_by_role("button", name="Remove pin C").click()
    wait_for_tray(page, ["start", "A"])
    assert page.wait_for_query("pins", "^start=") == "start=z:-2,1;A=z:1.5,2.5"


def test_pins_are_put_in_order_and_removed_with_keys(visit):
    page = visit(pins=PINS).drawn()
    item(page, "C").focus()
    page.page.keyboard.press("Shift+ArrowLeft")
    wait_for_tray(page, ["A", "C", "B"])
    page.settle()
    item(page, "A").focus()
    page.page.keyboard.press("Delete")
    wait_for_tray(page, ["C", "B"])


def test_a_name_that_cannot_be_is_refused_in_words_and_changes_nothing(visit):
    page = visit(pins=PINS).drawn()
    item(page, "B").focus()
    page.page.keyboard.press("F2")
    page.page.get_by_label("New name of pin B").fill("A")
    page.page.keyboard.press("Enter")
    page.page.get_by_text("Another pin is called 'A'").wait_for()
    assert tray(page) == ["A", "B", "C"]


def test_pins_keep_their_codes_on_another_map(visit):
    page = visit(pins=PINS).drawn()
    page.page.get_by_text("PCA", exact=True).click()
    page.wait_for_query("space", "pca")
    page.settle()
    assert page.query["pins"] == PINS


def test_the_question_mark_lists_the_keys_and_escape_closes_the_list(visit):
    page = visit().drawn()
    page.page.locator(".latent-map").focus()
    page.page.keyboard.press("?")
    page.page.get_by_text("undo and redo a change of the pins").wait_for()
    page.page.keyboard.press("Escape")
    page.page.get_by_text("undo and redo a change of the pins").wait_for(state="hidden")


def test_a_digit_shows_its_class_alone_and_again_all_of_them(visit):
    page = visit().drawn()
    page.page.locator(".latent-map").focus()
    shown = """(n) => {
      const traces = document.querySelector(".latent-map__plot").data.slice(0, 10);
      return traces.filter((trace) => trace.visible !== "legendonly").length === n;
    }"""
    page.page.keyboard.press("3")
    page.page.wait_for_function(shown, arg=1)
    page.page.keyboard.press("3")
    page.page.wait_for_function(shown, arg=10)


def test_a_digit_chooses_the_class_in_which_a_conditional_model_decodes(visit):
    page = visit(run="digits-cvae-2d").drawn()
    page.page.locator(".latent-map").focus()
    page.page.keyboard.press("7")
    assert page.wait_for_query("decode_as") == "7"


def test_two_fingers_move_and_zoom_the_map(visit):
    page = visit(settings=PHONE).drawn()
    page.page.locator(".latent-map").scroll_into_view_if_needed()
    left, top, width, height = page.frame
    middle = (left + width / 2, top + height / 2)
    held = page.place_at(*middle)
    session = page.page.context.new_cdp_session(page.page)

    def touch(kind, middle, spread):
        points = [] if kind == "touchEnd" else [{"x": middle[0] + side * spread, "y": middle[1]} for side in (-1, 1)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = page.page.evaluate("document.querySelector('.latent-map__plot')._fullLayout.xaxis.range")
    touch("touchStart", middle, 40)
    for step in range(1, 6):
        touch("touchMove", (middle[0] + 6 * step, middle[1] + 4 * step), 40 + 8 * step)
    touch("touchEnd", middle, 0)
    page.page.wait_for_function(
        "([low, high]) => { const now = document.querySelector('.latent-map__plot')._fullLayout.xaxis.range;"
        " return (now[1] - now[0]) / (high - low) < 0.55; }",
        arg=before,
    )
    assert page.place_at(middle[0] + 30, middle[1] + 20) == pytest.approx(held, abs=0.1)
    assert "pins" not in page.query
