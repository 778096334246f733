import numpy as np
import pytest

from explorer.analysis.coding import decode_codes, encode_split
from explorer.analysis.projections.density import density_grid, map_covariances
from explorer.analysis.projections.methods import pca, plane
from explorer.data.catalogue import load_split
from explorer.runs.run import Run
from explorer.serving import test_images
from explorer.serving.overlays import MAX_ROWS, prior_centre
from explorer.serving.run_cache import RunCache
from tests.serving.test_routes import Client, assert_refused, images_of
from tests.support import trained_run


@pytest.fixture(scope="module")
def client(trained):
    return Client(trained)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Runs whose priors and posteriors are not N(0, I) and a diagonal normal."""
    folder = tmp_path_factory.mktemp("other-posteriors")
    trained_run(folder / "laplace", posterior="laplace")
    trained_run(folder / "laplace-normal", posterior="laplace", prior="normal")
    trained_run(folder / "full", posterior="normal-full")
    trained_run(folder / "by-class", "cvae", prior="conditional")
    return folder


def floats(response):
    assert response.status_code == 200, response.text
    shape = [int(side) for side in response.headers["X-Shape"].split(",")]
    return np.frombuffer(response.content, "<f4").reshape(shape)


def rows(*numbers):
    return np.array(numbers, "<u4").tobytes()


@pytest.mark.parametrize(("space", "project"), [("plane&i=3&j=1", lambda e: plane(e, 3, 1)), ("pca", pca)])
def test_the_density_is_sent_with_its_extent_and_threshold(client, trained, space, project):
    response = client.get(f"/api/runs/wide/density?space={space}")
    encoded = Run(trained / "wide").encoded()
    expected = density_grid(project(encoded), map_covariances(encoded, project(encoded)))
    np.testing.assert_allclose(floats(response), expected.values, rtol=1e-5, atol=1e-9)
    extent = [float(edge) for edge in response.headers["X-Extent"].split(",")]
    np.testing.assert_allclose(extent, expected.extent)
    kind, n_images, threshold = response.headers["X-Density"].split(",")
    assert (kind, int(n_images)) == ("posterior", 60)
    assert float(threshold) == pytest.approx(expected.threshold)


@pytest.mark.parametrize(("folder", "name"), [("trained", "ae"), ("others", "laplace"), ("others", "full")])
def test_the_density_without_diagonal_normals_is_that_of_the_points_and_says_so(request, folder, name):
    response = Client(request.getfixturevalue(folder)).get(f"/api/runs/{name}/density?space=plane")
    assert response.headers["X-Density"].startswith("kernels,60,")
    assert floats(response).min() >= 0


@pytest.mark.parametrize("kind", ["density", "ellipses"])
def test_what_the_browser_has_is_not_sent_again(client, kind):
    first = client.get(f"/api/runs/wide/{kind}?space=pca")
    again = client.get(f"/api/runs/wide/{kind}?space=pca", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(f"/api/runs/wide/{kind}?space=plane", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_the_ellipses_are_the_posteriors_covariances_on_the_map(client, trained):
    encoded = Run(trained / "wide").encoded()
    found = floats(client.get("/api/runs/wide/ellipses?space=pca"))
    axes = pca(encoded).axes
    expected = np.stack([axes @ np.diag(np.exp(log_var)) @ axes.T for log_var in encoded.log_var])
    np.testing.assert_allclose(found, expected[:, [0, 0, 1], [0, 1, 1]], atol=1e-5)


@pytest.mark.parametrize(("folder", "name"), [("trained", "ae"), ("others", "laplace"), ("others", "full")])
def test_ellipses_that_do_not_exist_are_refused(request, folder, name):
    response = Client(request.getfixturevalue(folder)).get(f"/api/runs/{name}/ellipses?space=plane")
    assert_refused(response, 404, f"The posteriors of {name} are no ellipses on the map plane: it takes a diagonal")


@pytest.mark.parametrize("kind", ["density", "ellipses"])
def test_an_overlay_of_a_map_that_is_not_there_is_refused(client, kind):
    assert_refused(client.get(f"/api/runs/vae/{kind}?space=magic"), 404, "There is no projection 'magic'")
    assert_refused(client.get(f"/api/runs/nowhere/{kind}"), 404, "There is no run 'nowhere'")


def test_the_prior_is_where_the_code_zero_falls(trained):
    loaded = RunCache(trained).run("wide")
    assert prior_centre(loaded, loaded.projection("plane", 3, 1)) == (0, 0)
    projection = loaded.projection("pca")
    x, y = prior_centre(loaded, projection)
    np.testing.assert_allclose([x, y], projection.axes @ -projection.origin, atol=1e-5)


@pytest.mark.parametrize(("name", "is_there"), [("laplace", 0), ("laplace-normal", 1), ("full", 1), ("by-class", 0)])
def test_only_a_standard_normal_prior_has_circles(others, name, is_there):
    loaded = RunCache(others).run(name)
    assert (prior_centre(loaded, loaded.projection("plane")) is not None) == bool(is_there)


def test_an_autoencoder_has_no_prior_to_draw(trained):
    loaded = RunCache(trained).run("ae")
    assert prior_centre(loaded, loaded.projection("plane")) is None


def test_images_are_the_originals_of_their_rows(own):
    # The shared runs encode 60 images of the 300: one that was encoded whole has originals.
    run = Run(own / "vae")
    whole = load_split("digits", "test")
    run.save_encoded(encode_split(run.model(), whole, is_binary=False, fingerprint=run.fingerprint()))
    response = Client(own).post("/api/runs/vae/images", content=rows(7, 0, 299))
    assert response.headers["X-Source"] == "original"
    np.testing.assert_array_equal(images_of(response), whole.images[[7, 0, 299]])


@pytest.mark.parametrize("name", ["vae", "cvae"])
def test_without_the_data_set_images_are_decoded_and_said_to_be(client, trained, name):
    run = Run(trained / name)
    encoded = run.encoded()
    chosen = [5, 2, 59]
    response = client.post(f"/api/runs/{name}/images", content=rows(*chosen))
    labels = encoded.labels[chosen] if name == "cvae" else None
    expected = decode_codes(run.model(), encoded.mu[chosen], labels)
    assert response.headers["X-Source"] == "reconstruction"
    assert np.abs(images_of(response).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "The body has 0 bytes; it must be 1 to 256 row numbers, uint32"),
        (b"abc", 400, "The body has 3 bytes"),
        (rows(60), 400, "Row 60 is not in the encoded set: choose one of 0 to 59"),
        (rows(2**32 - 1), 400, "Row 4294967295 is not in the encoded set"),
        (rows(*range(MAX_ROWS + 1)), 413, "send at most 256 rows at once"),
    ],
)
def test_rows_that_are_not_there_are_refused(client, body, status, text):
    assert_refused(client.post("/api/runs/vae/images", content=body), status, text)


def test_a_data_set_is_held_once():
    assert test_images.held_test_images("digits") is test_images.held_test_images("digits")
