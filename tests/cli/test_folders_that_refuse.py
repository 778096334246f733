"""Commands on folders of runs that cannot be read or written: a sentence, before anything is computed."""

import json
import shutil

import pytest

from explorer.analysis import coding
from explorer.analysis.projections import methods
from explorer.data import catalogue
from explorer.locations import SHIPPED
from tests.privileges import permissions_hold
from tests.support import new_run


@pytest.fixture
def folder(tmp_path):
    """A folder with a trained run and a new one, which is opened again at the end."""
    folder = tmp_path / "runs"
    new_run(folder / "new")
    shutil.copytree(SHIPPED / "digits-vae-2d", folder / "digits-vae-2d")
    yield folder
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)


@pytest.mark.parametrize(
    ("arguments", "computes"),
    [
        (("project", "digits-vae-2d", "--method", "pca"), (methods, "project")),
        (("encode", "digits-vae-2d"), (coding, "encode_split")),
        (("train", "--run", "new"), (catalogue, "load_split")),
    ],
)
def test_a_run_that_cannot_be_written_to_is_told_before_anything_is_computed(
    command, folder, monkeypatch, arguments, computes
):
    monkeypatch.setattr(*computes, lambda *_, **__: pytest.fail("it was computed"))
    for path in folder.iterdir():
        path.chmod(0o555)
    with permissions_hold():
        ended = command(*arguments, checkpoints=folder)
    assert ended.status == 1
    assert "(Permission denied). Check" in ended.messages
    assert "Traceback" not in ended.messages


def test_a_folder_that_no_run_can_be_made_in_is_told_before_the_images_are_read(command, folder, monkeypatch):
    monkeypatch.setattr(catalogue, "load_split", lambda *_, **__: pytest.fail("images were read"))
    folder.chmod(0o555)
    with permissions_hold():
        ended = command("train", "--data", "digits", "--name", "newer", checkpoints=folder)
    assert ended.status == 1
    assert "cannot be written to (Permission denied). Check its permissions" in ended.messages


@pytest.mark.parametrize("arguments", [("runs",), ("evaluate", "digits-vae-2d"), ("sample", "a", "--out", "a.png")])
def test_a_folder_that_cannot_be_read_is_told_in_words(command, folder, arguments):
    folder.chmod(0)
    with permissions_hold():
        ended = command(*arguments, checkpoints=folder)
    assert ended.status != 0
    assert "Traceback" not in ended.messages
    assert "cannot be read: Permission denied" in ended.messages


@pytest.mark.parametrize(
    "arguments", [("runs",), ("evaluate", "a"), ("project", "a"), ("encode", "a"), ("train", "--data", "digits")]
)
def test_a_file_where_the_folder_of_runs_should_be_is_told_in_words(command, tmp_path, arguments):
    (tmp_path / "file").write_text("")
    ended = command(*arguments, checkpoints=tmp_path / "file")
    assert ended.status == 1
    assert "Not a directory" in ended.messages or "could not be made: File exists" in ended.messages


def test_json_has_no_infinity(command, folder):
    path = folder / "digits-vae-2d" / "encoded.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["elbo"] = "-inf"
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    ended = command("runs", "--json", checkpoints=folder)
    row, _ = json.loads(ended.out, parse_constant=pytest.fail)
    assert row["elbo"] is None
    assert "-inf, no finite number" in row["problems"][0]


def test_names_are_whole_in_a_narrow_terminal_whatever_is_wrong_with_a_run(command, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"mnist-vae-with-a-long-name-{number}" for number in range(3)]
    for name in names:
        new_run(tmp_path / name)
    (tmp_path / names[1] / "config.json").write_text('{"model": ' + "x" * 500)
    out = command("runs").out
    assert all(name in out for name in names)
    assert max(len(line) for line in out.splitlines() if line.startswith(names[0])) <= 80
