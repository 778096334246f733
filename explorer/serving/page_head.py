"""What the app adds to the head of every page before Streamlit's script has run: the page is an empty shell until then.

Streamlit answers every address of a page with the same ``index.html``.
"""

from typing import final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 1024 * 1024
END_OF_HEAD = b"</head>"

# Of the file as it is on disk, not of what is sent.
_OF_THE_FILE = frozenset({b"etag", b"last-modified", b"content-length", b"accept-ranges"})
# What would have the page answered in part, not at all, or packed.
_WAYS_OF_SENDING = frozenset({b"if-none-match", b"if-modified-since", b"range", b"accept-encoding"})


@final
class PageHead:
    """Puts HTML at the end of the head of pages. ASGI middleware."""

    def __init__(self, app: ASGIApp, *, addition: str) -> None:
        """Stand before ``app``, to whose pages HTML is added."""
        self._app = app
        self._addition = addition.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add to the answer if it is a page; hand on all else as it is."""
        if not _asks_for_page(scope):
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in _WAYS_OF_SENDING]
        # A server that sends files by itself would send this one as it is on disk.
        extensions = {name: of for name, of in scope.get("extensions", {}).items() if name != "http.response.pathsend"}
        asked = {**scope, "headers": headers, "extensions": extensions}
        await self._app(asked, receive, _Inserting(send, self._addition))


@final
class _Inserting:
    """Sends an answer on; a page whole, with ``addition`` in its head."""

    def __init__(self, send: Send, addition: bytes) -> None:
        self._send = send
        self._addition = addition
        self._start: Message | None = None
        self._page = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._page += message.get("body", b"")
            if len(self._page) > MAX_BYTES or not message.get("more_body", False):
                await self._send_page(self._start, is_whole=not message.get("more_body", False))
        else:
            await self._send(message)

    async def _send_page(self, start: Message, *, is_whole: bool) -> None:
        """Send what was held back; a page that is absurdly long goes on as it comes."""
        page = bytes(self._page)
        if is_whole:
            page = page.replace(END_OF_HEAD, self._addition + END_OF_HEAD, 1)
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in _OF_THE_FILE]
        length = [(b"content-length", str(len(page)).encode())] if is_whole else []
        self._start = None
        await self._send({**start, "headers": [*headers, *length]})
        await self._send({"type": "http.response.body", "body": page, "more_body": not is_whole})


def _asks_for_page(scope: Scope) -> bool:
    """Whether somebody goes to an address, as only browsers do: scripts, images and data are asked for otherwise."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _is_page(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start["headers"]}
    is_html = headers.get(b"content-type", b"").startswith(b"text/html")
    return start["status"] == 200 and is_html and b"content-encoding" not in headers
