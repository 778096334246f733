import pytest

from explorer.serving.run_cache import RunCache, map_version
from explorer.ui.map.overlays import OVERLAYS, missing_overlays, overlay_data
from explorer.ui.map.view import MapView
from tests.support import trained_run


@pytest.fixture(scope="module")
def run_cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    trained_run(folder / "vae")
    trained_run(folder / "ae", "ae", likelihood="gaussian")
    trained_run(folder / "laplace", posterior="laplace")
    trained_run(folder / "by-class", "cvae", prior="conditional")
    return RunCache(folder)


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("vae", {}),
        ("ae", {"prior": "an autoencoder has no prior", "posterior": "encodes an image as a point"}),
        ("laplace", {"prior": "the prior is the laplace one", "posterior": "q(z|x) is laplace"}),
        ("by-class", {"prior": "a prior for each class"}),
    ],
)
def test_a_map_says_what_it_cannot_show_and_why(run_cache, name, reasons):
    loaded = run_cache.run(name)
    missing = missing_overlays(loaded, loaded.projection("plane"))
    assert missing.keys() == reasons.keys()
    for overlay, reason in reasons.items():
        assert reason in missing[overlay]


def test_what_a_map_cannot_show_is_not_sent_to_the_browser(run_cache):
    loaded = run_cache.run("ae")
    view = MapView(overlays=tuple(OVERLAYS))
    data = overlay_data(loaded, loaded.projection("plane"), view, "space=plane&i=0&j=1")
    assert data["shown"] == ["images", "density", "untrained", "thumbnails"]
    assert data["prior"] is None
    assert data["density"] == f"api/runs/ae/density?space=plane&i=0&j=1&v={map_version(loaded.projection('plane'))}"
