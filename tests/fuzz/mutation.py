"""Ways to spoil bytes, texts, numbers and JSON, all from one random generator."""

import json
import random
from typing import Any

NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 7, 255, 256, 999, 1000, 65535, 65536, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**30),
    *(0.5, -0.0, 1e-320, 1e38, 3.5e38, 1e300, float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    *("", " ", "0", "-1", "1e999", "nan", "NaN", "null", "true", "None", "plane", "pca", "umap", "class", "kl"),
    *("../../etc/passwd", "..", ".", "/", "\\", "a/b", "%2e%2e", "%00", "\x00", "\n", "\r\nX-A: b", "\u202e", "\ud7ff"),
    *(
        "größe",
        "日本語",
        "😀" * 20,
        "a" * 5000,
        "<b>b</b>",
        "<script>alert(1)</script>",
        "'\"><img src=x onerror=alert(1)>",
    ),
    *("![t](http://127.0.0.1:9/x.png)", "[a](javascript:alert(1))", ":material/home:", "$x^2$", ":red[a]", "**b**"),
    *("__metadata__", "__class__", "{0}", "%s", "${x}", "{{7*7}}", "digits-vae-2d", "mnist-vae-2d", "0,1", "1,0,2"),
)


def spoiled_bytes(rng: random.Random, content: bytes) -> bytes:
    """Return ``content`` with a few of its bytes changed, cut, doubled or put in another place."""
    spoiled = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at, way = rng.randrange(len(spoiled) + 1), rng.randrange(7)
        length = rng.choice((1, 2, 4, 8, 64, 512))
        if way == 0 and spoiled:
            spoiled[at % len(spoiled)] ^= 1 << rng.randrange(8)
        elif way == 1:
            spoiled[at : at + length] = rng.randbytes(length)
        elif way == 2:
            del spoiled[at : at + length]
        elif way == 3:
            spoiled[at:at] = spoiled[at : at + length]
        elif way == 4:
            del spoiled[at:]
        elif way == 5:
            spoiled[at : at + length] = rng.choice((b"\0", b"\xff", b"\x7f\x80")) * length
        else:
            spoiled[at:at] = rng.choice(TEXTS).encode("utf-8", "surrogatepass")
    return bytes(spoiled)


def spoiled_json(rng: random.Random, value: Any) -> Any:
    """Return a JSON value with something in it, at any depth, replaced, removed, doubled or called otherwise."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = rng.choice(list(value))
        changed = dict(value)
        way = rng.random()
        if way < 0.7:
            changed[name] = spoiled_json(rng, value[name])
        elif way < 0.8:
            del changed[name]
        else:
            changed[rng.choice(TEXTS)] = changed.pop(name) if way < 0.9 else value[name]
        return changed
    if isinstance(value, list) and value and rng.random() < 0.8:
        changed_list = list(value)
        at, way = rng.randrange(len(value)), rng.random()
        if way < 0.6:
            changed_list[at] = spoiled_json(rng, value[at])
        elif way < 0.8:
            del changed_list[at]
        else:
            changed_list *= rng.choice((2, 3, 50))
        return changed_list
    return any_json(rng)


def any_json(rng: random.Random, depth: int = 0) -> Any:
    """Return something that JSON, or what Python takes for it, can say."""
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice(TEXTS)
    if kind == 5:
        return rng.choice((None, True, False))
    parts = [any_json(rng, depth + 1) for _ in range(rng.randrange(4))]
    return parts if kind == 6 else {rng.choice(TEXTS): part for part in parts}


def spoiled_json_text(rng: random.Random, text: str) -> str:
    """Return a JSON text spoiled as a value, or as a text."""
    if rng.random() < 0.3:
        return spoiled_bytes(rng, text.encode()).decode(errors="replace")
    return json.dumps(spoiled_json(rng, json.loads(text)))
