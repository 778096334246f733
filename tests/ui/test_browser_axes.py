import pytest

from explorer.locations import ROOT
from explorer.ui.browser.component import one_script
from tests.support import in_node

pytestmark = pytest.mark.node

# 200 by 100 pixels that show x from -1 to 3 and y from 2 to 4; the axes begin 50 pixels right and 10 below the corner.
AXES = (
    one_script(ROOT / "explorer" / "ui" / "browser" / "map" / "axes.js").replace("\nexport ", "\n")
    + """
const axis = (range, d2p, p2d) => ({ range, d2p, p2d });
const axes = new Axes({
  getBoundingClientRect: () => ({ left: 1000, top: 500 }),
  _fullLayout: {
    _size: { l: 50, t: 10, w: 200, h: 100 },
    xaxis: axis([-1, 3], (x) => 50 * (x + 1), (pixel) => pixel / 50 - 1),
    yaxis: axis([2, 4], (y) => 50 * (4 - y), (pixel) => 4 - pixel / 50),
  },
});
"""
)


def test_a_place_of_the_map_and_its_pixel_are_found_from_each_other():
    place = {"x": 1, "y": 3.5, "left": 150, "top": 35}
    assert in_node(AXES, "[axes.place(1, 3.5), axes.placeOf(150, 35)]") == [place, place]


@pytest.mark.parametrize(
    ("pixel", "place"),
    [
        ((1050, 510), {"x": -1, "y": 4, "left": 50, "top": 10}),
        ((1250, 610), {"x": 3, "y": 2, "left": 250, "top": 110}),
        ((1049, 510), None),
        ((1250, 611), None),
    ],
)
def test_an_event_has_a_place_within_the_axes_alone(pixel, place):
    assert in_node(AXES, f"axes.position({{ clientX: {pixel[0]}, clientY: {pixel[1]} }})") == place


def test_a_pixel_and_a_step_are_measured_along_x():
    assert in_node(AXES, "[axes.perPixel, axes.step(0.25)]") == pytest.approx([0.02, 1])


def test_a_zoom_keeps_the_middle_of_both_axes():
    assert in_node(AXES, "axes.zoomed(2)") == {"xaxis.range": [-3, 5], "yaxis.range": [1, 5]}


def test_before_plotly_has_drawn_no_event_has_a_place():
    assert in_node(AXES, "new Axes({}).position({ clientX: 0, clientY: 0 })") is None
