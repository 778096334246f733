"""Whether a file on disk is the one that was published: checksums, and the structure of IDX files.

A file is checked at every load and not only when it is downloaded, because disks fill up, copies break off and people
edit. Which file has which sum is in ``published.py``; nothing here knows a data set.
"""

import gzip
import hashlib
import math
import struct
import zipfile
from collections.abc import Mapping
from io import BufferedIOBase
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from explorer.errors import DataError

Algorithm = Literal["md5", "sha256"]

_TITLES: Mapping[Algorithm, str] = MappingProxyType({"md5": "MD5", "sha256": "SHA-256"})

MAX_ITEMS = 1_000_000
"""Items of the largest IDX file that is read; the largest published one, all of EMNIST, has 814,255."""

_IDX_UINT8 = 0x08


def check_digest(file: Path, algorithm: Algorithm, published: str, *, unpacked: tuple[Path, ...] = ()) -> None:
    """Compare the digest of ``file`` with the published one, in hexadecimal.

    Args:
        file: what is compared.
        algorithm: what the publisher used.
        published: the digest that it should have.
        unpacked: files that came out of ``file``, to be deleted with it: torchvision keeps what it finds unpacked.

    Raises:
        DataError: they differ.
        OSError: the file cannot be read.
    """
    with file.open("rb") as stream:
        found = _digest(stream, algorithm)
    if found != published:
        raise DataError(
            f"{file} is not the published file: it was truncated or altered. Its {_TITLES[algorithm]} is {found}, the "
            f"published one is {published}. {_remedy(file, *unpacked)}"
        )


def check_same_as_gzip(file: Path, archive: Path, md5: str) -> None:
    """Check that ``file`` is what the published gzip ``archive`` beside it contains.

    The archive's MD5 comes first, so that nothing is unpacked but what was published.

    Raises:
        DataError: the archive is not the published one, or ``file`` is not its content.
        OSError: one of the two cannot be read.
    """
    check_digest(archive, "md5", md5, unpacked=(file,))
    with gzip.open(archive, "rb") as content:
        _check_same(file, content, archive)


def check_same_as_zip(members: Mapping[Path, str], archive: Path, md5: str) -> None:
    """Check that files are what the published zip ``archive`` of gzip files contains.

    Args:
        members: for each unpacked file, its gzip file's name in the archive.
        archive: the zip file.
        md5: the archive's published MD5, in hexadecimal.

    Raises:
        DataError: the archive is not the published one, or a file is not its content.
        OSError: one of the files cannot be read.
    """
    check_digest(archive, "md5", md5, unpacked=tuple(members))
    with zipfile.ZipFile(archive) as zipped:
        for file, member in members.items():
            with zipped.open(member) as packed, gzip.open(packed, "rb") as content:
                _check_same(file, content, archive)


def check_idx(file: Path, item_shape: tuple[int, ...]) -> int:
    """Check the structure of an IDX file of uint8 items, and return the number of items, at least 1.

    What the header announces must be the file's length to the byte, and at most ``MAX_ITEMS`` items, before memory is
    asked for. The content is not read.

    Args:
        file: the uncompressed file.
        item_shape: shape of one item: ``()`` for labels, ``(H, W)`` for images.

    Raises:
        DataError: magic number, item shape or length are not as expected.
        OSError: the file cannot be read.

    Source: LeCun, Cortes & Burges, "The MNIST database", section on the IDX file format,
    http://yann.lecun.com/exdb/mnist/
    """
    n_axes = 1 + len(item_shape)
    n_items, *found_shape = _idx_header(file, n_axes)
    if tuple(found_shape) != item_shape or not 0 < n_items <= MAX_ITEMS:
        raise DataError(
            f"The header of {file} announces {n_items} items of shape {tuple(found_shape)}; expected 1 to {MAX_ITEMS} "
            f"items of shape {item_shape}. {_remedy(file)}"
        )
    expected = 4 * (1 + n_axes) + n_items * math.prod(item_shape)
    found = file.stat().st_size
    if found != expected:
        raise DataError(
            f"{file} is truncated or altered: it has {found} bytes, and its header announces {n_items} items, which "
            f"are {expected} bytes. {_remedy(file)}"
        )
    return n_items


def _idx_header(file: Path, n_axes: int) -> tuple[int, ...]:
    length = 4 * (1 + n_axes)
    with file.open("rb") as stream:
        header = stream.read(length)
    if len(header) < length:
        raise DataError(f"{file} is truncated: it ends within its header of {length} bytes. {_remedy(file)}")
    magic, *axes = struct.unpack(f">{1 + n_axes}I", header)
    expected = _IDX_UINT8 << 8 | n_axes
    if magic != expected:
        raise DataError(
            f"{file} is not an IDX file of bytes with {n_axes} axes: it starts with 0x{magic:08x}, expected "
            f"0x{expected:08x}. {_remedy(file)}"
        )
    return tuple(axes)


def _check_same(file: Path, content: BufferedIOBase, archive: Path) -> None:
    with file.open("rb") as stream:
        found = _digest(stream, "sha256")
    if found != _digest(content, "sha256"):
        raise DataError(
            f"{file} is not what the published archive {archive.name} beside it contains: it was truncated or "
            f"altered. {_remedy(file)}"
        )


def _digest(stream: BufferedIOBase, algorithm: Algorithm) -> str:
    # MD5 is what most publishers give, and finds accidents. The flag lets it run where policy forbids it for security.
    return hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _remedy(*files: Path) -> str:
    return f"Delete {' and '.join(file.name for file in files)} there and download again (--download)."
