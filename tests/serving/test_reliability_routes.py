"""The header X-Trust beside decoded images."""

import json
import threading
from concurrent.futures import Future

import numpy as np
import pytest

from explorer.analysis.coding import decode_codes
from explorer.analysis.latent.reliability import ReliabilityGauge, re_encoding_error
from explorer.errors import ProjectionError
from explorer.runs.run import Run
from explorer.serving.decoder import DecodeService
from tests.serving.test_routes import Client, assert_refused, images_of, numbers

SECONDS = 60


@pytest.fixture(scope="module")
def client(trained):
    return Client(trained)


def reliability_of(response):
    assert response.status_code == 200, response.text
    return json.loads(response.headers["X-Trust"])


@pytest.mark.parametrize(("name", "width", "query"), [("vae", 2, ""), ("ae", 2, ""), ("cvae", 3, "&label=7")])
def test_the_header_tells_of_the_first_code_what_its_model_and_encoded_set_say(client, trained, name, width, query):
    run, z = Run(trained / name), 0.1 * numbers(3, width)
    response = client.post(f"/api/runs/{name}/decode?trust=1{query}", content=z.tobytes())
    told, encoded, label = reliability_of(response), run.encoded(), 7 if query else None
    known = encoded.mu if label is None else encoded.mu[encoded.labels == label]
    distances = np.linalg.norm(known.astype(float) - z[0], axis=1)
    assert told["nearest"] == pytest.approx(distances.min(), rel=1e-3)
    assert told["n_near"] == (distances <= ReliabilityGauge(run.model(), encoded).neighbourhood(label).radius).sum()
    labels = None if label is None else np.full(3, label)
    assert told["re_encoding"] == pytest.approx(re_encoding_error(run.model(), z, labels)[0], rel=1e-3)
    if name == "ae":
        assert (told["log_prior"], told["no_log_prior"]) == (None, "an autoencoder has no prior")
    else:
        log_prior = -0.5 * float((z[0].astype(float) ** 2).sum() + width * np.log(2 * np.pi))
        assert told["log_prior"] == pytest.approx(log_prior, rel=1e-3)
    assert np.array_equal(images_of(response), decode_codes(run.model(), z, labels))


def test_a_place_on_a_map_is_told_of_as_its_code_is(client, trained):
    z = Run(trained / "vae").encoded().mu[:1]
    by_code = client.post("/api/runs/vae/decode?trust=1", content=z.astype("<f4").tobytes())
    on_map = client.post("/api/runs/vae/decode?space=plane&trust=1", content=z.astype("<f4").tobytes())
    assert reliability_of(on_map) == reliability_of(by_code)
    assert reliability_of(on_map)["nearest"] == 0


@pytest.mark.parametrize("query", ["", "?trust=0"])
def test_without_being_asked_for_there_is_no_header(client, query):
    response = client.post(f"/api/runs/vae/decode{query}", content=numbers(1, 2).tobytes())
    assert "X-Trust" not in response.headers


def test_trust_in_words_is_refused(client):
    response = client.post("/api/runs/vae/decode?trust=yes", content=numbers(1, 2).tobytes())
    assert_refused(response, 400, "trust='yes' is not a whole number")


def test_a_run_that_encoded_nothing_decodes_but_tells_no_trust(own):
    (own / "vae" / "encoded.safetensors").unlink()
    client, body = Client(own), numbers(1, 2).tobytes()
    assert_refused(client.post("/api/runs/vae/decode?trust=1", content=body), 404, "has no encoded test set")
    assert client.post("/api/runs/vae/decode", content=body).status_code == 200


def test_images_alone_go_before_those_with_trust_and_each_is_told_of_its_own_first_code(trained):
    service = DecodeService(trained)
    loaded = service.run_cache.run("vae")
    gauge = loaded.reliability_gauge
    started, go_on, sizes = threading.Event(), threading.Event(), []

    def note(_, inputs, __):
        sizes.append(len(inputs[0]))
        started.set()
        go_on.wait(SECONDS)

    hook = loaded.model.decoder.register_forward_hook(note)
    waiting = [service.submit("vae", numbers(1, 2))]
    assert started.wait(SECONDS)
    asked: list[Future] = []
    for k in range(6):
        submit = service.submit_with_reliability if k % 2 else service.submit
        asked.append(submit("vae", numbers(1 + k, 2, seed=k)))
    go_on.set()
    answers = [future.result(SECONDS) for future in waiting + asked][1:]
    hook.remove()
    assert sizes == [1, 1 + 3 + 5, 2 + 4 + 6]
    for k in (1, 3, 5):
        z = numbers(1 + k, 2, seed=k)
        (expected,) = gauge.measure(z[:1], None, z[:1])
        assert answers[k].images.shape == (1 + k, 1, 8, 8)
        assert answers[k].reliability.nearest == expected.nearest
        assert answers[k].reliability.re_encoding == pytest.approx(re_encoding_error(loaded.model, z[:1])[0], rel=1e-3)
    assert answers[0].shape == (1, 1, 8, 8)


def test_what_is_typical_is_measured_once_for_a_run(trained):
    service = DecodeService(trained)
    first = service.submit_with_reliability("vae", numbers(1, 2)).result(SECONDS)
    gauge = service.run_cache.run("vae").reliability_gauge
    second = service.submit_with_reliability("vae", numbers(1, 2)).result(SECONDS)
    assert service.run_cache.run("vae").reliability_gauge is gauge
    assert first.reliability == second.reliability


def test_a_run_without_codes_is_refused_before_it_joins_a_batch(own):
    (own / "vae" / "encoded.safetensors").unlink()
    with pytest.raises(ProjectionError, match="no encoded test set"):
        DecodeService(own).submit_with_reliability("vae", numbers(1, 2))
