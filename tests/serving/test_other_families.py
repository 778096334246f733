"""What has no encoder, a prior for each class, or codes that are not normal is served like the rest."""

import io

import numpy as np
import pytest
from PIL import Image

from explorer.analysis.coding import decode_codes
from explorer.analysis.latent.priors import prior_codes
from explorer.errors import ProjectionError
from explorer.runs.run import Run
from explorer.serving.run_cache import RunCache
from explorer.training.trainer import Trainer
from tests.serving.test_routes import Client
from tests.support import digits, fresh_run, run_config, trained_run

GAN_HAS_NO_MAP = (
    "gan is a GAN: it has no encoder, so no image has a place on its map. See what it makes on the page Generate"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other-models")
    gan = fresh_run(folder / "gan", run_config("gan"), digits("train"))
    Trainer(gan, digits("train"), digits("validation")).fit()
    trained_run(folder / "conditional", "cvae", prior="conditional", latent_dim=3)
    trained_run(folder / "beta", posterior="beta", latent_dim=3)
    return folder


@pytest.fixture(scope="module")
def client(folder):
    return Client(folder)


@pytest.mark.parametrize("name", ["gan", "conditional", "beta"])
def test_the_picture_of_a_run_is_of_draws_from_its_own_prior(client, folder, name):
    response = client.get(f"/api/runs/{name}/strip.png")
    assert response.status_code == 200
    picture = np.asarray(Image.open(io.BytesIO(response.content)))
    labels = np.arange(10) if name == "conditional" else None
    model = Run(folder / name).model()
    expected = decode_codes(model, prior_codes(model, 10, seed=0, labels=labels), labels)[:, 0]
    shown = picture[::4, ::4].reshape(8, 10, 8).swapaxes(0, 1)
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert picture.shape == (32, 320)


@pytest.mark.parametrize(("name", "query"), [("gan", ""), ("conditional", "?label=4"), ("beta", "")])
def test_codes_are_decoded_as_the_model_decodes_them(client, folder, name, query):
    run = Run(folder / name)
    z = np.random.default_rng(0).uniform(0.1, 0.9, (6, run.config.model.latent_dim)).astype(np.float32)
    response = client.post(f"/api/runs/{name}/decode{query}", content=z.tobytes())
    expected = decode_codes(run.model(), z, np.full(6, 4) if query else None)
    assert response.headers["X-Shape"] == "6,1,8,8"
    assert response.content == expected.tobytes()


@pytest.mark.parametrize("space", ["plane", "pca"])
def test_points_of_a_gan_are_refused_with_the_page_that_shows_it(client, folder, space):
    response = client.get(f"/api/runs/gan/points?space={space}")
    assert response.status_code == 404
    assert GAN_HAS_NO_MAP in response.json()["error"]
    decoded = client.post(f"/api/runs/gan/decode?space={space}", content=np.zeros(2, np.float32).tobytes())
    assert (decoded.status_code, decoded.json()) == (404, response.json())
    with pytest.raises(ProjectionError, match="choose another model"):
        RunCache(folder).run("gan").projection(space)


@pytest.mark.parametrize("name", ["conditional", "beta"])
def test_points_are_the_means_of_the_posteriors(client, folder, name):
    response = client.get(f"/api/runs/{name}/points?space=plane&i=2&j=0")
    points = np.frombuffer(response.content[: 60 * 8], "<f4").reshape(60, 2)
    np.testing.assert_allclose(points, Run(folder / name).encoded().mu[:, [2, 0]], atol=1e-6)


def test_a_point_of_a_beta_posteriors_map_is_decoded_with_the_rest_of_the_mean_code(client, folder):
    run = Run(folder / "beta")
    point = np.array([[0.25, 0.75]], np.float32)
    z = run.encoded().mean_code()[None]
    z[:, :2] = point
    response = client.post("/api/runs/beta/decode?space=plane", content=point.tobytes())
    assert response.content == decode_codes(run.model(), z).tobytes()


def test_the_list_describes_them_with_what_they_have(client):
    runs = {run["name"]: run for run in client.get("/api/runs").json()}
    assert runs["gan"].items() >= {"family": "gan", "elbo": None, "n_classes": None, "error": None}.items()
    assert runs["conditional"].items() >= {"family": "cvae", "n_classes": 10, "latent_dim": 3, "error": None}.items()
    assert runs["beta"]["elbo"] < 0
