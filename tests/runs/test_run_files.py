import json
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from explorer.errors import CheckpointError
from explorer.files import (
    MAX_JSON_BYTES,
    array_bytes,
    read_arrays,
    read_json_text,
    read_safetensors_header,
    write_atomically,
)


@contextmanager
def files_limited_to(n_bytes: int) -> Iterator[None]:
    """Let the operating system refuse to write more than ``n_bytes`` into a file, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_written_is_read_back_and_nothing_else_is_left(tmp_path):
    write_atomically(tmp_path / "file", b"old")
    write_atomically(tmp_path / "file", b"new" * 1000)
    assert (tmp_path / "file").read_bytes() == b"new" * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_old_content_and_no_other_file(tmp_path):
    write_atomically(tmp_path / "file", b"old")
    with files_limited_to(1000), pytest.raises(CheckpointError, match="could not be written: File too large"):
        write_atomically(tmp_path / "file", b"new" * 1000)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_target_that_cannot_be_replaced_leaves_no_other_file(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(CheckpointError, match="Is a directory"):
        write_atomically(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_small_text_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"é": 1}', encoding="utf-8")
    assert read_json_text(tmp_path / "a.json") == '{"é": 1}'


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "is missing. Restore it"), (b" " * (MAX_JSON_BYTES + 1), "65,537 bytes"), (b"\xff\xfe\x00", "cannot be")],
)
def test_a_text_that_cannot_be_read_is_refused_in_words(tmp_path, content, text):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=text) as caught:
        read_json_text(tmp_path / "a.json")
    assert str(tmp_path / "a.json") in str(caught.value)


def header_file(folder: Path, header: bytes, length: int | None = None) -> Path:
    path = folder / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)
    return path


def test_a_safetensors_header_is_its_json(tmp_path):
    header = {"__metadata__": {"a": "b"}}
    assert read_safetensors_header(header_file(tmp_path, json.dumps(header).encode())) == header


@pytest.mark.parametrize(
    ("header", "length"),
    [(b"{}", 2**62), (b"[1]", None), (b"{", None), (b"\xff\xff", None), (b"[" * 200_000, None), (b"", None)],
    ids=["long", "list", "cut", "not utf-8", "deep", "empty"],
)
def test_a_malformed_safetensors_header_is_refused_in_words(tmp_path, header, length):
    with pytest.raises(CheckpointError, match="is damaged: not a safetensors file"):
        read_safetensors_header(header_file(tmp_path, header, length))


def test_a_file_shorter_than_a_safetensors_header_is_refused_in_words(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"\x01\x02")
    with pytest.raises(CheckpointError, match="is damaged: not a safetensors file"):
        read_safetensors_header(tmp_path / "a.safetensors")


def test_a_missing_safetensors_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"a\.safetensors is missing"):
        read_safetensors_header(tmp_path / "a.safetensors")


def test_arrays_come_in_the_order_in_which_the_file_has_them(tmp_path):
    path = tmp_path / "a.safetensors"
    arrays = {f"column {k * 7 % 30}": np.full(2, k, np.float32) for k in range(30)}
    path.write_bytes(array_bytes(arrays))
    length = int.from_bytes(path.read_bytes()[:8], "little")
    in_file = list(json.loads(path.read_bytes()[8 : 8 + length]))
    for _ in range(3):
        read, metadata = read_arrays(path, 10**6)
        assert list(read) == in_file
        assert metadata == {}
    assert all((read[name] == arrays[name]).all() for name in arrays)
