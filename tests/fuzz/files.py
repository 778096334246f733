"""Spoiled pictures and tables: each is read, or refused in words."""

import io
import random
import warnings
from contextlib import suppress
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from explorer.data.uploads import read_image
from explorer.errors import DataError
from explorer.runs.columns import columns_from_file
from tests.fuzz.mutation import TEXTS, spoiled_bytes
from tests.fuzz.outcome import Outcome, limit_memory

N_IMAGES = 60
SHAPES = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (4, 16, 16))


def fuzz(cases: range, seed: int, patience: float) -> int:
    """Read spoiled files, one for each of ``cases``, and return the exit status."""
    limit_memory()
    outcome, pictures, tables = Outcome(what="pictures and tables", patience=patience), _pictures(), _tables()
    for number in cases:
        rng = random.Random(f"{seed}/{number}")
        if rng.random() < 0.5:
            name, content = rng.choice(list(pictures.items()))
        else:
            name, content = rng.choice(list(tables.items()))
        spoiled = spoiled_bytes(rng, content) if rng.random() < 0.95 else content
        with outcome.case(f"--seed {seed}, case {number}, {name}"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome.answers[_read(rng, name, spoiled)] += 1
    return outcome.finish()


def _read(rng: random.Random, name: str, content: bytes) -> str:
    try:
        if name.endswith(("csv", "CSV", "parquet")):
            columns = columns_from_file(content, name, N_IMAGES).columns
            arrays = {(column.dtype, column.shape) for column in columns.values()}
            expected = {(np.dtype(np.float32), (N_IMAGES,))}
        else:
            shape = rng.choice(SHAPES)
            image = read_image(content, shape)[0]
            arrays, expected = {(image.dtype, image.shape)}, {(np.dtype(np.uint8), shape)}
    except DataError:
        return "refused"
    if arrays != expected:
        raise AssertionError(f"it was read as {arrays}, not as {expected}")
    return "read"


def _pictures() -> dict[str, bytes]:
    """Return small pictures of every format and mode, with orientation, colour profile and text beside the pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, 4), dtype=np.uint8)
    colours = Image.fromarray(pixels, "RGBA")
    images = {mode: colours.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")}
    images["16 bits"] = Image.fromarray(pixels[..., 0].astype(np.uint16) * 17)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.0
    pictures = {}
    for (mode, image), kind in product(images.items(), ("PNG", "JPEG", "WEBP")):
        buffer = io.BytesIO()
        with suppress(OSError, ValueError):  # not every format has every mode
            image.save(buffer, kind, exif=exif.tobytes())
            pictures[f"{mode}.{kind.lower()}"] = buffer.getvalue()
    return pictures


def _tables() -> dict[str, bytes]:
    """Return small tables as programs write them."""
    rows = range(N_IMAGES)
    lines = [f"{row},{row / 7},{TEXTS[row % 20]!r}" for row in rows]
    text = "row,score,note\n" + "\n".join(lines) + "\n"
    western = "größe;maß\n" + "\n".join(f"{row};{row},5" for row in rows)
    tables = {
        "a.csv": text.encode("utf-8", "replace"),
        "bom.CSV": b"\xef\xbb\xbf" + b",score\n" + "\n".join(f"{row},{row}" for row in rows).encode(),
        "western.csv": western.encode("cp1252"),
        "unicode.csv": text.replace(",", "\t").encode("utf-16", "replace"),
        "twice.csv": b"a,a\n" + b"1,2\n" * N_IMAGES,
    }
    table = pa.table({"row": list(rows), "a": [row / 3 for row in rows], "b": [row % 2 == 0 for row in rows]})
    for compression in ("none", "snappy", "zstd"):
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression=compression)
        tables[f"{compression}.parquet"] = buffer.getvalue()
    return tables
