import numpy as np
import pytest

from explorer.analysis.projections.density import log_density
from explorer.runs.run import Run
from explorer.serving.point_values import column
from tests.serving.test_routes import Client, assert_refused
from tests.support import new_run, save_codes


@pytest.fixture(scope="module")
def client(trained):
    return Client(trained)


def values_of(response):
    assert response.status_code == 200, response.text
    return np.frombuffer(response.content, "<f4")


@pytest.mark.parametrize("name", ["reconstruction", "kl"])
def test_a_column_is_the_stored_number_of_each_image(client, trained, name):
    response = client.get(f"/api/runs/wide/column?name={name}")
    expected = getattr(Run(trained / "wide").encoded(), name)
    np.testing.assert_array_equal(values_of(response), expected)


def test_the_colours_span_percentiles_1_to_99(client, trained):
    response = client.get("/api/runs/wide/column?name=kl")
    low, high = (float(part) for part in response.headers["X-Range"].split(","))
    kl = Run(trained / "wide").encoded().kl.astype(float)
    assert (low, high) == pytest.approx((np.percentile(kl, 1), np.percentile(kl, 99)))


def test_the_density_is_that_of_the_map_that_was_asked_for(client, trained):
    mu = Run(trained / "wide").encoded().mu
    for i, j in ((0, 1), (3, 2)):
        values = values_of(client.get(f"/api/runs/wide/column?name=density&space=plane&i={i}&j={j}"))
        np.testing.assert_allclose(values, log_density(mu[:, [i, j]]), atol=1e-5)


def test_a_column_that_did_not_change_is_not_sent_again(client):
    first = client.get("/api/runs/wide/column?name=kl")
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.get("/api/runs/wide/column?name=kl", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/runs/wide/column?name=reconstruction", headers=known).status_code == 200
    density = client.get("/api/runs/wide/column?name=density&i=0&j=1")
    known = {"If-None-Match": density.headers["ETag"]}
    assert client.get("/api/runs/wide/column?name=density&i=2&j=1", headers=known).status_code == 200


REFUSED = {
    "kl of an autoencoder": ("ae/column?name=kl", 400, "has no posterior and no prior, so no KL"),
    "no name": ("vae/column", 400, "use one of reconstruction, kl, density"),
    "unknown": ("vae/column?name=weight", 400, "There is no column 'weight'"),
    "no run": ("nowhere/column?name=kl", 404, "There is no run 'nowhere'"),
    "no map": ("vae/column?name=density&space=magic", 404, "magic"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_column_that_is_not_there_is_refused_in_words(client, case):
    path, status, text = REFUSED[case]
    assert_refused(client.get(f"/api/runs/{path}"), status, text)


def odd_run(folder, **columns):
    run = new_run(folder / "odd")
    mu = np.zeros((4, 2), np.float32)
    save_codes(run, mu, np.zeros(4, np.int64), **columns)
    return Client(folder)


def test_values_that_are_not_finite_are_sent_as_nan_and_do_not_stretch_the_colours(tmp_path):
    client = odd_run(tmp_path, kl=np.float32([1, np.inf, np.nan, 3]))
    response = client.get("/api/runs/odd/column?name=kl")
    np.testing.assert_array_equal(values_of(response), [1, np.nan, np.nan, 3])
    low, high = (float(part) for part in response.headers["X-Range"].split(","))
    assert 1 <= low < high <= 3


def test_a_column_without_a_finite_value_is_refused(tmp_path):
    client = odd_run(tmp_path, kl=np.full(4, np.nan, np.float32))
    assert_refused(client.get("/api/runs/odd/column?name=kl"), 400, "No value of kl is a finite number")


def test_equal_values_have_a_range_around_them(tmp_path):
    client = odd_run(tmp_path, kl=np.full(4, 2, np.float32))
    assert client.get("/api/runs/odd/column?name=kl").headers["X-Range"] == "1.5,2.5"


def test_codes_that_are_all_the_same_have_points_but_no_density_and_no_principal_components(tmp_path):
    client = odd_run(tmp_path)
    points = client.get("/api/runs/odd/points")
    assert points.headers["X-Shape"] == "4,2"
    assert_refused(client.get("/api/runs/odd/column?name=density"), 404, "at one place or on one line")
    assert_refused(client.get("/api/runs/odd/points?space=pca"), 404, "All codes are the same")


def test_codes_that_are_not_finite_are_refused_with_their_number(tmp_path):
    run = new_run(tmp_path / "odd")
    mu = np.float32([[0, 1], [np.nan, 0], [np.inf, 2], [1, 1]])
    save_codes(run, mu, np.zeros(4, np.int64))
    assert_refused(
        Client(tmp_path).get("/api/runs/odd/points"), 404, "not finite numbers within 1e+06, for 2 of 4 images"
    )


def test_a_file_without_labels_is_refused_in_words(tmp_path):
    from safetensors.numpy import load_file, save_file

    run = new_run(tmp_path / "odd")
    save_codes(run, np.zeros((4, 2), np.float32), np.zeros(4, np.int64))
    path = run.path / "encoded.safetensors"
    arrays = load_file(path)
    del arrays["labels"]
    save_file(arrays, path, {"fingerprint": run.fingerprint(), "elbo": ""})
    assert_refused(Client(tmp_path).get("/api/runs/odd/points"), 404, "is damaged ('labels')")


def test_the_density_of_one_map_is_computed_once(trained):
    from explorer.serving.run_cache import RunCache

    loaded = RunCache(trained).run("wide")
    projection = loaded.projection("plane")
    assert column(loaded, "density", projection) is column(loaded, "density", projection)
