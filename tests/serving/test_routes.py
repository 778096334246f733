import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from explorer.analysis.coding import decode_codes
from explorer.analysis.projections.methods import pca
from explorer.runs.run import Run
from explorer.serving.decoder import DecodeService
from explorer.serving.routes import MAX_BODY_BYTES, api_routes


class Client:
    """Sends a request through the routes and waits for the answer."""

    def __init__(self, folder: Path, base_path: str = "") -> None:
        self.transport = httpx.ASGITransport(Starlette(routes=api_routes(DecodeService(folder), base_path)))

    def request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://test") as client:
                return await client.request(method, path, **parts)

        return asyncio.run(answer())

    def get(self, path: str, **parts: Any) -> httpx.Response:
        return self.request("GET", path, **parts)

    def post(self, path: str, **parts: Any) -> httpx.Response:
        return self.request("POST", path, **parts)


@pytest.fixture(scope="module")
def client(trained: Path) -> Client:
    return Client(trained)


def numbers(n: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)).astype("<f4")


def images_of(response) -> np.ndarray:
    assert response.status_code == 200, response.text
    shape = tuple(int(side) for side in response.headers["X-Shape"].split(","))
    return np.frombuffer(response.content, np.uint8).reshape(shape)


def assert_refused(response, status: int, text: str) -> None:
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert text in response.json()["error"]


# The list


def test_the_list_describes_every_run(client):
    runs = {run["name"]: run for run in client.get("/api/runs").json()}
    assert list(runs) == ["ae", "cvae", "vae", "wide"]
    assert set(runs["cvae"]) >= {"name", "family", "data", "image_shape", "latent_dim", "n_classes", "projections"}
    cvae = {"family": "cvae", "data": "digits", "image_shape": [1, 8, 8], "latent_dim": 3, "n_classes": 10}
    assert runs["cvae"].items() >= (cvae | {"projections": [], "error": None}).items()
    assert (runs["ae"]["elbo"], runs["ae"]["n_classes"]) == (None, None)
    assert runs["vae"]["elbo"] < 0


def test_the_list_tells_a_damaged_run_from_the_others(own):
    (own / "vae" / "config.json").write_text("{")
    runs = {run["name"]: run for run in Client(own).get("/api/runs").json()}
    assert "config.json is not a valid configuration" in runs["vae"]["error"]
    assert [runs[name]["error"] for name in ("ae", "cvae", "wide")] == [None] * 3


# Decoding


def test_codes_are_answered_with_the_bytes_of_their_images(client, trained):
    z = numbers(6, 2)
    response = client.post("/api/runs/vae/decode", content=z.tobytes())
    expected = decode_codes(Run(trained / "vae").model(), z)
    assert response.headers["X-Shape"] == "6,1,8,8"
    assert response.content == expected.tobytes()


def test_a_class_is_decoded_as_that_class(client, trained):
    z = numbers(2, 3)
    images = images_of(client.post("/api/runs/cvae/decode?label=7", content=z.tobytes()))
    assert np.array_equal(images, decode_codes(Run(trained / "cvae").model(), z, np.array([7, 7])))


@pytest.mark.parametrize("row", [None, 11])
def test_a_point_of_the_principal_components_is_decoded_with_the_rest_of_its_reference(client, trained, row):
    run, points = Run(trained / "wide"), numbers(4, 2)
    encoded = run.encoded()
    z = pca(encoded).inverse(points, encoded.mean_code() if row is None else encoded.mu[row])
    query = "space=pca" if row is None else f"space=pca&reference={row}"
    images = images_of(client.post(f"/api/runs/wide/decode?{query}", content=points.tobytes()))
    assert np.array_equal(images, decode_codes(run.model(), z))


def test_a_point_of_a_plane_is_decoded_in_the_dimensions_asked_for(client, trained):
    run, points = Run(trained / "wide"), numbers(4, 2)
    z = np.repeat(run.encoded().mu[[3]], 4, axis=0)
    z[:, [4, 2]] = points
    response = client.post("/api/runs/wide/decode?space=plane&i=4&j=2&reference=3", content=points.tobytes())
    assert np.array_equal(images_of(response), decode_codes(run.model(), z))


def test_as_many_codes_as_are_allowed_are_decoded(client):
    assert len(images_of(client.post("/api/runs/vae/decode", content=numbers(1024, 2).tobytes()))) == 1024


ONE = numbers(1, 2).tobytes()
REFUSED = {
    "unknown run": ("nowhere/decode", ONE, 404, "There is no run 'nowhere'"),
    "run outside": ("%2e%2e/decode", ONE, 404, "cannot name a run"),
    "hidden run": (".vae/decode", ONE, 404, "cannot name a run"),
    "long run": (f"{'a' * 300}/decode", ONE, 404, "cannot name a run"),
    "unknown map": ("vae/decode?space=magic", ONE, 404, "There is no projection 'magic'"),
    "map outside": ("vae/decode?space=../weights", ONE, 404, "use up to 80 letters"),
    "empty map": ("vae/decode?space=", ONE, 404, "use up to 80 letters"),
    "empty body": ("vae/decode", b"", 400, "0 bytes"),
    "part of a number": ("vae/decode", ONE[:-1], 400, "7 bytes; it must be float32"),
    "part of a code": ("wide/decode", ONE, 400, "2 numbers, which is no multiple of 5"),
    "part of a point": ("wide/decode?space=pca", ONE + ONE[:4], 400, "3 numbers, which is no multiple of 2"),
    "nan": ("vae/decode", np.float32([np.nan, 0]).tobytes(), 400, "not finite"),
    "inf": ("vae/decode", np.float32([0, np.inf]).tobytes(), 400, "not finite"),
    "far": ("vae/decode", np.float32([0, 1e30]).tobytes(), 400, "beyond 1e+06"),
    "nan on a map": ("vae/decode?space=pca", np.float32([np.nan, 0]).tobytes(), 400, "not a finite number"),
    "far on a map": ("vae/decode?space=plane", np.float32([0, -1e30]).tobytes(), 400, "not a finite number"),
    "too many": ("vae/decode", numbers(1025, 2).tobytes(), 413, "1025 rows: send at most 1024"),
    "no class": ("cvae/decode", numbers(1, 3).tobytes(), 400, "add label, 0 to 9"),
    "class too high": ("cvae/decode?label=10", numbers(1, 3).tobytes(), 400, "Class 10 does not exist"),
    "class too low": ("cvae/decode?label=-1", numbers(1, 3).tobytes(), 400, "Class -1 does not exist"),
    "class far too high": (f"cvae/decode?label={'9' * 40}", numbers(1, 3).tobytes(), 400, "9999"),
    "class in words": ("cvae/decode?label=seven", numbers(1, 3).tobytes(), 400, "label='seven' is not a whole number"),
    "class without need": ("vae/decode?label=1", ONE, 400, "not conditional"),
    "row too high": ("wide/decode?space=pca&reference=60", ONE, 400, "Row 60 is not in the encoded set"),
    "row too low": ("wide/decode?space=pca&reference=-1", ONE, 400, "Row -1 is not in the encoded set"),
    "row in words": ("wide/decode?space=pca&reference=x", ONE, 400, "reference='x' is not a whole number"),
    "one dimension twice": ("wide/decode?space=plane&i=2&j=2", ONE, 404, "choose two different ones of 0 to 4"),
    "dimension too high": ("wide/decode?space=plane&i=0&j=5", ONE, 404, "choose two different ones of 0 to 4"),
    "dimension in words": ("wide/decode?space=plane&i=x", ONE, 400, "i='x' is not a whole number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_decoded_is_refused_in_words(client, case):
    path, body, status, text = REFUSED[case]
    assert_refused(client.post(f"/api/runs/{path}", content=body), status, text)


def test_a_number_of_many_digits_is_not_read_as_its_first_ones(client):
    # Row 0 exists and row 6 x 10^12 does not.
    response = client.post("/api/runs/wide/decode?space=pca&reference=0000000000006000000000000", content=ONE)
    assert_refused(response, 400, "6000000000000")


def test_a_body_over_the_limit_is_refused_while_it_arrives(client):
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(MAX_BODY_BYTES // 2)

    assert_refused(client.post("/api/runs/vae/decode", content=body()), 413, "at most 1024 codes")
    assert_refused(client.post("/api/runs/vae/decode", content=bytes(MAX_BODY_BYTES + 4)), 413, "at most 1024 codes")


def test_a_damaged_run_is_refused_in_words_and_others_are_decoded(own):
    (own / "vae" / "weights.safetensors").write_bytes(b"garbage")
    (own / "ae" / "config.json").write_text('{"model": {"latent_dim": 1e99}}')
    client = Client(own)
    assert_refused(client.post("/api/runs/vae/decode", content=ONE), 404, "weights.safetensors is damaged")
    assert_refused(client.post("/api/runs/ae/decode", content=ONE), 404, "config.json is not a valid configuration")
    assert images_of(client.post("/api/runs/wide/decode", content=numbers(1, 5).tobytes())).shape == (1, 1, 8, 8)


def test_a_model_too_large_to_build_is_refused_in_words(own):
    path = own / "vae" / "config.json"
    path.write_text(path.read_text().replace("8,", "128,").replace("8\n", "128\n").replace("16", "4096"))
    assert Run(own / "vae").config.model.hidden == (4096,)
    assert_refused(Client(own).post("/api/runs/vae/decode", content=ONE), 400, "at most 50,000,000 are built")


def test_decoding_is_asked_for_by_post_alone(client):
    assert client.get("/api/runs/vae/decode").status_code == 405


@pytest.mark.parametrize("base_path", ["/explorer", "explorer/", "/a/b/"])
def test_the_routes_lie_below_the_base_path(trained, base_path):
    client = Client(trained, base_path)
    prefix = "/" + base_path.strip("/")
    assert len(client.get(f"{prefix}/api/runs").json()) == 4
    assert images_of(client.post(f"{prefix}/api/runs/vae/decode", content=ONE)).shape == (1, 1, 8, 8)
    assert client.get("/api/runs").status_code == 404


# Points and pictures


@pytest.mark.parametrize("query", ["", "?space=plane", "?space=plane&i=3&j=1", "?space=pca"])
def test_the_points_of_a_map_are_floats_followed_by_classes(client, trained, query):
    encoded = Run(trained / "wide").encoded()
    response = client.get(f"/api/runs/wide/points{query}")
    points = np.frombuffer(response.content[: 60 * 8], "<f4").reshape(60, 2)
    labels = np.frombuffer(response.content[60 * 8 :], "<u2")
    dims = [3, 1] if "i=3" in query else [0, 1]
    expected = pca(encoded).points if "pca" in query else encoded.mu[:, dims]
    assert response.headers["X-Shape"] == "60,2"
    np.testing.assert_allclose(points, expected, atol=1e-6)
    assert np.array_equal(labels, encoded.labels)


def test_points_that_did_not_change_are_not_sent_again(client):
    first = client.get("/api/runs/wide/points?space=pca")
    again = client.get("/api/runs/wide/points?space=pca", headers={"If-None-Match": first.headers["ETag"]})
    other = client.get("/api/runs/wide/points?space=plane", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (other.status_code, len(other.content)) == (200, 60 * 10)


@pytest.mark.parametrize("space", ["magic", "../weights", "plane&i=0&j=0", "plane&i=9"])
def test_points_of_a_map_that_is_not_there_are_refused(client, space):
    response = client.get(f"/api/runs/wide/points?space={space}")
    assert response.status_code == 404
    assert response.json()["error"]


@pytest.mark.parametrize("name", ["vae", "cvae", "ae", "wide"])
def test_the_picture_of_a_run_is_ten_images_in_a_row(client, name):
    response = client.get(f"/api/runs/{name}/strip.png")
    picture = Image.open(io.BytesIO(response.content))
    pixels = np.asarray(picture)
    assert picture.format == "PNG"
    assert pixels.shape == (32, 320)  # each 8 x 8 image four times as large
    assert np.array_equal(pixels, pixels[::4, ::4].repeat(4, 0).repeat(4, 1))
    assert pixels.std() > 0


def test_a_picture_of_an_autoencoder_is_decoded_from_its_own_codes(client, trained):
    run = Run(trained / "ae")
    first = np.flatnonzero(run.encoded().labels == 0)[0]
    expected = decode_codes(run.model(), run.encoded().mu[[first]])[0, 0]
    picture = np.asarray(Image.open(io.BytesIO(client.get("/api/runs/ae/strip.png").content)))
    assert np.abs(picture[:32:4, :32:4].astype(int) - expected).max() <= 1


def test_a_picture_that_did_not_change_is_not_sent_again(client):
    etag = client.get("/api/runs/vae/strip.png").headers["ETag"]
    assert client.get("/api/runs/vae/strip.png", headers={"If-None-Match": etag}).status_code == 304
    assert client.get("/api/runs/vae/strip.png", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_picture_of_no_run_is_refused(client):
    assert_refused(client.get("/api/runs/nowhere/strip.png"), 404, "There is no run 'nowhere'")


def test_plotly_comes_from_the_installed_package(client):
    response = client.get("/api/plotly-7.js")
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert b"Plotly" in response.content
