"""Small files in torchvision's layout, real downloads from a server on this machine, and downloads that fail."""

import gzip
import hashlib
import pickle
import shutil
import socket
import struct
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from explorer.data.catalogue import load_split
from explorer.data.published import MNIST_SHA256, SOURCES
from explorer.errors import DataError

N = 20
IDX_SETS = [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
UNSUMMED_SETS = IDX_SETS[1:]
EVERY_SET = [name for name, _ in IDX_SETS] + ["emnist-letters", "cifar10", "svhn"]


def torchvision_class(name: str) -> Any:
    return SOURCES[name].torchvision


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()


def write_idx(file: Path, items: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">{1 + items.ndim}I", 0x800 | items.ndim, *items.shape)
    file.write_bytes(header + items.astype(np.uint8).tobytes())


def random_images(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


TRAIN_IMAGES, TEST_IMAGES = random_images(N, 28, 28, seed=2), random_images(N, 28, 28, seed=3)
LABELS = np.arange(N) % 10


def write_idx_set(root: Path, class_name: str) -> None:
    """Four files; the parts differ in their images."""
    for prefix, images in (("train", TRAIN_IMAGES), ("t10k", TEST_IMAGES)):
        write_idx(root / class_name / "raw" / f"{prefix}-images-idx3-ubyte", images)
        write_idx(root / class_name / "raw" / f"{prefix}-labels-idx1-ubyte", LABELS)


def write_letters(root: Path) -> None:
    """An L as it is published, rows and columns exchanged, for all of the letters a to z."""
    upright = np.zeros((28, 28), np.uint8)
    upright[4:24, 8] = upright[23, 8:20] = 255
    images, labels = np.stack([upright.T] * 26), 1 + np.arange(26)
    for part in ("train", "test"):
        write_idx(root / "EMNIST" / "raw" / f"emnist-letters-{part}-images-idx3-ubyte", images)
        write_idx(root / "EMNIST" / "raw" / f"emnist-letters-{part}-labels-idx1-ubyte", labels)


@pytest.fixture
def cifar10(tmp_path, monkeypatch) -> tuple[Path, np.ndarray]:
    """Batches of two images each, and their sums in place of the published ones."""
    images, folder = random_images(12, 3, 32, 32), tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for i, name in enumerate(names):
        rows = slice(2 * i, 2 * i + 2)
        batch = {"data": images[rows].reshape(2, 3072), "labels": [2 * i % 10, (2 * i + 1) % 10]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}, protocol=2))
    sums = [[name, md5(folder / name)] for name in names]
    published = torchvision_class("cifar10")
    monkeypatch.setattr(published, "train_list", sums[:5])
    monkeypatch.setattr(published, "test_list", sums[5:])
    monkeypatch.setattr(published, "meta", published.meta | {"md5": md5(folder / "batches.meta")})
    return tmp_path, images


@pytest.fixture
def svhn(tmp_path, monkeypatch) -> tuple[Path, np.ndarray]:
    """Ten images a part in one file, labelled 1 to 10, and its sum in place of the published one."""
    from scipy.io import savemat

    images = random_images(10, 3, 32, 32)
    file = tmp_path / "test_32x32.mat"
    savemat(file, {"X": images.transpose(2, 3, 1, 0), "y": np.arange(1, 11, dtype=np.uint8)[:, None]})
    shutil.copyfile(file, tmp_path / "train_32x32.mat")
    for part, (url, name, _) in list(torchvision_class("svhn").split_list.items()):
        monkeypatch.setitem(torchvision_class("svhn").split_list, part, [url, name, md5(file)])
    return tmp_path, images


def point_at(monkeypatch, name: str, url: str) -> None:
    """Let torchvision look for a data set under ``url`` alone, and not through a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    published = torchvision_class(name)
    if name == "svhn":
        for part, (_, file, checksum) in list(published.split_list.items()):
            monkeypatch.setitem(published.split_list, part, [url + file, file, checksum])
    elif name in ("cifar10", "emnist-letters"):
        monkeypatch.setattr(published, "url", url + published.url.rsplit("/", 1)[1])
    else:
        monkeypatch.setattr(published, "mirrors", [url])


# Reading.


@pytest.mark.parametrize(("name", "class_name"), UNSUMMED_SETS)
def test_the_published_test_part_comes_in_its_order(tmp_path, name, class_name):
    write_idx_set(tmp_path, class_name)
    split = load_split(name, "test", root=tmp_path)
    assert np.array_equal(split.images, TEST_IMAGES[:, None])
    assert np.array_equal(split.labels, LABELS)


@pytest.mark.parametrize(("name", "class_name"), UNSUMMED_SETS)
def test_a_tenth_of_the_published_training_part_is_for_validation(tmp_path, name, class_name):
    write_idx_set(tmp_path, class_name)
    train, validation = (load_split(name, part, root=tmp_path) for part in ("train", "validation"))
    assert (len(train), len(validation)) == (N - 2, 2)
    rows = np.random.Generator(np.random.PCG64(0)).permutation(N)
    assert np.array_equal(np.concatenate([train.images, validation.images]), TRAIN_IMAGES[rows][:, None])
    assert np.array_equal(np.concatenate([train.labels, validation.labels]), LABELS[rows])


@pytest.mark.parametrize("part", ["train", "test"])
def test_letters_are_turned_upright_and_counted_from_zero(tmp_path, part):
    write_letters(tmp_path)
    split = load_split("emnist-letters", part, root=tmp_path)
    # An upright L: its long stroke is a column, and its short one at the bottom.
    assert np.flatnonzero(split.images[0, 0, 10]).tolist() == [8]
    assert np.flatnonzero(split.images[0, 0, 23]).tolist() == list(range(8, 20))
    assert split.image_shape == (1, 28, 28)
    assert split.n_classes == 26
    if part == "test":
        assert split.labels.tolist() == list(range(26))


def test_cifar10_comes_as_channels_rows_columns(cifar10):
    root, images = cifar10
    test = load_split("cifar10", "test", root=root)
    assert np.array_equal(test.images, images[10:])
    assert test.labels.tolist() == [0, 1]
    train, validation = (load_split("cifar10", part, root=root) for part in ("train", "validation"))
    assert (len(train), len(validation)) == (9, 1)
    rows = np.random.Generator(np.random.PCG64(0)).permutation(10)
    assert np.array_equal(np.concatenate([train.images, validation.images]), images[rows])
    assert np.concatenate([train.labels, validation.labels]).tolist() == rows.tolist()


def test_svhn_comes_as_channels_rows_columns_with_the_digit_zero_as_class_zero(svhn):
    root, images = svhn
    test = load_split("svhn", "test", root=root)
    assert np.array_equal(test.images, images)
    assert test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert len(load_split("svhn", "train", root=root)) == 9


def test_a_preprocessed_file_of_old_torchvision_is_never_read(tmp_path):
    import torch

    write_idx_set(tmp_path, "KMNIST")
    processed = tmp_path / "KMNIST" / "processed"
    processed.mkdir()
    for name in ("training.pt", "test.pt"):
        torch.save((torch.zeros(3, 28, 28, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)), processed / name)
    assert np.array_equal(load_split("kmnist", "test", root=tmp_path).images, TEST_IMAGES[:, None])


# Altered and truncated files.


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_file_in_mnists_place_that_is_not_mnist_is_refused(tmp_path, part):
    write_idx_set(tmp_path, "MNIST")
    with pytest.raises(DataError, match=r"-images-idx3-ubyte is not the published file.*SHA-256"):
        load_split("mnist", part, root=tmp_path)


def test_sums_of_all_four_mnist_files_are_known():
    assert [f"{name}.gz" for name in MNIST_SHA256] == [name for name, _ in torchvision_class("mnist").resources]


@pytest.mark.parametrize(("name", "class_name"), UNSUMMED_SETS)
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
def test_a_truncated_idx_file_is_named(tmp_path, name, class_name, kind):
    write_idx_set(tmp_path, class_name)
    file = tmp_path / class_name / "raw" / f"t10k-{kind}-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=f"{file} is truncated or altered.*Delete {file.name} there"):
        load_split(name, "test", root=tmp_path)


def test_fewer_labels_than_images_are_refused(tmp_path):
    write_idx_set(tmp_path, "KMNIST")
    write_idx(tmp_path / "KMNIST" / "raw" / "t10k-labels-idx1-ubyte", np.zeros(N - 1))
    with pytest.raises(DataError, match=r"holds 20 images and t10k-labels-idx1-ubyte beside it 19 labels"):
        load_split("kmnist", "test", root=tmp_path)


@pytest.mark.parametrize(("name", "class_name"), UNSUMMED_SETS)
def test_a_label_without_a_class_is_refused_with_its_file(tmp_path, name, class_name):
    write_idx_set(tmp_path, class_name)
    write_idx(tmp_path / class_name / "raw" / "t10k-labels-idx1-ubyte", np.full(N, 10))
    with pytest.raises(
        DataError, match="t10k-labels-idx1-ubyte is altered: its labels run from 10 to 10, expected 0 to 9"
    ):
        load_split(name, "test", root=tmp_path)


def test_the_letter_before_a_is_refused_with_its_file(tmp_path):
    write_letters(tmp_path)
    write_idx(tmp_path / "EMNIST" / "raw" / "emnist-letters-test-labels-idx1-ubyte", np.arange(26))
    with pytest.raises(
        DataError, match=r"-labels-idx1-ubyte is altered: its labels run from 0 to 25, expected 1 to 26"
    ):
        load_split("emnist-letters", "test", root=tmp_path)


@pytest.fixture
def kmnist_with_archives(tmp_path, monkeypatch) -> Path:
    """Raw files beside gzip archives of them, with the archives' sums in place of the published ones."""
    write_idx_set(tmp_path, "KMNIST")
    return archive_kmnist(tmp_path, monkeypatch)


def archive_kmnist(root: Path, monkeypatch) -> Path:
    folder = root / "KMNIST" / "raw"
    resources = []
    for name, _ in torchvision_class("kmnist").resources:
        archive = folder / name
        archive.write_bytes(gzip.compress(archive.with_suffix("").read_bytes(), mtime=0))
        resources.append((name, md5(archive)))
    monkeypatch.setattr(torchvision_class("kmnist"), "resources", resources)
    return folder


def flip_last_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_files_equal_to_the_content_of_their_archives_are_read(kmnist_with_archives):
    assert len(load_split("kmnist", "test", root=kmnist_with_archives.parents[1])) == N


@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
def test_one_flipped_bit_is_found_through_the_archive_beside_it(kmnist_with_archives, kind):
    file = kmnist_with_archives / f"t10k-{kind}-ubyte"
    flip_last_bit(file)
    with pytest.raises(DataError, match=f"{file} is not what the published archive {file.name}.gz"):
        load_split("kmnist", "test", root=kmnist_with_archives.parents[1])


def test_an_altered_archive_is_named(kmnist_with_archives):
    flip_last_bit(kmnist_with_archives / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz is not the published file"):
        load_split("kmnist", "test", root=kmnist_with_archives.parents[1])


def test_the_archive_of_emnist_is_compared_if_it_was_kept(tmp_path, monkeypatch):
    write_letters(tmp_path)
    folder = tmp_path / "EMNIST" / "raw"
    with zipfile.ZipFile(folder / "gzip.zip", "w") as zipped:
        for file in folder.glob("emnist-*"):
            zipped.writestr(f"gzip/{file.name}.gz", gzip.compress(file.read_bytes()))
    monkeypatch.setattr(torchvision_class("emnist-letters"), "md5", md5(folder / "gzip.zip"))
    assert len(load_split("emnist-letters", "test", root=tmp_path)) == 26
    flip_last_bit(folder / "emnist-letters-test-images-idx3-ubyte")
    with pytest.raises(DataError, match=r"test-images-idx3-ubyte is not what the published archive gzip\.zip"):
        load_split("emnist-letters", "test", root=tmp_path)


def test_an_altered_batch_of_cifar10_is_named(cifar10):
    root, _ = cifar10
    flip_last_bit(root / "cifar-10-batches-py" / "data_batch_3")
    with pytest.raises(DataError, match="data_batch_3 is not the published file"):
        load_split("cifar10", "train", root=root)


def test_a_pickle_that_is_not_the_published_one_is_never_opened(cifar10):
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (root / "opened",)

    root, _ = cifar10
    (root / "cifar-10-batches-py" / "batches.meta").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(DataError, match=r"batches\.meta is not the published file"):
        load_split("cifar10", "test", root=root)
    assert not (root / "opened").exists()


def test_a_truncated_file_of_svhn_is_named(svhn):
    root, _ = svhn
    file = root / "test_32x32.mat"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test_32x32\.mat is not the published file.*Delete test_32x32\.mat there"):
        load_split("svhn", "test", root=root)


def test_a_folder_that_cannot_be_read_is_named_with_its_cause(tmp_path):
    root = tmp_path / ("x" * 300)
    with pytest.raises(DataError, match=f"could not be read from {root}: .*File name too long") as caught:
        load_split("kmnist", "test", root=root)
    assert isinstance(caught.value.__cause__, OSError)


# Missing data and downloads.


@pytest.mark.parametrize("name", EVERY_SET)
def test_missing_data_says_where_it_looked_and_what_to_do(tmp_path, name):
    with pytest.raises(DataError, match=r"Fetch it with --download on the command line \(\d+\.\d MB\)") as caught:
        load_split(name, "train", root=tmp_path)
    message = str(caught.value)
    assert f"is not in {tmp_path}: there is no " in message
    assert "set EXPLORER_DATA to a folder in torchvision's layout" in message
    assert "Without a network, use --data digits" in message
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def closed_url() -> str:
    """A URL on this machine behind which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.mark.parametrize("name", EVERY_SET)
def test_a_failed_download_names_its_url_its_folder_and_its_cause(tmp_path, monkeypatch, closed_url, name):
    point_at(monkeypatch, name, closed_url)
    with pytest.raises(DataError, match="could not be downloaded from") as caught:
        load_split(name, "train", root=tmp_path, download=True)
    message = str(caught.value)
    assert f"from {closed_url}" in message
    assert f"to {tmp_path}:" in message
    assert "refused" in message
    assert "Without a network, use --data digits" in message
    assert isinstance(caught.value.__cause__, (OSError, RuntimeError))


def test_every_mirror_is_named(tmp_path, monkeypatch, closed_url):
    mirrors = [f"{closed_url}a/", f"{closed_url}b/"]
    point_at(monkeypatch, "mnist", closed_url)
    monkeypatch.setattr(torchvision_class("mnist"), "mirrors", mirrors)
    with pytest.raises(DataError, match=" or ".join(mirrors)):
        load_split("mnist", "train", root=tmp_path, download=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    root = tmp_path / "file"
    root.write_text("in the way")
    with pytest.raises(DataError, match=f"could not be downloaded from .* to {root}: .*File exists"):
        load_split("svhn", "test", root=root, download=True)


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL under which this machine serves it."""
    folder = tmp_path_factory.mktemp("served")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=folder)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_what_is_downloaded_is_verified_and_read(tmp_path, monkeypatch, served):
    folder, url = served
    write_idx_set(folder, "KMNIST")
    for archive in archive_kmnist(folder, monkeypatch).glob("*.gz"):
        archive.rename(folder / archive.name)
    point_at(monkeypatch, "kmnist", url)
    assert len(load_split("kmnist", "train", root=tmp_path, download=True)) == N - 2
    # A deleted file comes back from the archive beside it: the remedy that an altered file's message gives.
    (tmp_path / "KMNIST" / "raw" / "t10k-images-idx3-ubyte").unlink()
    assert len(load_split("kmnist", "test", root=tmp_path, download=True)) == N


def test_what_is_there_is_not_downloaded_again(tmp_path, monkeypatch, closed_url):
    write_idx_set(tmp_path, "KMNIST")
    point_at(monkeypatch, "kmnist", closed_url)
    assert len(load_split("kmnist", "test", root=tmp_path, download=True)) == N


def test_a_download_that_is_not_the_published_file_is_refused(tmp_path, monkeypatch, served):
    folder, url = served
    for part in ("train", "test"):
        (folder / f"{part}_32x32.mat").write_bytes(b"<html>Please log in to the network</html>")
    point_at(monkeypatch, "svhn", url)
    with pytest.raises(DataError, match=r"could not be downloaded .*File not found or corrupted"):
        load_split("svhn", "test", root=tmp_path, download=True)


def test_old_processed_files_that_keep_torchvision_from_downloading_are_named(tmp_path, monkeypatch, closed_url):
    import torch

    processed = tmp_path / "KMNIST" / "processed"
    processed.mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        torch.save((torch.zeros(3, 28, 28, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)), processed / name)
    point_at(monkeypatch, "kmnist", closed_url)
    with pytest.raises(DataError, match=r"still no KMNIST/raw/train-images-idx3-ubyte.*delete KMNIST there"):
        load_split("kmnist", "train", root=tmp_path, download=True)
