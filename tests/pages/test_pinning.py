import numpy as np
import pytest

from explorer.errors import ProjectionError, ServingError
from explorer.serving.run_cache import RunCache
from explorer.ui.pins import Pin
from explorer.ui.places import pinned_code, resolve_pin
from explorer.ui.view import View
from tests.support import encode_run, new_run

ROW = 17
PLACE = (0.75, -1.25)


def looked_at(loaded, view):
    """The code of the pin that is looked at."""
    return pinned_code(loaded, view, view.pin)


@pytest.fixture(scope="module")
def run_cache(tmp_path_factory):
    """A plain, a wide and a conditional model with 60 encoded images each."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, changes in {"vae": {}, "wide": {"latent_dim": 5}, "cvae": {"family": "cvae"}}.items():
        encode_run(new_run(folder / name, **changes))
    return RunCache(folder)


def test_where_nothing_is_pinned_the_first_image_is(run_cache):
    loaded = run_cache.run("vae")
    place = resolve_pin(loaded, View())
    assert place.row == 0
    np.testing.assert_array_equal(place.z, loaded.encoded.mu[0])


@pytest.mark.parametrize("view", [View(), View(space="pca"), View(dims=(3, 1))], ids=["plane", "pca", "another plane"])
def test_a_pinned_image_lies_on_its_point_and_is_its_code(run_cache, view):
    loaded = run_cache.run("wide")
    place = resolve_pin(loaded, View(space=view.space, dims=view.dims, pins=(Pin(row=ROW),)))
    assert place.row == ROW
    np.testing.assert_array_equal(place.z, loaded.encoded.mu[ROW])
    np.testing.assert_allclose(place.point, loaded.projection(view.space, *view.dims).points[ROW], atol=1e-6)


def test_in_two_dimensions_a_pinned_place_is_its_own_code(run_cache):
    place = resolve_pin(run_cache.run("vae"), View(pins=(Pin(point=PLACE),)))
    assert place.row is None
    np.testing.assert_allclose(place.z, PLACE, atol=1e-6)
    np.testing.assert_allclose(place.point, PLACE, atol=1e-6)


@pytest.mark.parametrize("space", ["plane", "pca"])
def test_a_pinned_place_lies_where_it_was_pinned(run_cache, space):
    place = resolve_pin(run_cache.run("wide"), View(space=space, pins=(Pin(point=PLACE),), reference=3))
    np.testing.assert_allclose(place.point, PLACE, atol=1e-5)


def test_off_the_plane_a_pinned_place_has_the_code_of_its_reference(run_cache):
    loaded = run_cache.run("wide")
    z = looked_at(loaded, View(dims=(3, 1), pins=(Pin(point=PLACE),), reference=ROW))
    expected = loaded.encoded.mu[ROW].copy()
    expected[[3, 1]] = PLACE
    np.testing.assert_allclose(z, expected, atol=1e-6)


def test_without_a_reference_the_rest_is_the_mean_code(run_cache):
    loaded = run_cache.run("wide")
    z = looked_at(loaded, View(pins=(Pin(point=PLACE),)))
    np.testing.assert_allclose(z[2:], loaded.encoded.mu.mean(axis=0)[2:], atol=1e-6)


def test_a_conditional_model_decodes_a_pin_in_the_class_of_the_nearest_point(run_cache):
    loaded = run_cache.run("cvae")
    point = loaded.encoded.mu[ROW] + 1e-4
    view = View(pins=(Pin(point=(float(point[0]), float(point[1]))),))
    assert resolve_pin(loaded, view).label == loaded.encoded.labels[ROW]
    assert resolve_pin(loaded, View(pins=(Pin(row=ROW),))).label == loaded.encoded.labels[ROW]


def test_a_conditional_model_decodes_an_image_in_its_own_class_and_a_place_in_the_chosen_one(run_cache):
    loaded = run_cache.run("cvae")
    assert resolve_pin(loaded, View(pins=(Pin(row=ROW),), decode_as=4)).label == loaded.encoded.labels[ROW]
    assert resolve_pin(loaded, View(pins=(Pin(point=(0.1, 0.2)),), decode_as=4)).label == 4


def test_a_model_without_classes_decodes_a_pin_without_one(run_cache):
    assert resolve_pin(run_cache.run("vae"), View(pins=(Pin(row=ROW),), decode_as=4)).label is None


def test_a_row_that_is_not_there_is_named(run_cache):
    with pytest.raises(ServingError, match="Row 60 is not in the encoded set: choose one of 0 to 59"):
        resolve_pin(run_cache.run("vae"), View(pins=(Pin(row=60),)))


def test_a_plane_that_is_not_there_is_named(run_cache):
    with pytest.raises(ProjectionError, match="Dimensions 0 and 9 "):
        resolve_pin(run_cache.run("wide"), View(dims=(0, 9), pins=(Pin(point=PLACE),)))
