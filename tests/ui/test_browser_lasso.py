import json

import numpy as np
import pytest

from explorer.analysis.projections.lasso import rows_inside
from explorer.locations import ROOT
from explorer.ui.browser.component import one_script
from tests.support import in_node

pytestmark = pytest.mark.node

LASSO = one_script(ROOT / "explorer" / "ui" / "browser" / "map" / "lasso.js").replace("\nexport ", "\n")


@pytest.mark.parametrize("n_vertices", [3, 8, 50, 700])
def test_the_browser_finds_the_same_points_in_an_outline_as_the_script(n_vertices):
    rng = np.random.default_rng(n_vertices)
    # Coordinates in quarters put many points on edges and at the heights of vertices.
    points = (rng.integers(-8, 9, (20_000, 2)) / 4).astype(np.float32)
    points[:5000] = rng.normal(size=(5000, 2))
    vertices = rng.integers(-8, 9, (n_vertices, 2)) / 4 if n_vertices < 50 else rng.normal(size=(n_vertices, 2))
    x, y = vertices.T.tolist()
    xy = json.dumps(points.ravel().tolist())
    rows = in_node(LASSO, f"rowsInside(new Float32Array({xy}), {json.dumps({'x': x, 'y': y})})")
    expected = rows_inside(points, vertices)
    assert len(expected) > 0
    assert rows == expected.tolist()


@pytest.mark.parametrize("n_places", [150, 1000, 5000])
def test_a_drawn_outline_is_simplified_to_what_a_link_holds_and_encloses_the_same(n_places):
    # A curve with three bays, as a hand draws it: each place up to 0.002 beside it, on a map of 200 pixels a unit.
    per_pixel, wobble = 0.005, 0.002
    angles = np.linspace(0, 2 * np.pi, n_places, endpoint=False)
    radius = 1 + 0.4 * np.cos(3 * angles) + np.random.default_rng(n_places).uniform(-wobble, wobble, n_places)
    drawn = json.dumps({"x": (radius * np.cos(angles)).tolist(), "y": (radius * np.sin(angles)).tolist()})
    found = in_node(LASSO, f"simplified({drawn}, {per_pixel})")
    assert 10 < len(found["x"]) == len(found["y"]) <= 100
    assert max(len(f"{number}") for number in (*found["x"], *found["y"])) <= len("-1.2345")
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (20_000, 2)).astype(np.float32)
    inside = np.zeros(len(points), bool)
    inside[rows_inside(points, np.stack([found["x"], found["y"]], axis=1))] = True
    beyond = np.hypot(*points.T) - 1 - 0.4 * np.cos(3 * np.arctan2(*points.T[::-1]))
    # The curve is a unit steep at most: what is two pixels and the wobble away from it is on its side.
    is_clear = np.abs(beyond) > 2 * per_pixel * 1.6 + wobble
    assert is_clear.mean() > 0.95
    assert (inside == (beyond < 0))[is_clear].all()


def test_an_outline_of_few_vertices_stays_as_it_is():
    box = {"x": [-1, 2, 2, -1], "y": [0.5, 0.5, 1.25, 1.25]}
    assert in_node(LASSO, f"simplified({json.dumps(box)}, 0.01)") == box
    # A box of no height is one, too.
    flat = {"x": [-1, 2, 2, -1], "y": [0.5] * 4}
    assert in_node(LASSO, f"simplified({json.dumps(flat)}, 0.01)") == flat
