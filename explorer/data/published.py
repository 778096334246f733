"""Data sets as torchvision stores them: fetched on request, verified at every load, read in bulk.

The parts here are the publishers' own, "train" and "test"; how "validation" is cut off is in ``catalogue.py``.
torchvision fetches, unpacks and parses, and brings most of the published checksums; it is imported inside the functions
that need it, because it takes seconds and the first screen does not wait for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from explorer.data.integrity import check_digest, check_idx, check_same_as_gzip, check_same_as_zip
from explorer.errors import DataError

PublishedPart = Literal["train", "test"]

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images ``(N, C, H, W)`` in [0, 255] and labels ``(N,)`` from 0."""

MNIST_SHA256: Mapping[str, str] = MappingProxyType(
    {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }
)
"""SHA-256 of MNIST's uncompressed files, computed from archives with the published MD5."""


class Source(ABC):
    """One data set in torchvision's layout under a root folder."""

    def __init__(self, class_name: str) -> None:
        self.class_name = class_name

    @property
    def torchvision(self) -> Any:
        """The class in ``torchvision.datasets``; the first use imports torch, which takes seconds."""
        return getattr(import_module("torchvision.datasets"), self.class_name)

    @abstractmethod
    def files(self, root: Path, part: PublishedPart) -> list[Path]:
        """List what has to be on disk before ``part`` can be read."""

    @abstractmethod
    def urls(self, part: PublishedPart) -> list[str]:
        """List where torchvision looks for ``part``, in the order of its attempts."""

    @abstractmethod
    def download(self, root: Path, part: PublishedPart) -> None:
        """Fetch ``part`` through torchvision, which shows its own progress bar on stderr.

        Raises:
            OSError: no connection (``URLError`` is one), or the folder cannot be written.
            RuntimeError: every mirror failed, or what arrived is not the published file.
        """

    @abstractmethod
    def read(self, root: Path, part: PublishedPart) -> Arrays:
        """Verify the files of ``part``, and read them.

        Raises:
            DataError: a file is truncated or altered.
            OSError: a file cannot be read.
        """


@final
class IdxSource(Source):
    """MNIST and the sets made in its likeness: 28 x 28 grey, ten classes, four gzipped IDX files.

    Where the SHA-256 of the uncompressed files are known, they are compared. Otherwise the archives that torchvision
    keeps after a download vouch for them through their published MD5. Without archives (a copied folder) only the
    structure is checked: the content then cannot be compared with any published sum.
    """

    def __init__(self, class_name: str, sha256: Mapping[str, str] | None = None) -> None:
        super().__init__(class_name)
        self.sha256 = sha256 or {}

    def files(self, root: Path, part: PublishedPart) -> list[Path]:
        """Images and labels of ``part``; the other part's files may be absent."""
        prefix = "train" if part == "train" else "t10k"
        folder = root / self.class_name / "raw"
        return [folder / f"{prefix}-images-idx3-ubyte", folder / f"{prefix}-labels-idx1-ubyte"]

    def urls(self, part: PublishedPart) -> list[str]:
        """Mirrors, each a folder."""
        return list(self.torchvision.mirrors)

    def download(self, root: Path, part: PublishedPart) -> None:
        """Fetch all four files."""
        self.torchvision(root, train=part == "train", download=True)

    def read(self, root: Path, part: PublishedPart) -> Arrays:
        """Images ``(N, 1, 28, 28)``."""
        images_file, labels_file = self.files(root, part)
        check_pair(images_file, labels_file)
        for file in (images_file, labels_file):
            self._check_content(file)
        return read_pair(images_file, labels_file, labels=range(10))

    def _check_content(self, file: Path) -> None:
        archive = file.with_name(f"{file.name}.gz")
        if file.name in self.sha256:
            check_digest(file, "sha256", self.sha256[file.name])
        elif archive.is_file():
            check_same_as_gzip(file, archive, dict(self.torchvision.resources)[archive.name])


@final
class EmnistLetters(Source):
    """EMNIST's "letters": 28 x 28 grey, upper and lower case as one class each.

    The one published MD5 is that of the archive of all EMNIST sets. If torchvision's copy of it is still there, the
    files must be what it contains; if it was deleted to save its 562 MB, only their structure is checked.
    """

    def files(self, root: Path, part: PublishedPart) -> list[Path]:
        """Images and labels of ``part``."""
        folder = root / self.class_name / "raw"
        return [folder / f"emnist-letters-{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]

    def urls(self, part: PublishedPart) -> list[str]:
        """The one archive."""
        return [self.torchvision.url]

    def download(self, root: Path, part: PublishedPart) -> None:
        """Fetch the archive of all EMNIST sets."""
        self.torchvision(root, split="letters", train=part == "train", download=True)

    def read(self, root: Path, part: PublishedPart) -> Arrays:
        """Images ``(N, 1, 28, 28)``, upright; a is 0, z is 25."""
        images_file, labels_file = self.files(root, part)
        check_pair(images_file, labels_file)
        self._check_content(images_file, labels_file)
        images, labels = read_pair(images_file, labels_file, labels=range(1, 27))
        # Published with rows and columns exchanged and counted from 1; torchvision hands both on as they are.
        return images.swapaxes(-1, -2), labels - 1

    def _check_content(self, *files: Path) -> None:
        archive = files[0].with_name("gzip.zip")
        if archive.is_file():
            check_same_as_zip({file: f"gzip/{file.name}.gz" for file in files}, archive, self.torchvision.md5)


@final
class Cifar10(Source):
    """CIFAR-10: 32 x 32 colour, six pickled batches, each with a published MD5."""

    def files(self, root: Path, part: PublishedPart) -> list[Path]:
        """All batches and the class names, for either part: torchvision opens none unless all are there and whole."""
        return [root / self.torchvision.base_folder / name for name, _ in self._sums()]

    def urls(self, part: PublishedPart) -> list[str]:
        """The one archive."""
        return [self.torchvision.url]

    def download(self, root: Path, part: PublishedPart) -> None:
        """Fetch the one archive."""
        self.torchvision(root, train=part == "train", download=True)

    def read(self, root: Path, part: PublishedPart) -> Arrays:
        """Images ``(N, 3, 32, 32)``."""
        for file, (_, md5) in zip(self.files(root, part), self._sums(), strict=True):
            check_digest(file, "md5", md5)
        # The batches are pickles, which can run code when they are opened. torchvision compares the MD5 of each once
        # more and opens them only then.
        published = self.torchvision(root, train=part == "train")
        return published.data.transpose(0, 3, 1, 2), np.asarray(published.targets, dtype=np.int64)

    def _sums(self) -> list[tuple[str, str]]:
        published = self.torchvision
        batches = [(name, md5) for name, md5 in published.train_list + published.test_list]
        return [*batches, (published.meta["filename"], published.meta["md5"])]


@final
class Svhn(Source):
    """Street View House Numbers, cropped: 32 x 32 colour, one MATLAB file a part, each with a published MD5."""

    def files(self, root: Path, part: PublishedPart) -> list[Path]:
        """The file of ``part``."""
        return [root / self.torchvision.split_list[part][1]]

    def urls(self, part: PublishedPart) -> list[str]:
        """The file of ``part``."""
        return [self.torchvision.split_list[part][0]]

    def download(self, root: Path, part: PublishedPart) -> None:
        """Fetch the file of ``part`` alone."""
        self.torchvision(root, split=part, download=True)

    def read(self, root: Path, part: PublishedPart) -> Arrays:
        """Images ``(N, 3, 32, 32)``; the digit 0, published as 10, is class 0."""
        _, name, md5 = self.torchvision.split_list[part]
        check_digest(root / name, "md5", md5)
        published = self.torchvision(root, split=part)
        return published.data, published.labels


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "mnist": IdxSource("MNIST", MNIST_SHA256),
        "fashion-mnist": IdxSource("FashionMNIST"),
        "kmnist": IdxSource("KMNIST"),
        "emnist-letters": EmnistLetters("EMNIST"),
        "cifar10": Cifar10("CIFAR10"),
        "svhn": Svhn("SVHN"),
    }
)
"""Where each published data set comes from, by its name in the catalogue."""


def check_pair(images_file: Path, labels_file: Path) -> None:
    """Check the structure of 28 x 28 images and their labels.

    Raises:
        DataError: one of the files is no such IDX file, or they differ in length.
        OSError: one of the files cannot be read.
    """
    n_images, n_labels = check_idx(images_file, (28, 28)), check_idx(labels_file, ())
    if n_images != n_labels:
        raise DataError(
            f"{images_file} holds {n_images} images and {labels_file.name} beside it {n_labels} labels; expected as "
            f"many labels as images. Delete both and download them again (--download)."
        )


def read_pair(images_file: Path, labels_file: Path, *, labels: range) -> Arrays:
    """Read IDX files whose structure was checked: images ``(N, 1, 28, 28)`` and labels as published.

    Raises:
        DataError: a label is outside ``labels``.
        OSError: one of the files cannot be read.
    """
    from torchvision.datasets.mnist import read_image_file, read_label_file

    # Not through torchvision's class: it would prefer a file processed/training.pt, which no published sum covers.
    found = read_label_file(str(labels_file)).numpy()
    if found.min() < labels.start or found.max() >= labels.stop:
        raise DataError(
            f"{labels_file} is altered: its labels run from {found.min()} to {found.max()}, expected "
            f"{labels.start} to {labels.stop - 1}. Delete it and download it again (--download)."
        )
    return read_image_file(str(images_file)).numpy()[:, None], found
