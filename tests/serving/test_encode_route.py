"""Images to codes and map points over HTTP."""

import json

import numpy as np
import pytest
import torch

from explorer.analysis.projections.methods import pca, plane
from explorer.runs.run import Run
from explorer.serving.decoder import MAX_IMAGES, DecodeService
from explorer.serving.placement import nearest_class
from explorer.training.trainer import Trainer
from tests.serving.test_routes import Client, assert_refused
from tests.support import digits, fresh_run, run_config

IMAGES = digits("test", 5).images


@pytest.fixture(scope="module")
def client(trained):
    return Client(trained)


def means(run, images, label=None):
    """Posterior means of grey images by the model alone."""
    y = None if label is None else torch.full((len(images),), label)
    with torch.inference_mode():
        return run.model().encode(torch.from_numpy(images).float() / 255, y).mean.numpy()


def rows_of(response):
    assert response.status_code == 200, response.text
    shape = tuple(int(side) for side in response.headers["X-Shape"].split(","))
    return np.frombuffer(response.content, "<f4").reshape(shape)


@pytest.mark.parametrize(("name", "n_dims", "label"), [("vae", 2, None), ("wide", 5, None), ("ae", 2, None)])
def test_images_are_answered_with_the_means_of_their_posteriors(client, trained, name, n_dims, label):
    rows = rows_of(client.post(f"/api/runs/{name}/encode", content=IMAGES.tobytes()))
    assert rows.shape == (5, n_dims + 2)
    np.testing.assert_array_equal(rows[:, :n_dims], means(Run(trained / name), IMAGES))


def test_a_conditional_model_encodes_in_the_class_it_is_told(client, trained):
    rows = rows_of(client.post("/api/runs/cvae/encode?label=4", content=IMAGES.tobytes()))
    np.testing.assert_array_equal(rows[:, :3], means(Run(trained / "cvae"), IMAGES, 4))
    assert np.abs(rows[:, :3] - means(Run(trained / "cvae"), IMAGES, 5)).max() > 1e-3


@pytest.mark.parametrize("space", ["plane&i=3&j=1", "pca"])
def test_behind_each_code_stands_its_point_on_the_map(client, trained, space):
    encoded = Run(trained / "wide").encoded()
    rows = rows_of(client.post(f"/api/runs/wide/encode?space={space}", content=IMAGES.tobytes()))
    projection = pca(encoded) if space == "pca" else plane(encoded, 3, 1)
    np.testing.assert_allclose(rows[:, 5:], projection.forward(rows[:, :5]), atol=1e-6)


def test_the_nearest_class_is_that_of_most_of_the_ten_nearest_codes(client, trained):
    encoded = Run(trained / "wide").encoded()
    response = client.post("/api/runs/wide/encode", content=IMAGES[3:4].tobytes())
    told, z = json.loads(response.headers["X-Nearest"]), rows_of(response)[0, :5]
    distances = np.linalg.norm(encoded.mu - z, axis=1)
    ten = encoded.labels[np.argsort(distances)[:10]]
    assert told["votes"] == np.bincount(ten).max() == (ten == told["label"]).sum()
    assert (told["of"], told["row"]) == (10, distances.argmin())
    assert told["distance"] == pytest.approx(distances.min(), rel=1e-3)


def test_a_model_that_is_told_the_class_guesses_none(trained):
    loaded = DecodeService(trained).run_cache.run("cvae")
    told = nearest_class(loaded, loaded.encoded.mu[0], 6)
    assert (told["label"], told["votes"]) == (6, None)
    assert loaded.encoded.labels[told["row"]] == 6


def test_where_votes_are_equal_the_nearer_class_wins(trained):
    loaded = DecodeService(trained).run_cache.run("vae")
    for z in loaded.encoded.mu:
        told = nearest_class(loaded, z, None)
        rows, _ = loaded.encoded.neighbours(z, 10)
        votes = np.bincount(loaded.encoded.labels[rows])
        assert votes[told["label"]] == votes.max()


def test_as_many_images_as_are_allowed_are_encoded(client):
    images = np.zeros((MAX_IMAGES, 1, 8, 8), np.uint8)
    assert rows_of(client.post("/api/runs/vae/encode", content=images.tobytes())).shape == (MAX_IMAGES, 4)


IMAGE = IMAGES[:1].tobytes()
REFUSED = {
    "unknown run": ("nowhere/encode", IMAGE, 404, "There is no run 'nowhere'"),
    "nothing": ("vae/encode", b"", 400, "0 bytes; an image of vae has 64, one for each of 1 x 8 x 8"),
    "part of an image": ("vae/encode", IMAGE[:-1], 400, "63 bytes; an image of vae has 64"),
    "too many": ("vae/encode", bytes(65 * 64), 413, "send at most 64 images at once"),
    "no class": ("cvae/encode", IMAGE, 400, "add label, 0 to 9"),
    "class too high": ("cvae/encode?label=10", IMAGE, 400, "Class 10 does not exist"),
    "class without need": ("vae/encode?label=1", IMAGE, 400, "not conditional"),
    "unknown map": ("vae/encode?space=magic", IMAGE, 404, "There is no projection 'magic'"),
    "one dimension twice": ("wide/encode?space=plane&i=2&j=2", IMAGE, 404, "choose two different ones"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_encoded_is_refused_in_words(client, case):
    path, body, status, text = REFUSED[case]
    assert_refused(client.post(f"/api/runs/{path}", content=body), status, text)


def test_a_gan_encodes_nothing_and_says_why(tmp_path):
    gan = fresh_run(tmp_path / "gan", run_config("gan"), digits("train"))
    Trainer(gan, digits("train"), digits("validation")).fit()
    response = Client(tmp_path).post("/api/runs/gan/encode", content=IMAGE)
    assert_refused(response, 400, "gan is a GAN: it has no encoder, so no image has a code")
