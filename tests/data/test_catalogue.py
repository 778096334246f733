import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from explorer.data.catalogue import DATA_SETS, data_set, is_on_disk, load_split
from explorer.data.images import PARTS, ImageSplit
from explorer.errors import DataError
from explorer.locations import DATA, ROOT

HEAVY = ("torch", "torchvision", "sklearn", "scipy")


def fingerprints(split: ImageSplit) -> list[bytes]:
    return [image.tobytes() for image in split.images]


def n_distinct(collections: Iterable[Iterable[bytes]]) -> int:
    return len(set().union(*collections))


def n_per_class(split: ImageSplit) -> list[int]:
    return np.bincount(split.labels, minlength=split.n_classes).tolist()


def run_python(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_importing_the_catalogue_imports_nothing_heavy():
    program = f"import sys, explorer.data.catalogue; print([name for name in {HEAVY} if name in sys.modules])"
    assert run_python(program).strip() == "[]"


def test_digits_need_no_torch():
    program = (
        "import sys; from explorer.data.catalogue import load_split; load_split('digits', 'test'); "
        "print([name for name in ('torch', 'torchvision') if name in sys.modules])"
    )
    assert run_python(program).strip() == "[]"


def test_names_are_the_keys_and_only_digits_need_no_download():
    assert all(entry.name == name for name, entry in DATA_SETS.items())
    assert [name for name, entry in DATA_SETS.items() if entry.download_megabytes == 0] == ["digits"]


PUBLISHED_IMAGES = {
    **dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), 60_000),
    **{"emnist-letters": 124_800, "cifar10": 50_000, "svhn": 73_257},
}
"""Images of the published training parts."""


@pytest.mark.parametrize("name", PUBLISHED_IMAGES)
def test_the_parts_that_are_told_before_a_download_are_those_of_the_published_images(name):
    entry, n = data_set(name), PUBLISHED_IMAGES[name]
    assert (entry.n_train, entry.n_validation) == (n - min(5000, n // 10), min(5000, n // 10))


@pytest.mark.parametrize("name", DATA_SETS)
def test_in_an_empty_folder_only_the_bundled_digits_are_there(name, tmp_path):
    assert is_on_disk(name, root=tmp_path) is (name == "digits")
    with pytest.raises(DataError, match="There is no data set 'imagenet'"):
        is_on_disk("imagenet", root=tmp_path)


@pytest.mark.parametrize(
    ("name", "class_name"), [("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST"), ("mnist", "MNIST")]
)
def test_class_names_are_torchvisions(name, class_name):
    import torchvision.datasets

    published = getattr(torchvision.datasets, class_name).classes
    assert data_set(name).class_names == tuple(words.split(" - ")[0] for words in published)


def test_letters_are_torchvisions_without_its_unused_first_class():
    from torchvision.datasets import EMNIST

    assert ["N/A", *data_set("emnist-letters").class_names] == EMNIST.classes_split_dict["letters"]


def test_an_unknown_data_set_is_named_with_the_known_ones():
    with pytest.raises(DataError, match=r"no data set 'imagenet'; use one of digits, mnist, .*svhn\."):
        data_set("imagenet")
    with pytest.raises(DataError, match="no data set 'imagenet'"):
        load_split("imagenet", "train")


def test_an_unknown_part_is_named_with_the_known_ones():
    with pytest.raises(DataError, match=r"no part 'extra'; use one of train, validation, test\."):
        load_split("digits", "extra")


def test_data_is_looked_for_where_the_locations_say():
    assert inspect.signature(load_split).parameters["root"].default == DATA


# Digits: scikit-learn's own arrays are the independent source.


def test_digits_parts_hold_1297_200_and_300_images():
    assert [len(load_split("digits", part)) for part in PARTS] == [1297, 200, 300]


def test_what_is_told_of_the_digits_is_what_is_loaded():
    entry = data_set("digits")
    assert (entry.n_train, entry.n_validation) == tuple(len(load_split("digits", part)) for part in PARTS[:2])


def test_digits_parts_together_are_scikit_learns_1797_scans():
    from sklearn.datasets import load_digits

    published = load_digits()
    parts = [load_split("digits", part) for part in PARTS]
    grey = np.concatenate([part.images for part in parts]).astype(float) * 16 / 255
    assert sorted(np.rint(grey).reshape(-1, 64).tolist()) == sorted(published.data.tolist())
    assert np.sum([n_per_class(part) for part in parts], axis=0).tolist() == np.bincount(published.target).tolist()


def test_each_digit_keeps_its_own_label():
    from sklearn.datasets import load_digits

    published = load_digits()
    labels = {row.astype(int).tobytes(): label for row, label in zip(published.data, published.target, strict=True)}
    split = load_split("digits", "test")
    grey = np.rint(split.images.reshape(-1, 64) * (16 / 255)).astype(int)
    assert [labels[row.tobytes()] for row in grey] == split.labels.tolist()


def test_no_digit_is_in_two_parts():
    # All 1,797 scans differ, so as many distinct images as scans means that none is in two parts.
    assert n_distinct(fingerprints(load_split("digits", part)) for part in PARTS) == 1797


def test_digits_are_grey_levels_from_0_to_255():
    split = load_split("digits", "train")
    assert split.image_shape == data_set("digits").image_shape == (1, 8, 8)
    assert np.unique(split.images).tolist() == [round(level * 255 / 16) for level in range(17)]


def test_the_order_of_digits_never_changes():
    # Pinned: a NumPy with another permutation would put training images among the test images of earlier runs.
    assert load_split("digits", "train").labels[:10].tolist() == [6, 6, 6, 2, 5, 6, 6, 2, 2, 1]
    assert load_split("digits", "test").labels[:10].tolist() == [6, 5, 5, 0, 4, 4, 8, 4, 9, 2]


def test_two_loads_are_equal():
    first, second = load_split("digits", "train"), load_split("digits", "train")
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)


# MNIST: the class counts are those of the published files.

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(scope="module")
def mnist(mnist_root: Path) -> dict[str, ImageSplit]:
    return {part: load_split("mnist", part, root=mnist_root) for part in PARTS}


@pytest.mark.mnist
def test_mnist_parts_hold_55000_5000_and_10000_images(mnist):
    assert [len(mnist[part]) for part in PARTS] == [55_000, 5_000, 10_000]
    assert [data_set("mnist").n_train, data_set("mnist").n_validation] == [55_000, 5_000]
    assert {split.image_shape for split in mnist.values()} == {data_set("mnist").image_shape} == {(1, 28, 28)}


@pytest.mark.mnist
def test_mnist_classes_are_as_frequent_as_published(mnist):
    assert np.add(n_per_class(mnist["train"]), n_per_class(mnist["validation"])).tolist() == TRAIN_COUNTS
    assert n_per_class(mnist["test"]) == TEST_COUNTS


@pytest.mark.mnist
def test_the_first_ten_test_images_of_mnist_are_in_published_order(mnist):
    assert mnist["test"].labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@pytest.mark.mnist
def test_no_mnist_image_is_in_two_parts(mnist):
    assert [n_distinct([fingerprints(split)]) for split in mnist.values()] == [55_000, 5_000, 10_000]
    assert n_distinct(fingerprints(split) for split in mnist.values()) == 70_000


@pytest.mark.mnist
def test_mnist_images_and_labels_are_permuted_together(mnist, mnist_root):
    from torchvision.datasets import MNIST

    published = MNIST(mnist_root)
    labels = {image.tobytes(): label for image, label in zip(published.data.numpy(), published.targets, strict=True)}
    for split in (mnist["train"], mnist["validation"]):
        assert [int(labels[image]) for image in fingerprints(split)] == split.labels.tolist()


@pytest.fixture
def mnist_copy(mnist_root: Path, tmp_path: Path) -> Path:
    """A writable copy of MNIST's test part."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file in (mnist_root / "MNIST" / "raw").glob("t10k-*-ubyte"):
        shutil.copyfile(file, folder / file.name)
    return tmp_path


@pytest.mark.mnist
def test_one_part_can_be_loaded_without_the_files_of_the_other(mnist_copy):
    assert len(load_split("mnist", "test", root=mnist_copy)) == 10_000


@pytest.mark.mnist
@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_one_flipped_bit_of_mnist_is_found_and_the_file_named(mnist_copy, name):
    file = mnist_copy / "MNIST" / "raw" / name
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match="truncated or altered") as caught:
        load_split("mnist", "test", root=mnist_copy)
    assert str(file) in str(caught.value)
    assert f"Delete {name} there and download again (--download)" in str(caught.value)


@pytest.mark.mnist
def test_a_truncated_mnist_file_is_found_and_named(mnist_copy):
    file = mnist_copy / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match="it has 7840015 bytes, and its header announces 10000 items") as caught:
        load_split("mnist", "test", root=mnist_copy)
    assert str(file) in str(caught.value)
