"""What a picture file says of its picture, taken away from the picture: damage to the one must not cost the other.

PNG, JPEG and WebP files are rows of chunks with a name and a length. Cameras, phones and editors write into them
where, when and with what a picture was made, and decoders stop at what they cannot read of it. Of all that only the
orientation matters here. Decoding stays elsewhere.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence

MAX_NOTE = 1_000_000
"""Bytes that a packed note may unpack to."""

_PNG = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112
_INTEGERS = {1: "B", 3: "H", 4: "I"}
"""Types of EXIF in which cameras write an orientation; it should be the second."""

_XMP = re.compile(rb"""tiff:Orientation(?:\s*=\s*["']|>)\s*([1-8])""")


def without_notes(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return a picture file with only what its pixels need, and its blocks of EXIF and XMP.

    What is no PNG, JPEG or WebP file, and a file from where it cannot be followed, stays as it is.
    """
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _webp(content)
    return content, []


def orientation(notes: Sequence[bytes]) -> int:
    """Return how a picture is to be turned, 1 to 8 as in EXIF; 1, not at all, where no note says so.

    Source: CIPA DC-008 (Exif 2.32), section 4.6.4, tag 274, https://www.cipa.jp/std/documents/e/DC-008-Translation-2019-E.pdf
    """
    said = [*map(_exif_orientation, notes), *map(_xmp_orientation, notes)]
    return next((value for value in said if 1 <= value <= 8), 1)


def _exif_orientation(note: bytes) -> int:
    """Return the orientation in a block of EXIF, 0 where none can be read; no other tag is looked at."""
    tiff = re.sub(rb"^(Exif\0\0)+", b"", note)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 0
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (n_tags,) = struct.unpack_from(f"{order}H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * n_tags, 12):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, at)
            if tag == _ORIENTATION and kind in _INTEGERS:
                return int(struct.unpack_from(f"{order}{_INTEGERS[kind]}", tiff, at + 8)[0])
    except struct.error:
        return 0
    return 0


def _xmp_orientation(note: bytes) -> int:
    found = _XMP.search(note)
    return int(found[1]) if found else 0


def _png(content: bytes) -> tuple[bytes, list[bytes]]:
    """Source: the PNG specification, section 5.3, https://www.w3.org/TR/png-3/#5Chunk-layout."""
    kept, at = [_PNG], len(_PNG)
    notes: list[bytes] = []
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if end > len(content) or not kind.isalpha():
            break
        # An upper case letter says that no picture can be shown without it.
        if kind[:1].isupper() or kind == b"tRNS":
            kept.append(content[at:end])
        else:
            notes += _png_note(kind, content[at + 8 : end - 4])
        at = end
        if kind == b"IEND":
            return b"".join(kept), notes
    return b"".join([*kept, content[at:]]), notes


def _png_note(kind: bytes, body: bytes) -> Iterator[bytes]:
    name, _, rest = body.partition(b"\0")
    if kind == b"eXIf":
        yield body
    elif kind == b"iTXt" and name == b"XML:com.adobe.xmp":
        yield rest if rest[:1] == b"\0" else _unpacked(rest[2:].split(b"\0", 2)[-1])
    elif name == b"Raw profile type exif":  # as ImageMagick wrote before PNG had a chunk for it: hexadecimal digits
        lines = (_unpacked(rest[1:]) if kind == b"zTXt" else rest).split(b"\n")[3:]
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", b"".join(lines)).decode()
        yield bytes.fromhex(digits[: len(digits) // 2 * 2])


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, MAX_NOTE)
    except zlib.error:
        return b""


def _jpeg(content: bytes) -> tuple[bytes, list[bytes]]:
    """Source: ITU-T T.81, annex B, https://www.w3.org/Graphics/JPEG/itu-t81.pdf."""
    kept, notes, at = [content[:2]], [], 2
    while (found := content.find(b"\xff", at)) >= 0:
        at = found
        marker = content[at + 1 : at + 2]
        if marker == b"\xff":  # fills
            at += 1
            continue
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        # From the first scan on there is picture only.
        if marker == b"\xda" or not _has_length(marker) or not at + 4 <= end <= len(content):
            break
        if _is_needed_segment(marker, content[at + 4 : end]):
            kept.append(content[at:end])
        elif marker == b"\xe1":
            notes.append(content[at + 4 : end])
        at = end
    return b"".join([*kept, content[at:]]), notes


def _has_length(marker: bytes) -> bool:
    return marker >= b"\xc0" and not b"\xd0" <= marker <= b"\xd9"


def _is_needed_segment(marker: bytes, body: bytes) -> bool:
    """Whether a decoder needs a segment: all but comments and notes of applications; two of these say which colours."""
    if marker == b"\xe0":
        return body.startswith(b"JFIF\0") and len(body) >= 14
    if marker == b"\xee":
        return body.startswith(b"Adobe") and len(body) >= 12
    return not (b"\xe1" <= marker <= b"\xef" or marker == b"\xfe")


def _webp(content: bytes) -> tuple[bytes, list[bytes]]:
    """Source: the WebP container specification, https://developers.google.com/speed/webp/docs/riff_container."""
    kept, notes, at = [], [], 12
    while at + 8 <= len(content):
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body = content[at + 8 : at + 8 + size]
        if kind in {b"EXIF", b"XMP "}:
            notes.append(body)
        elif kind == b"VP8X" and size == 10:  # its flags announce what is left out
            kept.append(content[at : at + 8] + bytes([body[0] & ~0x2C] if body else []) + body[1:])
        elif kind != b"ICCP":
            kept.append(content[at : at + 8] + body + b"\0" * (size % 2))
        at += 8 + size + size % 2
    chunks = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(chunks).to_bytes(4, "little") + chunks, notes
