import json

import numpy as np
import pytest

from explorer.analysis.projections.lasso import rows_inside
from explorer.locations import ROOT
from tests.support import in_node

pytestmark = pytest.mark.node

LASSO = (ROOT / "explorer" / "ui" / "browser" / "map" / "lasso.js").read_text(encoding="utf-8")


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
