"""The app on a port of this machine, and requests to it that no client library would send."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from explorer.locations import ROOT

START_SECONDS = 120
ANSWER_SECONDS = 60
LOG = "server.log"
LOOP = "event loop"
"""The name of the thread of ``route_server``."""

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
"""What asks for a WebSocket; the key is the example of RFC 6455."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawAnswer:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()

    @property
    def error(self) -> str:
        """The sentence of a refusal in JSON."""
        sentence: str = json.loads(self.content)["error"]
        return sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveServer:
    """The running app."""

    port: int
    pid: int
    base: str = ""

    @property
    def host(self) -> str:
        """The name by which this machine asks it."""
        return f"localhost:{self.port}"

    def connect(self) -> socket.socket:
        """Return a connection, on which nothing has been said."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS)

    def ask(self, path: str, method: str = "GET", content: bytes = b"", **headers: str | None) -> RawAnswer:
        """Send a request for ``path`` below the base path with exactly these headers.

        ``Host`` and ``Content-Length`` are there by default, and None leaves one out. Underscores of names are
        written as hyphens.
        """
        given = {"Host": self.host, "Content-Length": str(len(content)) if content else None}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self.connect()) as connection:
            connection.sendall(request_head(method, self.base + path, given) + content)
            return read_answer(connection)

    def open_socket(self, **headers: str) -> RawAnswer:
        """Ask for Streamlit's WebSocket, and return how the handshake was answered."""
        return self.ask("/_stcore/stream", **UPGRADE, **headers)


def request_head(method: str, path: str, headers: dict[str, str | None]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode()


def read_answer(connection: socket.socket) -> RawAnswer:
    """Read one answer that says its length, or has none (a WebSocket's)."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, content = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(content) < int(headers.get("content-length", 0)):
        content += _more(connection)
    return RawAnswer(status=int(first.split()[1]), headers=headers, content=content)


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionError("The server closed the connection before it had answered.")
    return received


@contextmanager
def live_server(
    folder: Path, checkpoints: Path, script: str = "explorer/app.py", base: str = "", **environment: str
) -> Iterator[LiveServer]:
    """Start the app as a person does, or another ``script``, below ``base``, with its log in ``folder``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    command += ["--server.baseUrlPath", base]
    variables = os.environ | {"EXPLORER_CHECKPOINTS": str(checkpoints)} | environment
    log = folder / LOG
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT)
    server = LiveServer(port=port, pid=process.pid, base=base)
    try:
        _wait_until_healthy(server, process, log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(server: LiveServer, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.ask("/_stcore/health").status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"The server did not start. Its log:\n{log.read_text()}")


@contextmanager
def route_server(app: Any) -> Iterator[LiveServer]:
    """Serve an ASGI ``app`` from a thread of this process, by the server that Streamlit starts."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],), name=LOOP, daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield LiveServer(port=listening.getsockname()[1], pid=os.getpid())
        finally:
            server.force_exit = server.should_exit = True
            thread.join(20)
