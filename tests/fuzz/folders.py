"""Run folders of which a file was spoiled, through the routes and the pages: a sentence, at that run alone."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer.locations import CHECKPOINTS, SHIPPED
from explorer.serving.decoder import decode_service
from explorer.serving.routes import api_routes
from tests.fuzz.mutation import NUMBERS, spoiled_bytes, spoiled_json, spoiled_json_text
from tests.fuzz.outcome import Outcome, limit_memory
from tests.fuzz.pages import PAGES, Pages

WHOLE = "digits-vae-2d"
SPOILED = ("digits-vae-2d", "digits-cvae-2d", "digits-ae-2d")
NAME = "a-spoiled"
"""It sorts first, so that the first page would show it."""

MOST_SPOILED = 10**8
"""Bytes of a file that is read to be spoiled: more than any has that ships, less than those of holes that we make."""

ROUTES = (
    *("points", "points?space=pca", "points?space=plane&i=0&j=1", "column?name=kl", "column?name=elbo"),
    *("column?name=density", "density", "ellipses", "strip.png", "timeline", "timeline/1.png?what=samples"),
)


def fuzz(cases: range, seed: int, patience: float) -> int:
    """Spoil a folder for each of ``cases``, and return the exit status."""
    limit_memory()
    shutil.copytree(SHIPPED / WHOLE, CHECKPOINTS / WHOLE)
    outcome, pages = Outcome(what="folders", patience=patience), Pages()
    app = Starlette(routes=api_routes(decode_service(CHECKPOINTS)))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=True) as client:
        place = np.zeros(2, "<f4").tobytes()
        good = _decoded(client, WHOLE, place)
        for number in cases:
            rng = random.Random(f"{seed}/{number}")
            folder = CHECKPOINTS / NAME
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(SHIPPED / rng.choice(SPOILED), folder)
            what = " and ".join(_spoil(rng, folder) for _ in range(rng.choice((1, 1, 1, 2, 3))))
            with outcome.case(f"--seed {seed}, case {number}, {what}"):
                for route in ("", *rng.sample(ROUTES, 4)):
                    path = f"/api/runs/{NAME}/{route}" if route else "/api/runs"
                    outcome.answers[str(client.get(path).status_code)] += 1
                    _check_json(client.get("/api/runs").text)
                _decoded(client, NAME, place)
                if _decoded(client, WHOLE, place) != good:
                    raise AssertionError("a whole run decodes otherwise beside it")
                for path in rng.sample(PAGES, 2):
                    chosen = {"training_run" if path == "train" else "run": NAME} if rng.random() < 0.7 else {}
                    outcome.answers[f"pages {pages.open(path, **chosen)}"] += 1
    return outcome.finish()


def _decoded(client: TestClient, name: str, place: bytes) -> bytes:
    headers = {"Content-Type": "application/octet-stream"}
    return bytes(client.post(f"/api/runs/{name}/decode?space=plane", content=place, headers=headers).content)


def _check_json(text: str) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads(text, parse_constant=refuse)


def _spoil(rng: random.Random, folder: Path) -> str:
    """Spoil one file of a run folder, and say which and how; what was put in the place of one stays as it is."""
    whole = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    files = [path for path in whole if path.stat().st_size <= MOST_SPOILED]
    if not files:
        return "nothing, for nothing is left"
    path = rng.choice(files)
    ways: list[Callable[[random.Random, Path], None]] = [_bytes, _other_kind]
    if path.suffix == ".json":
        ways = [_bytes, _json, _json, _json, _other_kind]
    elif path.suffix == ".jsonl":
        ways = [_bytes, _lines, _lines, _other_kind]
    elif path.suffix == ".safetensors":
        ways = [_bytes, _header, _header, _numbers, _numbers, _numbers, _other_kind]
    way = rng.choice(ways)
    way(rng, path)
    return f"{way.__name__.strip('_')} of {path.name}"


def _bytes(rng: random.Random, path: Path) -> None:
    path.write_bytes(spoiled_bytes(rng, path.read_bytes()))


def _json(rng: random.Random, path: Path) -> None:
    path.write_text(_or_bytes(rng, path, spoiled_json_text), errors="replace")


def _or_bytes(rng: random.Random, path: Path, spoil: Callable[[random.Random, str], str]) -> str:
    text = path.read_text(errors="replace")
    try:
        return spoil(rng, text)
    except ValueError:  # spoiled before
        return spoiled_bytes(rng, text.encode()).decode(errors="replace")


def _lines(rng: random.Random, path: Path) -> None:
    lines = path.read_text(errors="replace").splitlines() or ["{}"]
    for _ in range(rng.choice((1, 1, 5))):
        at = rng.randrange(len(lines))
        try:
            lines[at] = spoiled_json_text(rng, lines[at])
        except ValueError:
            lines[at] = ""
    rng.shuffle(lines) if rng.random() < 0.1 else None
    path.write_text("\n".join(lines), errors="replace")


def _header(rng: random.Random, path: Path) -> None:
    """Change what a safetensors file says of itself, often so that its length still fits."""
    header, data = _parts(path)
    if header is None:
        return _bytes(rng, path)
    if rng.random() < 0.5 and isinstance(header.get("__metadata__"), dict):
        name = rng.choice(sorted(header["__metadata__"]) or ["x"])
        header["__metadata__"][name] = rng.choice((str(rng.choice(NUMBERS)), json.dumps(spoiled_json(rng, {"a": [1]}))))
    else:
        header = spoiled_json(rng, header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return None


def _numbers(rng: random.Random, path: Path) -> None:
    """Change numbers of an array, its type, or how many there are."""
    header, data = _parts(path)
    names = [name for name in header or {} if name != "__metadata__"]
    if header is None or not names:
        return _bytes(rng, path)
    arrays = {name: _array(header[name], data) for name in names}
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(names)
        arrays[name] = _spoiled_array(rng, arrays[name])
    if rng.random() < 0.2:  # all alike, so that they fit one another
        n = rng.choice((0, 1, 2, 5))
        arrays = {name: array[:n] for name, array in arrays.items()}
    text, blocks = {"__metadata__": header.get("__metadata__", {})}, b""
    for name, array in arrays.items():
        block = np.ascontiguousarray(array).tobytes()
        kind = {np.dtype(code): said for said, code in _TYPES.items()}[array.dtype]
        text[name] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [len(blocks), len(blocks) + len(block)],
        }
        blocks += block
    encoded = json.dumps(text).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + blocks)
    return None


_TYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "U64": "<u8", "I32": "<i4", "U32": "<u4"},
    **{"I16": "<i2", "U16": "<u2", "I8": "i1", "U8": "u1", "BOOL": "?"},
}


def _spoiled_array(rng: random.Random, array: np.ndarray) -> np.ndarray:
    way = rng.randrange(6)
    with np.errstate(all="ignore"):
        if way == 0:
            return array.astype(rng.choice(list(_TYPES.values())))
        if way == 1:
            return array[: rng.randrange(len(array) + 1)] if array.ndim else array
        if way == 2:
            return np.full_like(array, np.float64(rng.choice(NUMBERS)).astype(array.dtype))
        if way == 3:
            return array.reshape(-1) if array.ndim > 1 else array[None]
        if way == 4:
            return np.repeat(array, 3, axis=array.ndim - 1) if array.ndim else array
        changed = array.copy()
        if changed.size:
            flat = changed.reshape(-1)
            flat[rng.randrange(flat.size)] = np.float64(rng.choice(NUMBERS)).astype(array.dtype)
        return changed


def _parts(path: Path) -> tuple[dict[str, Any] | None, bytes]:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        for name, entry in header.items():
            if name != "__metadata__":
                _array(entry, content[8 + length :])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, b""
    return header, content[8 + length :]


def _array(entry: dict[str, Any], data: bytes) -> np.ndarray:
    begin, end = entry["data_offsets"]
    return np.frombuffer(data[begin:end], _TYPES[entry["dtype"]]).reshape(entry["shape"])


def _other_kind(rng: random.Random, path: Path) -> None:
    """Put something else in the place of a file."""
    path.unlink()
    way = rng.randrange(7)
    if way == 0:
        path.mkdir()
    elif way == 1 and hasattr(os, "mkfifo"):
        os.mkfifo(path)
    elif way == 2:
        path.symlink_to("/dev/zero")
    elif way == 3:
        path.symlink_to(path)  # for ever
    elif way == 4:
        path.write_bytes(b"")
    elif way == 5:
        with path.open("wb") as file:
            file.truncate(rng.choice((10**6, 10**9, 10**11)))
