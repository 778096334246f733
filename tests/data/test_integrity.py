import gzip
import hashlib
import struct
import zipfile
from pathlib import Path

import pytest

from explorer.data.integrity import check_digest, check_idx, check_same_as_gzip, check_same_as_zip
from explorer.errors import DataError


def write(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def idx_images(magic: int, *axes: int, n_bytes: int) -> bytes:
    return struct.pack(f">{1 + len(axes)}I", magic, *axes) + bytes(n_bytes)


def test_known_digests_of_three_letters_are_accepted(tmp_path):
    # The test suites of RFC 1321 (MD5) and FIPS 180-2 (SHA-256) for "abc".
    file = write(tmp_path / "abc", b"abc")
    check_digest(file, "md5", "900150983cd24fb0d6963f7d28e17f72")
    check_digest(file, "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


def test_another_digest_names_the_file_both_sums_and_the_remedy(tmp_path):
    file = write(tmp_path / "abc", b"abd")
    with pytest.raises(DataError, match="truncated or altered") as caught:
        check_digest(file, "md5", "900150983cd24fb0d6963f7d28e17f72")
    message = str(caught.value)
    assert str(file) in message
    assert "MD5 is 4911e516e5aa21d327512e0c8b197616" in message
    assert "the published one is 900150983cd24fb0d6963f7d28e17f72" in message
    assert message.endswith("Delete abc there and download again (--download).")


def test_a_well_formed_idx_file_tells_its_number_of_items(tmp_path):
    assert check_idx(write(tmp_path / "images", idx_images(0x803, 7, 2, 3, n_bytes=42)), (2, 3)) == 7
    assert check_idx(write(tmp_path / "labels", idx_images(0x801, 7, n_bytes=7)), ()) == 7


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "truncated: it ends within its header of 16 bytes"),
        (idx_images(0x803, 7, n_bytes=0), "truncated: it ends within its header of 16 bytes"),
        (idx_images(0x801, 7, 2, 3, n_bytes=42), "starts with 0x00000801, expected 0x00000803"),
        (idx_images(0xD03, 7, 2, 3, n_bytes=168), "starts with 0x00000d03, expected 0x00000803"),
        (idx_images(0x803, 7, 3, 2, n_bytes=42), r"7 items of shape \(3, 2\); expected .* of shape \(2, 3\)"),
        (idx_images(0x803, 0, 2, 3, n_bytes=0), r"announces 0 items"),
        (idx_images(0x803, 7, 2, 3, n_bytes=41), "it has 57 bytes, and its header announces 7 items, .* 58 bytes"),
        (idx_images(0x803, 7, 2, 3, n_bytes=43), "it has 59 bytes, and its header announces 7 items, .* 58 bytes"),
        (idx_images(0x803, 1_000_000, 2, 3, n_bytes=42), "it has 58 bytes, and its header announces 1000000 items"),
        (idx_images(0x803, 0xFFFFFFFF, 2, 3, n_bytes=42), "announces 4294967295 items.*expected 1 to 1000000"),
        (idx_images(0x803, 7, 0xFFFFFFFF, 0xFFFFFFFF, n_bytes=42), r"\(4294967295, 4294967295\); expected"),
    ],
)
def test_an_idx_file_with_a_wrong_header_or_length_is_named(tmp_path, content, text):
    file = write(tmp_path / "images", content)
    with pytest.raises(DataError, match=text) as caught:
        check_idx(file, (2, 3))
    assert str(file) in str(caught.value)
    assert "Delete images there and download again" in str(caught.value)


def test_what_the_published_gzip_contains_is_accepted_and_anything_else_is_named(tmp_path):
    archive = write(tmp_path / "images.gz", gzip.compress(b"pixels"))
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    check_same_as_gzip(write(tmp_path / "images", b"pixels"), archive, md5)
    with pytest.raises(DataError, match=r"images is not what the published archive images\.gz beside it contains"):
        check_same_as_gzip(write(tmp_path / "images", b"pixelz"), archive, md5)


def test_an_altered_gzip_is_to_be_deleted_with_what_came_out_of_it(tmp_path):
    archive = write(tmp_path / "images.gz", gzip.compress(b"pixelz"))
    published = hashlib.md5(gzip.compress(b"pixels")).hexdigest()
    with pytest.raises(DataError, match=r"images\.gz is not the published.*Delete images\.gz and images there"):
        check_same_as_gzip(write(tmp_path / "images", b"pixelz"), archive, published)


def test_each_member_of_a_published_zip_is_compared(tmp_path):
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("gzip/images.gz", gzip.compress(b"pixels"))
        zipped.writestr("gzip/labels.gz", gzip.compress(b"classes"))
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    images, labels = write(tmp_path / "images", b"pixels"), write(tmp_path / "labels", b"classes")
    members = {images: "gzip/images.gz", labels: "gzip/labels.gz"}
    check_same_as_zip(members, archive, md5)
    write(labels, b"classez")
    with pytest.raises(DataError, match=r"labels is not what the published archive all\.zip"):
        check_same_as_zip(members, archive, md5)
    write(archive, archive.read_bytes() + b"!")
    with pytest.raises(DataError, match=r"all\.zip is not the published.*Delete all\.zip and images and labels there"):
        check_same_as_zip(members, archive, md5)
