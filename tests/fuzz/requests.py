"""Requests that no browser of ours sends, to the running app: refused in words, and nobody else's images change."""

import random
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import numpy as np
import psutil

from explorer.locations import CHECKPOINTS, SHIPPED
from tests.fuzz.mutation import NUMBERS, TEXTS, spoiled_bytes
from tests.fuzz.outcome import Outcome
from tests.serving.live_server import LiveServer, live_server

RUNS = ("digits-vae-2d", "digits-cvae-2d", "digits-ae-2d")
ROUTES = (
    *("decode", "decode", "decode", "encode", "encode", "images", "points", "column", "density", "ellipses"),
    *("strip.png", "timeline", "timeline/0.png", "timeline/{}.png", "{}", ""),
)
PARAMETERS = ("space", "i", "j", "label", "reference", "trust", "name", "what", "from", "nothing")
HEADERS = ("Host", "Origin", "Content-Type", "Content-Length", "If-None-Match", "Range", "Cookie", "Te")
OCTETS = "application/octet-stream"
SECONDS_TO_ANSWER = 2.0
"""Before a request that is not whole is given up."""

EVERY = 50
"""Cases between two decodes whose bytes are known."""


def fuzz(cases: range, seed: int, patience: float) -> int:
    """Send a request for each of ``cases``, and return the exit status."""
    for name in RUNS:
        shutil.copytree(SHIPPED / name, CHECKPOINTS / name)
    outcome = Outcome(what="requests", patience=patience)
    with tempfile.TemporaryDirectory() as folder:
        with live_server(Path(folder), CHECKPOINTS) as server:
            process, good = psutil.Process(server.pid), _decode(server)
            memory = 0
            for number in cases:
                rng = random.Random(f"{seed}/{number}")
                method, path, content, headers = _request(rng)
                with outcome.case(f"--seed {seed}, case {number}, {method} {path[:200]} {headers}"):
                    outcome.answers[_send(rng, server, method, path, content, headers)] += 1
                    if number % EVERY == 0:
                        if _decode(server) != good:
                            raise AssertionError("a decode between the requests has other bytes")
                        memory = max(memory, process.memory_info().rss)
        log = (Path(folder) / "server.log").read_text(errors="replace")
        if "Traceback" in log:
            outcome.faults.append(f"a traceback in the log: {log[log.index('Traceback') :][:2000]}")
    return outcome.finish(memory)


def _decode(server: LiveServer) -> bytes:
    answer = server.ask(f"/api/runs/{RUNS[0]}/decode", "POST", np.ones(2, "<f4").tobytes(), Content_Type=OCTETS)
    if answer.status != 200:
        raise AssertionError(f"a decode between the requests was answered {answer.status}: {answer.content[:200]!r}")
    return answer.content


def _send(
    rng: random.Random, server: LiveServer, method: str, path: str, content: bytes, headers: dict[str, str]
) -> str:
    """Send a request, whole or cut, and return the status; a server that hangs up on nonsense has answered too."""
    with server.connect() as connection:
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        message = "\r\n".join(lines).encode("utf-8", "replace") + content
        if rng.random() < 0.03:
            message = spoiled_bytes(rng, message)
        answer = b""
        with suppress(ConnectionError, TimeoutError):
            connection.sendall(message)
            answer = _answer(connection)
    status = answer.split(b" ", 2)[1].decode(errors="replace") if answer.startswith(b"HTTP/1.1 ") else "hung up"
    if status.startswith("5"):
        raise AssertionError(f"answered {status}: {answer[-300:]!r}")
    return status


def _answer(connection: socket.socket) -> bytes:
    """Return the beginning of the answer; a server that waits for more is told that there is none."""
    try:
        connection.settimeout(SECONDS_TO_ANSWER)
        return connection.recv(4096)
    except TimeoutError:
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(4096)


def _request(rng: random.Random) -> tuple[str, str, bytes, dict[str, str]]:
    """Return a method, a path with its query, a body and headers, some of each as they should be."""
    run = rng.choice(RUNS) if rng.random() < 0.8 else rng.choice(TEXTS)
    route = rng.choice(ROUTES).format(rng.choice((*TEXTS, *map(str, NUMBERS)))) if rng.random() < 0.95 else "x"
    path = f"/api/runs/{quote(run, errors='replace')}/{quote(route, errors='replace')}"
    query = {name: _value(rng) for name in rng.sample(PARAMETERS, rng.choice((0, 0, 1, 2, 3)))}
    if query:
        path += "?" + "&".join(f"{name}={quote(value, errors='replace')}" for name, value in query.items())
    is_post = route in {"decode", "encode", "images"}
    method = rng.choice(("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD")) if rng.random() < 0.1 else None
    content = _body(rng) if is_post or rng.random() < 0.05 else b""
    headers = {"Host": "localhost", "Connection": "close"}
    if content or is_post:
        headers |= {"Content-Type": OCTETS, "Content-Length": str(len(content))}
    if rng.random() < 0.15:
        headers[rng.choice(HEADERS)] = _value(rng).replace("\r", " ").replace("\n", " ")
    return method or ("POST" if is_post else "GET"), path, content, headers


def _value(rng: random.Random) -> str:
    return rng.choice((*TEXTS, *map(str, NUMBERS), "0", "1", "2", "pca", "plane"))


def _body(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.4:
        numbers = np.array([rng.gauss(0, 2) for _ in range(rng.choice((1, 2, 2, 2, 4, 10, 64)))], "<f4")
        return numbers.tobytes()
    if kind < 0.6:
        with np.errstate(over="ignore"):
            return (
                np.array([rng.choice(NUMBERS) for _ in range(rng.choice((2, 2, 4)))], np.float64)
                .astype("<f4")
                .tobytes()
            )
    if kind < 0.8:
        return rng.randbytes(rng.choice((0, 1, 63, 64, 64, 128, 784, 4096, 70_000)))
    return rng.choice(TEXTS).encode("utf-8", "replace")
