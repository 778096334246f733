from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from explorer.analysis.projections.base import aligned_onto
from explorer.errors import ServingError
from explorer.serving.run_cache import RunCache
from explorer.ui.map.selection import clear_selection, held_selection, keep_selection, map_name, outline_data
from explorer.ui.map.view import MapView
from explorer.ui.view import change_view, held_view, view_from_query, view_to_query
from tests.support import encode_run, new_run

N = 60


@pytest.fixture(scope="module")
def run_cache(tmp_path_factory):
    """Two plain models and a wide one, with 60 encoded images each."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, changes in {"vae": {}, "other": {}, "wide": {"latent_dim": 5}}.items():
        encode_run(new_run(folder / name, **changes))
    return RunCache(folder)


@pytest.fixture(autouse=True)
def new_session():
    """A session in which nothing is selected."""
    st.session_state.clear()
    yield
    st.session_state.clear()


def around(points, hidden=()):
    """What the browser sends for a box around all of ``points``."""
    (left, low), (right, high) = points.min(axis=0) - 1.0, points.max(axis=0) + 1.0
    x, y = [left, right, right, left], [low, low, high, high]
    return {"x": [float(number) for number in x], "y": [float(number) for number in y], "hidden": list(hidden)}


def test_a_box_around_everything_selects_everything(run_cache):
    loaded = run_cache.run("vae")
    projection = loaded.projection("plane")
    keep_selection(loaded, projection, around(projection.points))
    assert held_selection(loaded, projection).rows.tolist() == list(range(N))


def test_hidden_classes_are_not_selected(run_cache):
    loaded = run_cache.run("vae")
    projection = loaded.projection("plane")
    keep_selection(loaded, projection, around(projection.points, hidden=[1, 3]))
    expected = [row for row in range(N) if loaded.encoded.labels[row] not in (1, 3)]
    assert 0 < len(expected) < N
    assert held_selection(loaded, projection).rows.tolist() == expected


def test_the_browser_is_told_the_outline_that_it_drew(run_cache):
    loaded = run_cache.run("vae")
    projection = loaded.projection("plane")
    drawn = {"x": [0.1, 1 / 3, -2e-7], "y": [1.0, 2.0, 0.3], "hidden": [4]}
    assert outline_data(loaded, projection) is None
    keep_selection(loaded, projection, drawn)
    assert outline_data(loaded, projection) == drawn


@pytest.mark.parametrize(("run", "space", "dims"), [("other", "plane", (0, 1)), ("vae", "pca", (0, 1))])
def test_on_another_map_nothing_is_selected_and_on_its_own_it_is_again(run_cache, run, space, dims):
    loaded = run_cache.run("vae")
    keep_selection(loaded, loaded.projection("plane"), around(loaded.projection("plane").points))
    other = run_cache.run(run)
    assert held_selection(other, other.projection(space, *dims)) is None
    assert len(held_selection(loaded, loaded.projection("plane")).rows) == N


def test_on_another_plane_of_the_same_run_nothing_is_selected(run_cache):
    loaded = run_cache.run("wide")
    keep_selection(loaded, loaded.projection("plane", 0, 1), around(loaded.projection("plane", 0, 1).points))
    assert held_selection(loaded, loaded.projection("plane", 0, 2)) is None


def test_an_empty_outline_and_a_cleared_one_select_nothing(run_cache):
    loaded = run_cache.run("vae")
    projection = loaded.projection("plane")
    for clear in (lambda: keep_selection(loaded, projection, {"x": [], "y": [], "hidden": []}), clear_selection):
        keep_selection(loaded, projection, around(projection.points))
        clear()
        assert held_selection(loaded, projection) is None


def test_an_outline_that_is_refused_changes_nothing(run_cache):
    loaded = run_cache.run("vae")
    projection = loaded.projection("plane")
    keep_selection(loaded, projection, around(projection.points))
    with pytest.raises(ServingError, match="expected up to 2,000"):
        keep_selection(loaded, projection, {"x": [0.0] * 3000, "y": [0.0] * 3000, "hidden": []})
    with pytest.raises(ServingError, match="not a number within"):
        keep_selection(loaded, projection, {"x": [np.nan, 0, 1], "y": [0, 1, 2], "hidden": []})
    assert len(held_selection(loaded, projection).rows) == N


def test_another_selection_has_another_name(run_cache):
    loaded = run_cache.run("vae")
    projection = loaded.projection("plane")
    names = set()
    for hidden in ((), (1,), (1, 2)):
        keep_selection(loaded, projection, around(projection.points, hidden))
        names.add(held_selection(loaded, projection).name)
    assert len(names) == 3


def test_an_outline_of_a_link_selects_on_the_map_that_it_names(run_cache):
    loaded = run_cache.run("vae")
    plane, pca = loaded.projection("plane"), loaded.projection("pca")
    keep_selection(loaded, pca, around(pca.points[:7]))
    expected, link = held_selection(loaded, pca).rows.tolist(), view_to_query(held_view(MapView))
    st.session_state.clear()
    change_view(view_from_query(MapView, link)[0])
    assert held_selection(loaded, plane) is None
    assert held_selection(loaded, pca).rows.tolist() == expected
    # A link by hand need not name the map.
    change_view(view_from_query(MapView, {"outline": link["outline"], "outline_without": "0"})[0])
    assert held_selection(loaded, pca).rows.tolist() == [row for row in expected if loaded.encoded.labels[row] != 0]


def test_a_map_that_was_computed_anew_is_another_one(run_cache):
    loaded = run_cache.run("vae")
    projection = loaded.projection("plane")
    keep_selection(loaded, projection, around(projection.points))
    anew = replace(projection, points=projection.points + np.float32(0.5))
    assert held_selection(loaded, anew) is None
    assert len(held_selection(loaded, projection).rows) == N


def test_a_turned_map_is_not_the_one_that_it_was(run_cache):
    loaded, other = run_cache.run("vae"), run_cache.run("other")
    turned = aligned_onto(other.projection("pca"), loaded.projection("pca"))
    assert map_name(other, turned) == "other/pca/turned"
    assert map_name(other, other.projection("pca")) == "other/pca"
    assert map_name(other, other.projection("plane")) == "other/plane/z0/z1"
