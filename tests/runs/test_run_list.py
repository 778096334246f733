import json
import shutil

import pytest

from explorer.runs.listing import RunSummary, default_run, list_runs, summary
from explorer.runs.tables import describe
from tests.support import encode_run, new_run, run_config, trained_run

DAMAGE = {
    "config missing": lambda path: (path / "config.json").unlink(),
    "config garbage": lambda path: (path / "config.json").write_bytes(b"\x00\xff"),
    "config absurd": lambda path: (path / "config.json").write_text('{"model": {"latent_dim": 1e99}}'),
    "config a folder": lambda path: ((path / "config.json").unlink(), (path / "config.json").mkdir()),
    "weights missing": lambda path: (path / "weights.safetensors").unlink(),
    "weights garbage": lambda path: (path / "weights.safetensors").write_bytes(b"{}" * 100),
    "weights a folder": lambda path: ((path / "weights.safetensors").unlink(), (path / "weights.safetensors").mkdir()),
    "all missing": lambda path: (shutil.rmtree(path), path.mkdir()),
}


@pytest.fixture
def folder(tmp_path):
    for name in ("first", "second", "third"):
        encode_run(new_run(tmp_path / name))
    return tmp_path


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_is_listed_with_its_error_and_the_others_unharmed(folder, damage):
    DAMAGE[damage](folder / "second")
    first, second, third = list_runs(folder)
    assert [first.name, second.name, third.name] == ["first", "second", "third"]
    assert "second" in second.error
    assert (second.config, second.projections) == (None, ())
    for whole in (first, third):
        assert (whole.error, whole.config, whole.has_encoded) == (None, run_config(), True)
        assert whole.test_elbo < 0


def test_files_hidden_folders_and_folders_that_no_run_can_be_are_passed_over(folder):
    (folder / "README.md").write_text("notes")
    for name in (".first.123.new", "a b", "-x"):
        (folder / name).mkdir()
    assert [entry.name for entry in list_runs(folder)] == ["first", "second", "third"]


def test_a_folder_that_does_not_exist_has_no_runs(tmp_path):
    assert list_runs(tmp_path / "nowhere") == []


def test_an_autoencoder_is_listed_without_an_elbo(tmp_path):
    encode_run(new_run(tmp_path / "ae", "ae"))
    (entry,) = list_runs(tmp_path)
    assert (entry.test_elbo, entry.has_encoded, entry.error) == (None, True, None)


def test_a_run_is_described_the_same_whole_or_damaged(folder):
    DAMAGE["config missing"](folder / "second")
    first, second, _ = (describe(entry) for entry in list_runs(folder))
    assert first.keys() == second.keys()
    assert (first["family"], first["data"], first["image_shape"], first["latent_dim"]) == (
        "vae",
        "digits",
        [1, 8, 8],
        2,
    )
    assert {key for key, value in second.items() if value} == {"name", "error"}
    json.dumps([first, second], allow_nan=False)


def entry(name: str, *, error: str | None = None, has_encoded: bool = True) -> RunSummary:
    return RunSummary(name=name, config=None, test_elbo=None, projections=(), has_encoded=has_encoded, error=error)


def test_the_first_run_with_a_map_is_shown_first_and_the_shipped_one_before_all():
    assert default_run([]) is None
    assert default_run([entry("a", has_encoded=False), entry("b", error="damaged")]) is None
    assert default_run([entry("a", has_encoded=False), entry("b"), entry("c")]) == "b"
    assert default_run([entry("a"), entry("mnist-vae-2d")]) == "mnist-vae-2d"
    assert default_run([entry("a"), entry("mnist-vae-2d", error="damaged")]) == "a"


def test_an_elbo_of_other_weights_is_not_shown(tmp_path):
    run = trained_run(tmp_path / "run", binarisation="fixed")
    assert summary(run).test_elbo == pytest.approx(run.encoded().elbo(), abs=1e-4)
    weights = {name: tensor + 0.01 for name, tensor in run.model().state_dict().items()}
    run.save_weights(weights)
    assert summary(run).test_elbo is None
