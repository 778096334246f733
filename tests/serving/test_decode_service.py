import threading
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from explorer.analysis.coding import decode_codes
from explorer.analysis.projections.methods import project
from explorer.errors import CheckpointError, ExplorerError, ProjectionError, ServingError
from explorer.runs.run import Run
from explorer.serving.decoder import MAX_CODES, DecodeService, decode_service, reference_code, warm_default
from tests.support import encode_run

SECONDS = 60  # a future that never comes is a failure, not a hang


@pytest.fixture
def service(trained: Path) -> DecodeService:
    return DecodeService(trained)


def codes(n: int = 5, n_dims: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, n_dims)).astype(np.float32)


def direct(folder: Path, name: str, z: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    return decode_codes(Run(folder / name).model(), z, labels)


def answers(futures: list["Future[np.ndarray]"]) -> list[np.ndarray]:
    return [future.result(SECONDS) for future in futures]


def assert_same_images(images: np.ndarray, expected: np.ndarray) -> None:
    """Equal to the last grey level: a batch of another size may round its sums in another order."""
    assert images.shape == expected.shape
    assert images.dtype == np.uint8
    assert np.abs(images.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize(("name", "n_dims"), [("vae", 2), ("wide", 5), ("ae", 2)])
def test_the_service_decodes_what_the_model_decodes(service, trained, name, n_dims):
    assert np.array_equal(service.decode(name, codes(7, n_dims)), direct(trained, name, codes(7, n_dims)))


def test_a_class_is_decoded_as_that_class(service, trained):
    labels = np.arange(10)
    assert np.array_equal(service.decode("cvae", codes(10, 3), labels), direct(trained, "cvae", codes(10, 3), labels))


def test_requests_that_arrive_together_are_decoded_in_one_batch(service, trained):
    model = service.run_cache.run("vae").model
    started, go_on, sizes = threading.Event(), threading.Event(), []

    def note(_, inputs: tuple, __) -> None:
        sizes.append(len(inputs[0]))
        started.set()
        go_on.wait(SECONDS)

    hook = model.decoder.register_forward_hook(note)
    first = service.submit("vae", codes(2))
    assert started.wait(SECONDS)
    others = [service.submit("vae", codes(1 + k % 3, seed=k)) for k in range(40)]
    go_on.set()
    images = answers([first, *others])
    hook.remove()
    assert sizes == [2, sum(1 + k % 3 for k in range(40))]
    for k, batch in enumerate(images[1:]):
        assert_same_images(batch, direct(trained, "vae", codes(1 + k % 3, seed=k)))


def test_requests_of_many_threads_and_runs_each_get_their_own_images(service, trained):
    sizes = {"vae": 2, "wide": 5, "ae": 2, "cvae": 3}
    wrong: list[str] = []

    def ask(seed: int) -> None:
        for name, n_dims in sizes.items():
            z, labels = codes(3, n_dims, seed), np.full(3, seed % 10) if name == "cvae" else None
            expected = direct(trained, name, z, labels).astype(int)
            if np.abs(service.submit(name, z, labels).result(SECONDS) - expected).max() > 1:
                wrong.append(name)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert wrong == []


def test_more_requests_than_fit_a_batch_are_all_answered(service, trained):
    futures = [service.submit("vae", codes(MAX_CODES, seed=k)) for k in range(4)]
    for k, images in enumerate(answers(futures)):
        assert_same_images(images, direct(trained, "vae", codes(MAX_CODES, seed=k)))


@pytest.mark.parametrize(
    ("z", "text"),
    [
        (codes(3, 4), r"\(3, 4\); vae decodes 1 to 1024 codes of 2 numbers"),
        (codes(0, 2), r"\(0, 2\); vae decodes 1 to 1024"),
        (codes(1025, 2), r"\(1025, 2\); vae decodes 1 to 1024"),
        (codes(1, 2)[0], r"\(2,\); vae decodes"),
        (np.float32([[0, np.nan]]), "not finite"),
        (np.float32([[np.inf, 0]]), "not finite"),
        (np.float32([[0, -2e6]]), "beyond 1e\\+06"),
    ],
    ids=["width", "none", "many", "one axis", "nan", "inf", "far"],
)
def test_codes_that_the_model_does_not_take_are_refused(service, z, text):
    with pytest.raises(ServingError, match=text):
        service.submit("vae", z)


@pytest.mark.parametrize(
    ("name", "labels", "text"),
    [
        ("vae", [0], "vae is not conditional: it decodes without a class"),
        ("cvae", None, "cvae decodes given a class: add label, 0 to 9"),
        ("cvae", [10], "Class 10 does not exist in cvae: use 0 to 9"),
        ("cvae", [-1], "Class -1 does not exist in cvae"),
    ],
)
def test_classes_that_the_model_does_not_take_are_refused(service, name, labels, text):
    z = codes(1, 2 if name == "vae" else 3)
    with pytest.raises(ServingError, match=text):
        service.submit(name, z, None if labels is None else np.array(labels))


def test_the_refused_class_is_the_one_that_does_not_exist(service):
    with pytest.raises(ServingError, match="Class -4 does not exist"):
        service.submit("cvae", codes(2, 3), np.array([-4, 3]))


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (np.full((2, 9), 1 / 9, np.float32), r"float32 of shape \(2, 9\); cvae takes float32 of shape \(2, 10\)"),
        (np.full((1, 10), 0.1, np.float32), r"shape \(1, 10\); cvae takes float32 of shape \(2, 10\)"),
        (np.full((2, 10), 0.1), r"float64 of shape \(2, 10\); cvae takes float32"),
        (np.eye(10, dtype=np.float32)[:2] * np.float32([[1], [2]]), r"weights of code 1 are .*2\.0.* sum to 1"),
        (np.eye(10, dtype=np.float32)[:2] * 2 - 0.1, "weights of code 0 are .* not negative"),
        (np.full((2, 10), np.nan, np.float32), "weights of code 0 are"),
    ],
    ids=["classes", "rows", "type", "sum", "negative", "nan"],
)
def test_weights_of_classes_that_the_model_does_not_take_are_refused(service, weights, text):
    with pytest.raises(ServingError, match=text):
        service.submit("cvae", codes(2, 3), weights)


def test_only_decoding_takes_weights_of_classes(service):
    weights = np.eye(10, dtype=np.float32)[:1]
    with pytest.raises(ServingError, match="Only decoding takes weights of classes: give a class for each"):
        service.submit_with_reliability("cvae", codes(1, 3), weights)
    with pytest.raises(ServingError, match="Only decoding takes weights of classes"):
        service.submit_images("cvae", np.zeros((1, 1, 8, 8), np.uint8), weights)
    with pytest.raises(ServingError, match="vae is not conditional"):
        service.submit("vae", codes(1, 2), weights)


def test_requests_with_classes_and_with_weights_of_them_arrive_together_and_each_gets_its_own(service, trained):
    z, weights = codes(6, 3), np.random.default_rng(0).dirichlet(np.ones(10), 6).astype(np.float32)
    labels = [np.arange(6), weights, np.arange(6)[::-1].copy(), weights[::-1].copy()]
    for given, images in zip(labels, answers([service.submit("cvae", z, given) for given in labels]), strict=True):
        assert_same_images(images, direct(trained, "cvae", z, given))


@pytest.mark.parametrize("name", ["none", "../vae", "", "a/b"])
def test_a_run_that_is_not_there_is_refused(service, name):
    with pytest.raises(CheckpointError):
        service.submit(name, codes())


def test_a_request_that_fails_harms_no_other(own):
    service = DecodeService(own)
    weights = own / "wide" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    futures = [service.submit(name, codes(2, n_dims)) for name, n_dims in (("wide", 5), ("vae", 2), ("wide", 5))]
    assert_same_images(futures[1].result(SECONDS), direct(own, "vae", codes(2)))
    for failed in (futures[0], futures[2]):
        with pytest.raises(CheckpointError, match="damaged"):
            failed.result(SECONDS)
    assert_same_images(service.submit("vae", codes(3)).result(SECONDS), direct(own, "vae", codes(3)))


def test_a_request_that_nobody_waits_for_any_more_harms_no_other(service, trained):
    # What a closed connection does: asyncio.wrap_future hands the cancellation on.
    abandoned = [service.submit("vae", codes(seed=k)) for k in range(3)]
    assert any(future.cancel() for future in abandoned)
    assert_same_images(service.submit("vae", codes(4)).result(10), direct(trained, "vae", codes(4)))


def test_a_run_whose_weights_changed_is_read_again(own):
    service, run = DecodeService(own), Run(own / "vae")
    before = service.decode("vae", codes())
    weights = load_file(run.path / "weights.safetensors")
    run.save_weights({name: 3 * tensor for name, tensor in weights.items()})
    after = service.decode("vae", codes())
    assert np.array_equal(after, direct(own, "vae", codes()))
    assert not np.array_equal(after, before)


def test_a_map_that_is_older_than_the_weights_is_refused_until_it_is_made_anew(own):
    service, run = DecodeService(own), Run(own / "vae")
    before = service.codes_at("vae", codes(), "pca")
    weights = load_file(run.path / "weights.safetensors")
    run.save_weights({name: 3 * tensor for name, tensor in weights.items()})
    with pytest.raises(CheckpointError, match="other weights"):
        service.codes_at("vae", codes(), "pca")
    encode_run(run)
    assert not np.array_equal(service.codes_at("vae", codes(), "pca"), before)


def test_the_codes_of_a_map_keep_the_rest_of_the_reference(service):
    z = service.codes_at("wide", codes(4), "plane", dims=(3, 1), reference=7)
    row = service.run_cache.run("wide").encoded.mu[7]
    np.testing.assert_allclose(z[:, [3, 1]], codes(4), atol=1e-6)
    np.testing.assert_allclose(z[:, [0, 2, 4]], np.broadcast_to(row[[0, 2, 4]], (4, 3)), atol=1e-6)


def test_without_a_reference_the_rest_is_the_mean_code(service):
    loaded = service.run_cache.run("wide")
    z = service.codes_at("wide", codes(1), "plane")
    np.testing.assert_allclose(z[0, 2:], loaded.encoded.mu.mean(axis=0)[2:], atol=1e-5)
    np.testing.assert_array_equal(reference_code(loaded, None), loaded.encoded.mean_code())


@pytest.mark.parametrize("reference", [-1, 60, 10**9])
def test_a_reference_that_is_no_row_is_refused(service, reference):
    with pytest.raises(ServingError, match=rf"Row {reference} is not in the encoded set: choose one of 0 to 59"):
        service.codes_at("wide", codes(1), "plane", reference=reference)


@pytest.mark.parametrize("space", ["magic", "../weights", ""])
def test_a_map_that_is_not_there_is_refused(service, space):
    with pytest.raises(ExplorerError):
        service.codes_at("wide", codes(1), space)


def test_a_slow_map_that_is_not_made_yet_is_refused_with_the_command_that_makes_it(service):
    with pytest.raises(ProjectionError, match=r"no map by umap yet.*python -m explorer project wide --method umap"):
        service.codes_at("wide", codes(1), "umap")


def test_a_map_that_is_made_meanwhile_is_found(own):
    service, run = DecodeService(own), Run(own / "vae")
    with pytest.raises(ProjectionError):
        service.codes_at("vae", np.zeros((1, 2), np.float32), "pacmap")
    made = project(run.encoded(), "pacmap")
    run.save_projection(made)
    found = service.codes_at("vae", made.points[:3], "pacmap")
    np.testing.assert_allclose(found, run.encoded().mu[:3], atol=1e-3)


def test_a_run_without_codes_has_no_map_but_decodes(own):
    (own / "vae" / "encoded.safetensors").unlink()
    service = DecodeService(own)
    with pytest.raises(ProjectionError, match=r"vae has no encoded test set.*python -m explorer encode vae"):
        service.codes_at("vae", codes(), "plane")
    assert service.submit("vae", codes()).result(SECONDS).shape == (5, 1, 8, 8)


def test_there_is_one_service_for_a_folder(trained, tmp_path):
    assert decode_service(trained) is decode_service(trained)
    assert decode_service(tmp_path) is not decode_service(trained)


def test_warming_up_loads_the_first_run_and_takes_no_harm_from_a_damaged_or_empty_folder(own, tmp_path):
    warm_default(DecodeService(tmp_path / "nothing"))
    service = DecodeService(own)
    warm_default(service)  # the autoencoder comes first by name
    assert service.submit("ae", codes()).result(SECONDS).shape == (5, 1, 8, 8)
    (own / "ae" / "weights.safetensors").write_bytes(b"")
    warm_default(DecodeService(own))
