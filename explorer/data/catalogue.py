"""The data sets that can be named, and how each is cut into parts.

A published training part is permuted with a fixed seed; its last ``min(5000, N // 10)`` images are "validation" and
the rest "train". The published test part is "test", in its published order. ``digits`` was published in one piece: it
is permuted with the same seed, and the first 1,297 images are "train", the next 200 "validation", the last 300
"test". So parts never overlap, and no choice of a model or a setting ever sees test images.

Reading the catalogue imports neither torch nor scikit-learn; loading a part imports what it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from explorer.data.images import PARTS, ImageSplit, Part
from explorer.data.published import SOURCES, Arrays, PublishedPart, Source
from explorer.errors import DataError
from explorer.locations import DATA

PERMUTATION_SEED = 0

_DIGITS_ROWS: Mapping[Part, slice] = MappingProxyType(
    {"train": slice(0, 1297), "validation": slice(1297, 1497), "test": slice(1497, 1797)}
)

_OFFLINE = "Without a network, use --data digits, which comes with scikit-learn."


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """What is known of a data set before it is on disk.

    Attributes:
        name: how commands and configurations call it.
        title: how people call it.
        image_shape: channels, height and width in pixels.
        class_names: a name per class, in the order of the labels.
        download_megabytes: size of its download in 10^6 bytes; 0 if it needs none.
        n_train, n_validation: images in these parts.
    """

    name: str
    title: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    download_megabytes: float
    n_train: int
    n_validation: int


_TEN_DIGITS = tuple("0123456789")
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
_CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _entry(
    name: str,
    title: str,
    image_shape: tuple[int, int, int],
    class_names: tuple[str, ...],
    *,
    megabytes: float,
    images: tuple[int, int],
) -> DataSet:
    return DataSet(
        name=name,
        title=title,
        image_shape=image_shape,
        class_names=class_names,
        download_megabytes=megabytes,
        n_train=images[0],
        n_validation=images[1],
    )


DATA_SETS: Mapping[str, DataSet] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            _entry("digits", "Digits 8x8", (1, 8, 8), _TEN_DIGITS, megabytes=0.0, images=(1297, 200)),
            _entry("mnist", "MNIST", (1, 28, 28), _TEN_DIGITS, megabytes=11.6, images=(55_000, 5000)),
            _entry("fashion-mnist", "Fashion-MNIST", (1, 28, 28), _CLOTHES, megabytes=30.9, images=(55_000, 5000)),
            _entry("kmnist", "Kuzushiji-MNIST", (1, 28, 28), _KANA, megabytes=21.2, images=(55_000, 5000)),
            _entry("emnist-letters", "EMNIST Letters", (1, 28, 28), _LETTERS, megabytes=561.8, images=(119_800, 5000)),
            _entry("cifar10", "CIFAR-10", (3, 32, 32), _OBJECTS, megabytes=170.5, images=(45_000, 5000)),
            _entry("svhn", "SVHN (cropped)", (3, 32, 32), _TEN_DIGITS, megabytes=246.3, images=(68_257, 5000)),
        )
    }
)
"""Every data set, by name, in the order in which people are offered them."""


def data_set(name: str) -> DataSet:
    """Return what is known of a data set.

    Raises:
        DataError: the catalogue has no such name.
    """
    if name not in DATA_SETS:
        raise DataError(f"There is no data set {name!r}; use one of {', '.join(DATA_SETS)}.")
    return DATA_SETS[name]


def is_on_disk(name: str, *, root: Path = DATA) -> bool:
    """Return whether every part of a data set can be read from ``root`` without a download; no file is opened.

    Raises:
        DataError: the catalogue has no such name.
    """
    entry = data_set(name)
    if name == "digits":
        return True
    return all(_first_missing(SOURCES[entry.name], part, root) is None for part in ("train", "test"))


def load_split(name: str, part: str, *, root: Path = DATA, download: bool = False) -> ImageSplit:
    """Load one part of a data set; its files are verified each time.

    Args:
        name: a name in the catalogue.
        part: "train", "validation" or "test"; the module says how they are cut.
        root: folder in torchvision's layout; "digits" needs none.
        download: whether to fetch what is missing; what is there is never fetched again.

    Raises:
        DataError: the name or the part is unknown, a file is missing, unreadable, truncated or altered, or a download
            failed.
    """
    entry = data_set(name)
    known_part = _known_part(entry, part)
    if name == "digits":
        images, labels = _digits(known_part)
    else:
        images, labels = _published(entry, known_part, root, download)
    return ImageSplit(
        name=name,
        part=known_part,
        images=np.ascontiguousarray(images),
        labels=labels,
        class_names=entry.class_names,
    )


def _known_part(entry: DataSet, part: str) -> Part:
    for known in PARTS:
        if part == known:
            return known
    raise DataError(f"{entry.title} has no part {part!r}; use one of {', '.join(PARTS)}.")


def _permutation(n_images: int) -> NDArray[np.int64]:
    return np.random.Generator(np.random.PCG64(PERMUTATION_SEED)).permutation(n_images)


def _digits(part: Part) -> Arrays:
    from sklearn.datasets import load_digits

    published = load_digits()
    rows = _permutation(len(published.images))[_DIGITS_ROWS[part]]
    # 17 grey levels, 0 to 16, become 17 of the 256.
    pixels = np.rint(published.images[rows] * (255 / 16)).astype(np.uint8)
    return pixels[:, None], published.target[rows].astype(np.int64)


def _published(entry: DataSet, part: Part, root: Path, download: bool) -> Arrays:
    source = SOURCES[entry.name]
    published_part: PublishedPart = "test" if part == "test" else "train"
    try:
        _ensure_files(entry, published_part, root, download)
        images, labels = source.read(root, published_part)
    except OSError as error:
        raise DataError(
            f"{entry.title} could not be read from {root}: {error}. Make the folder readable, or set EXPLORER_DATA to "
            f"another one. {_OFFLINE}"
        ) from error
    if part == "test":
        return images, labels
    rows = _training_rows(len(images), part)
    return images[rows], labels[rows]


def _training_rows(n_images: int, part: Part) -> NDArray[np.int64]:
    """Rows of the published training part, of ``n_images``, that are "train" or "validation" here."""
    n_train = n_images - min(5000, n_images // 10)
    order = _permutation(n_images)
    return order[:n_train] if part == "train" else order[n_train:]


def _ensure_files(entry: DataSet, part: PublishedPart, root: Path, download: bool) -> None:
    source = SOURCES[entry.name]
    missing = _first_missing(source, part, root)
    if missing is None:
        return
    if not download:
        raise DataError(
            f"{entry.title} is not in {root}: there is no {missing.relative_to(root)}. "
            f"Fetch it with --download on the command line ({entry.download_megabytes:.1f} MB), "
            f"or set EXPLORER_DATA to a folder in torchvision's layout. {_OFFLINE}"
        )
    _download(entry, part, root)
    missing = _first_missing(source, part, root)
    if missing is not None:
        raise DataError(
            f"{entry.title} was downloaded to {root}, but there is still no {missing.relative_to(root)}. Older files "
            f"are probably in the way: delete {missing.relative_to(root).parts[0]} there and run this again."
        )


def _first_missing(source: Source, part: PublishedPart, root: Path) -> Path | None:
    return next((file for file in source.files(root, part) if not file.is_file()), None)


def _download(entry: DataSet, part: PublishedPart, root: Path) -> None:
    source = SOURCES[entry.name]
    try:
        source.download(root, part)
    # A URLError is an OSError; a connection that breaks off within an answer is an HTTPException.
    except (OSError, RuntimeError, HTTPException) as error:
        raise DataError(
            f"{entry.title} could not be downloaded from {' or '.join(source.urls(part))} to {root}: "
            f"{_one_line(error)}. Check the network and that the folder can be written, or copy the files there from a "
            f"machine that has them. {_OFFLINE}"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
