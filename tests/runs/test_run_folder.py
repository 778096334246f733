import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.analysis.projections.base import LinearProjection
from explorer.analysis.projections.methods import pca
from explorer.errors import CheckpointError, ConfigError, ExplorerError
from explorer.models.build import build_model
from explorer.runs.listing import open_run
from explorer.runs.run import Run, check_name
from tests.support import encode_run, new_run, run_config, save_codes


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run")


def change_config(run: Run, **changes: object) -> Run:
    """Change fields of the model in config.json, as an editor would."""
    path = run.path / "config.json"
    config = json.loads(path.read_text())
    config["model"] |= changes
    path.write_text(json.dumps(config))
    return Run(run.path)


def save_projection(run: Run) -> None:
    encode_run(run)
    run.save_projection(pca(run.encoded()))


# A run and its configuration


def test_a_new_run_holds_its_configuration_and_no_more_than_its_files(run):
    assert Run(run.path).config == run_config()
    assert sorted(path.name for path in run.path.iterdir()) == ["config.json", "weights.safetensors"]
    assert [path.name for path in run.path.parent.iterdir()] == ["run"]
    assert (run.history(), run.state(), run.encoded(), run.projections(), run.test_elbo()) == ([], None, None, (), None)


def test_a_run_that_exists_is_not_replaced(run):
    before = (run.path / "weights.safetensors").read_bytes()
    with pytest.raises(CheckpointError, match=r"exists\. Choose another name with --name"):
        new_run(run.path)
    assert (run.path / "weights.safetensors").read_bytes() == before


def test_a_run_that_could_not_be_written_leaves_nothing(tmp_path):
    with pytest.raises(AttributeError):
        Run.create(tmp_path / "run", run_config(), {"weight": "not a tensor"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "", ".", "..", "a/b", "a b", "-x", ".x", "a" * 100, "a\n", "é", "a\x00b"])
def test_a_name_that_could_leave_the_folder_or_surprise_is_refused(tmp_path, name):
    with pytest.raises(CheckpointError, match="use up to 80 letters, digits"):
        check_name(name)
    if "/" not in name:
        with pytest.raises(CheckpointError, match="use up to 80 letters, digits"):
            open_run(name, tmp_path)


@pytest.mark.parametrize("name", ["a", "mnist-vae-2d", "Run_1.2", "a" * 80])
def test_a_plain_name_is_allowed(name):
    assert check_name(name) == name


def test_a_run_is_opened_by_name_or_by_path(run):
    assert open_run("run", run.path.parent).path == run.path
    assert open_run(str(run.path), Path("elsewhere")).path == run.path


def test_an_unknown_run_is_answered_with_the_known_ones(run):
    with pytest.raises(CheckpointError, match=r"There is no run 'other' in .*Runs there: run\."):
        open_run("other", run.path.parent)


ABSURD_CONFIGS = {
    "huge latent_dim": ('"latent_dim": 2', '"latent_dim": 1000000000', "model.latent_dim"),
    "huge layer": ("16", "1000000000", r"model.hidden.0.*got '1000000000'"),
    "nan": ('"beta": 1.0', '"beta": NaN', "training.objective.beta"),
    "infinity": ('"sigma": 0.7071067811865476', '"sigma": Infinity', "model.sigma"),
    "wrong type": ('"epochs": 2', '"epochs": "many"', "training.epochs"),
    "list": ("{", "[", "Invalid JSON"),
    "unknown field": ('"family"', '"familiar": 1, "family"', "model.familiar"),
    "another version": ('"format_version": 1', '"format_version": 2', "this program reads 1.*train again"),
    "version in words": ('"format_version": 1', '"format_version": "new"', "format_version"),
    "a family of none": ('"vae"', '"gpt"', "model.family.*got 'gpt'"),
    "long data": ('"digits"', f'"{"d" * 10_000}"', "training.data"),
}


@pytest.mark.parametrize("case", ABSURD_CONFIGS)
def test_an_absurd_configuration_is_refused_by_file_and_field(run, case):
    path = run.path / "config.json"
    old, new, expected = ABSURD_CONFIGS[case]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CheckpointError, match=f"config.json is not a valid configuration: .*{expected}") as caught:
        _ = Run(run.path).config
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"not json", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b"null", "valid configuration"),
        (b"[" * 60_000, "valid configuration"),
        (b"{}", "model: Field required"),
        (b" " * 10**6, "1,000,000 bytes; at most 65,536"),
        (b"\xff\xfe{}", "cannot be read"),
    ],
    ids=["words", "empty", "null", "deep", "empty object", "a megabyte", "not utf-8"],
)
def test_a_file_that_is_no_configuration_is_refused_in_words(run, content, text):
    (run.path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=text):
        _ = Run(run.path).config


def test_a_configuration_of_another_version_is_refused_for_its_version_whatever_else_changed(run):
    path = run.path / "config.json"
    config = json.loads(path.read_text()) | {"format_version": 7, "new_section": {}}
    path.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="format_version is 7; this program reads 1"):
        _ = Run(run.path).config


def test_a_model_within_every_bound_but_too_large_in_all_is_refused_in_words(run):
    damaged = change_config(run, hidden=[4096] * 6, image_shape=[4, 128, 128])
    with pytest.raises(ConfigError, match="at most 50,000,000 are built"):
        damaged.model()


# Weights


@pytest.mark.parametrize("network", ["dense", "conv"])
@pytest.mark.parametrize("family", ["vae", "cvae", "ae"])
def test_a_saved_and_loaded_model_decodes_bit_identically(tmp_path, family, network):
    torch.manual_seed(4)
    config = run_config(family, network=network, hidden=(4, 6))
    model = build_model(config.model).eval()
    loaded = Run.create(tmp_path / "run", config, model.state_dict()).model()
    z, y = torch.randn(9, 2), torch.arange(9)
    assert torch.equal(loaded.decode(z, y).mean, model.decode(z, y).mean)
    assert not any(weight.requires_grad for weight in loaded.parameters())
    assert not loaded.training


@pytest.mark.parametrize("changes", [{"latent_dim": 3}, {"hidden": [17]}, {"hidden": [16, 16]}, {"network": "conv"}])
def test_weights_that_do_not_fit_are_named_with_what_was_expected(run, changes):
    with pytest.raises(
        CheckpointError, match=r"weights\.safetensors do not fit config\.json \(family=vae, latent_dim="
    ):
        change_config(run, **changes).model()


def test_weights_of_another_precision_do_not_fit(run):
    weights = load_file(run.path / "weights.safetensors")
    run.save_weights({name: tensor.double() for name, tensor in weights.items()})
    with pytest.raises(CheckpointError, match="do not fit config"):
        run.model()


@pytest.mark.parametrize("change", ["cut", "garbage", "empty", "missing"])
def test_damaged_weights_are_refused_in_words(run, change):
    path = run.path / "weights.safetensors"
    content = path.read_bytes()
    damaged = {"cut": content[:-100], "garbage": bytes(range(256)) * 20, "empty": b""}
    path.unlink()
    if change in damaged:
        path.write_bytes(damaged[change])
    expected = "missing" if change == "missing" else r"weights\.safetensors is damaged.*Restore it from a copy"
    with pytest.raises(CheckpointError, match=expected):
        run.model()


def test_weights_of_more_bytes_than_any_model_has_are_not_read(run):
    with (run.path / "weights.safetensors").open("r+b") as file:
        file.truncate(10**10)  # a hole: it takes no room
    for read in (run.model, run.fingerprint):
        with pytest.raises(CheckpointError, match="10,000,000,000 bytes; at most"):
            read()


def test_the_fingerprint_is_that_of_the_weights_and_changes_with_them(run):
    before = run.fingerprint()
    assert Run(run.path).fingerprint() == before
    weights = load_file(run.path / "weights.safetensors")
    weights["decoder.bias"][0, 0, 0] += 1e-6
    run.save_weights(weights)
    assert run.fingerprint() != before
    assert len(before) == 16


def test_the_state_of_training_survives(run):
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(7)}
    numbers = {"epoch": 3, "best": -1.2345678901234567, "sums": [1e300, 2.5], "nothing": None}
    run.save_state(tensors, numbers)
    stored, stored_numbers = run.state()
    assert stored_numbers == numbers
    assert all(torch.equal(stored[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("metadata", [None, {"other": "x"}, {"progress": "{"}], ids=str)
def test_a_state_without_its_numbers_is_damaged(run, metadata):
    save_file({"a": torch.zeros(2)}, run.path / "state.safetensors", metadata)
    with pytest.raises(CheckpointError, match=r"state\.safetensors"):
        run.state()


def test_a_cut_state_is_damaged(run):
    run.save_state({"a": torch.zeros(200)}, {"epoch": 1})
    path = run.path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=r"state\.safetensors is damaged"):
        run.state()


# History


def test_a_history_survives(run):
    records = [
        {"epoch": 1, "seconds": 0.5, "train": {"kl": 0.1}, "validation": {"kl_per_dimension": [0.1, 0.2]}},
        {"epoch": 2, "seconds": 0.4, "train": {"kl": 0.25}, "validation": {}, "beta": 0.5},
    ]
    run.save_history(records)
    assert Run(run.path).history() == records


def test_a_last_line_that_was_cut_is_passed_over(run):
    run.save_history([{"epoch": 1}, {"epoch": 2}])
    with (run.path / "history.jsonl").open("a") as file:
        file.write('{"epoch": 3, "tra')
    assert [record["epoch"] for record in run.history()] == [1, 2]


def test_a_history_cut_within_a_letter_is_passed_over_too(run):
    run.save_history([{"epoch": 1}])
    with (run.path / "history.jsonl").open("ab") as file:
        file.write('{"note": "é'.encode()[:-1])
    assert [record["epoch"] for record in run.history()] == [1]


# What is computed from the weights


def test_an_encoded_set_survives_in_half_precision(run):
    encode_run(run)
    stored = run.encoded()
    again = Run(run.path).encoded()
    assert np.array_equal(again.mu, stored.mu)
    assert stored.fingerprint == run.fingerprint()
    assert (len(stored), stored.latent_dim) == (60, 2)
    assert run.test_elbo() == pytest.approx(stored.elbo(), abs=1e-3)


def test_an_encoded_autoencoder_has_no_elbo(tmp_path):
    run = new_run(tmp_path / "ae", "ae")
    encode_run(run)
    assert run.encoded().log_var is None
    assert run.encoded().elbo() is None
    assert run.test_elbo() is None


def test_a_projection_survives(run):
    save_projection(run)
    stored, computed = run.projection("pca"), pca(run.encoded())
    assert np.array_equal(stored.points, computed.points)
    assert np.array_equal(stored.axes, computed.axes)
    assert np.array_equal(stored.origin, computed.origin)
    assert (stored.axis_names, stored.parameters) == (computed.axis_names, computed.parameters)
    assert run.projections() == ("pca",)


def test_a_projection_survives_in_whatever_order_its_arrays_lie_in_memory(run):
    axes = np.array([[0.6, 0.8], [0.8, -0.6]], np.float32)
    save_codes(run, np.zeros((4, 2), np.float32), np.zeros(4, np.int64))
    projection = LinearProjection(
        method="pca",
        points=np.asfortranarray(np.arange(8, dtype=np.float32).reshape(4, 2)),
        axes=np.asfortranarray(axes),
        origin=np.zeros(2, np.float32),
        axis_names=("a", "b"),
    )
    run.save_projection(projection)
    assert np.array_equal(run.projection("pca").axes, axes)
    assert np.array_equal(run.projection("pca").points, projection.points)


def test_what_was_computed_with_other_weights_is_refused_with_the_command_that_mends_it(run):
    save_projection(run)
    run.save_weights({name: tensor + 1 for name, tensor in load_file(run.path / "weights.safetensors").items()})
    for read in (run.encoded, lambda: run.projection("pca")):
        with pytest.raises(
            CheckpointError, match=r"other weights than run has now. Run: python -m explorer encode run"
        ):
            read()


def test_an_encoded_set_of_a_missing_array_is_damaged(run):
    save_file({"mu": torch.zeros(3, 2)}, run.path / "encoded.safetensors", {"fingerprint": run.fingerprint()})
    with pytest.raises(CheckpointError, match=r"is damaged .*'labels'.*python -m explorer encode run"):
        run.encoded()


def test_an_encoded_set_of_arrays_that_do_not_fit_is_damaged(run):
    encode_run(run)
    for name, shape in (("labels", (59,)), ("log_var", (60, 3)), ("kl", (60, 1)), ("mu", ())):
        arrays = load_file(run.path / "encoded.safetensors") | {name: torch.zeros(shape)}
        other = run.path.parent / name
        shutil.copytree(run.path, other)
        save_file(arrays, other / "encoded.safetensors", {"fingerprint": run.fingerprint()})
        with pytest.raises(CheckpointError, match="is damaged"):
            Run(other).encoded()


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"axis_names": "5"},
        {"axis_names": '["a"]'},
        {"axis_names": "{"},
        {"parameters": "nonsense"},
        {"seconds": "x"},
    ],
    ids=str,
)
def test_a_projection_with_damaged_metadata_is_refused_in_words(run, metadata):
    save_projection(run)
    path = run.path / "projections" / "pca.safetensors"
    whole = {"method": "pca", "axis_names": '["a", "b"]', "parameters": "{}", "seconds": "0.1"}
    changed = whole | metadata if metadata else {}
    save_file(load_file(path), path, changed | {"fingerprint": run.fingerprint()})
    with pytest.raises(CheckpointError, match=r"pca\.safetensors is damaged.*project run --method pca"):
        run.projection("pca")


@pytest.mark.parametrize("read", ["encoded", "test_elbo"])
def test_garbage_for_an_encoded_set_is_refused_in_words(run, read):
    (run.path / "encoded.safetensors").write_bytes(bytes(range(256)))
    with pytest.raises(CheckpointError, match=r"encoded\.safetensors"):
        getattr(run, read)()


def test_an_encoded_file_without_metadata_is_told_from_a_whole_one(run):
    save_file({"mu": torch.zeros(3, 2)}, run.path / "encoded.safetensors")
    for read in (run.encoded, run.test_elbo):
        with pytest.raises(CheckpointError, match="python -m explorer encode run"):
            read()


@pytest.mark.parametrize("method", ["../weights", "", "a/b"])
def test_a_projection_by_a_name_that_leaves_the_folder_is_refused(run, method):
    with pytest.raises(ExplorerError, match="use up to 80 letters"):
        run.projection(method)


def test_codes_too_large_for_half_precision_are_stored_whole(run):
    encode_run(run)
    encoded = run.encoded()
    large = replace(encoded, mu=encoded.mu * np.float32(1e6))
    run.save_encoded(large)
    np.testing.assert_array_equal(run.encoded().mu, large.mu)


def test_of_many_who_make_one_run_at_once_one_succeeds_and_the_others_are_told(tmp_path):
    config, n = run_config(), 8
    weights = build_model(config.model).state_dict()
    begin = threading.Barrier(n)

    def make() -> str:
        begin.wait(30)
        try:
            Run.create(tmp_path / "twin", config, weights)
        except CheckpointError as error:
            return str(error)
        return "made"

    with ThreadPoolExecutor(n) as pool:
        said = [job.result(60) for job in [pool.submit(make) for _ in range(n)]]
    assert said.count("made") == 1
    assert all("exists. Choose another name" in text for text in said if text != "made")
    assert Run(tmp_path / "twin").model() is not None
    assert [path.name for path in tmp_path.iterdir()] == ["twin"]
