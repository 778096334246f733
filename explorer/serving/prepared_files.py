"""Scripts, styles and fonts that a page waits for, answered from memory and compressed.

Streamlit reads its own from the disk for every request and sends them as they are: 8 MB for a first screen, in a
hundred requests. None of them changes under its name. Each is compressed once, its copy kept in a folder from one start
to the next, and checked against its file before it is believed.
"""

import gzip
import hashlib
import logging
import re
import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from explorer.errors import CheckpointError
from explorer.files import make_folder, read_bounded, write_atomically

MAX_BYTES = 32 * 1024**2
DAYS_KEPT = 90
"""After so many days a copy is made anew: what belongs to a version that is gone does not stay for ever."""

MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".woff2": "font/woff2",
}
COMPRESSED = frozenset({".js", ".css"})
"""The endings of what a copy makes smaller; a font is compressed already."""

_REFUSES_GZIP = re.compile(r"gzip\s*;\s*q\s*=\s*0(?:\.0*)?\s*(?:,|$)")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """The bytes of a file as they are sent, and the headers that go with them."""

    content: bytes
    headers: list[tuple[bytes, bytes]]
    is_compressed: bool


@final
class PreparedFiles:
    """Files by their address. Safe to use from any thread."""

    def __init__(self, files: Mapping[str, Path], folder: Path) -> None:
        """Know ``files`` by the path of a request, of the kinds of ``MEDIA_TYPES``; keep copies in ``folder``."""
        self._files = {address: path for address, path in files.items() if path.suffix in MEDIA_TYPES}
        self._folder = folder
        self._ready: dict[str, PreparedFile] = {}
        self._asked: set[str] = set()
        self._waiting: SimpleQueue[str] = SimpleQueue()
        self._mutex = threading.Lock()
        self._is_working = False

    def get(self, address: str) -> PreparedFile | None:
        """Return what is prepared for an address; of a known one that is not, see to it that it will be."""
        ready = self._ready.get(address)
        if ready is None and address in self._files:
            self.prepare_soon([address])
        return ready

    def prepare_soon(self, addresses: Iterable[str]) -> None:
        """Prepare what is known of ``addresses``, one after the other, in a thread beside."""
        with self._mutex:
            for address in addresses:
                if address in self._files and address not in self._asked:
                    self._asked.add(address)
                    self._waiting.put(address)
            if self._is_working or self._waiting.empty():
                return
            self._is_working = True
        threading.Thread(target=self._work, name="prepare files", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._mutex:
                if self._waiting.empty():
                    self._is_working = False
                    return
                address = self._waiting.get()
            path = self._files[address]
            try:
                self._ready[address] = _prepared(path, self._folder)
            except CheckpointError as error:
                # Whoever serves it otherwise answers for it, now and later.
                _log.warning("%s is not sent compressed: %s", path.name, error)


def _prepared(path: Path, folder: Path) -> PreparedFile:
    content = read_bounded(path, MAX_BYTES, "Install the project's requirements again.")
    is_compressed = path.suffix in COMPRESSED
    if is_compressed:
        content = compressed(path.name, content, folder)
    headers = {
        "Content-Type": MEDIA_TYPES[path.suffix],
        "Content-Length": str(len(content)),
        "Cache-Control": "public, immutable, max-age=31536000",
    }
    if is_compressed:
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return PreparedFile(content, [(name.encode(), value.encode()) for name, value in headers.items()], is_compressed)


def compressed(name: str, content: bytes, folder: Path) -> bytes:
    """Return ``content`` by gzip: the copy that is kept in ``folder`` if it is one of this content, else a new one.

    Args:
        name: of the file, which the copy is called by.
        content: of the file.
        folder: of copies; where it cannot be written to, they are made at every start.
    """
    kept = folder / f"{name}.{hashlib.blake2b(content, digest_size=8).hexdigest()}.gz"
    with suppress(CheckpointError):
        copy = read_bounded(kept, MAX_BYTES)
        if _is_copy(copy, content):
            return copy
    copy = gzip.compress(content, 9, mtime=0)
    try:
        make_folder(folder)
        write_atomically(kept, copy, is_lasting=False)
        _forget_old(folder)
    except (CheckpointError, OSError) as error:
        _log.info("A compressed copy is not kept: %s", error)
    return copy


def _is_copy(copy: bytes, content: bytes) -> bool:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        return unpacking.decompress(copy, len(content) + 1) == content and unpacking.eof and not unpacking.unused_data
    except zlib.error:
        return False


def _forget_old(folder: Path) -> None:
    """Remove copies that were made long ago, and what a process left that was killed while it wrote one."""
    oldest = time.time() - 86400 * DAYS_KEPT
    for path in (*folder.glob("*.gz"), *folder.glob(".*.tmp")):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


@final
class PreparedAnswers:
    """Answers requests for prepared files, and hands on all others. ASGI middleware."""

    def __init__(self, app: ASGIApp, *, files: PreparedFiles) -> None:
        """Stand before ``app``, which serves all ``files`` too, uncompressed."""
        self._app = app
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on: what is asked in part, or by a browser that takes no gzip, too."""
        prepared = self._files.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        headers = {} if prepared is None else dict(scope["headers"])
        if prepared is None or b"range" in headers or (prepared.is_compressed and not _takes_gzip(headers)):
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [*prepared.headers]})
        await send({"type": "http.response.body", "body": prepared.content})


def _takes_gzip(headers: Mapping[bytes, bytes]) -> bool:
    accepted = headers.get(b"accept-encoding", b"").decode("latin-1").lower()
    return "gzip" in accepted and _REFUSES_GZIP.search(accepted) is None
