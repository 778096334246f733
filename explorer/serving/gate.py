"""Who may ask the app, before anything of it answers: pages, files, Streamlit's WebSocket and the routes alike.

A page of another site may send requests to this machine, and by DNS rebinding under its own name: then the browser
takes the app for a part of that site. So the names by which the app is reached are a list, and what changes or computes
something is taken from its own pages alone. Streamlit's ``server.allowedHosts`` looks at its WebSocket only.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.errors import ConfigError
from explorer.serving.answers import json_response

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_.-]+))(?::(?P<port>\d{0,5}))?", re.IGNORECASE | re.ASCII
)
_FRAMING_SITE = re.compile(r"(?:https?://)?(?:\*\.)?[a-z0-9.-]+(?::(?:\d{1,5}|\*))?", re.IGNORECASE | re.ASCII)
_SHOWN = 80
_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=256)
def host_name(host: str) -> str | None:
    """Return the name in a Host header, without its port: lower-case, IPv6 without brackets; None if it has none."""
    found = _HOST.fullmatch(host)
    if found is None:
        return None
    name = (found["v6"] or found["name"]).lower().rstrip(".")
    return _address(name) or (name if name and not found["v6"] else None)


def _port(host: str, scheme: str) -> int:
    """Return the port that a host with a name is asked at: that of ``scheme`` where it says none."""
    found = _HOST.fullmatch(host)
    return int((found and found["port"]) or _PORTS[scheme])


def _address(name: str) -> str | None:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return None


@final
class AllowedHosts:
    """The names by which people reach the app."""

    def __init__(self, entries: Iterable[str], bound: str | None = None) -> None:
        """Allow the names of this machine, ``entries`` and what the server is ``bound`` to.

        On all addresses of the machine (0.0.0.0, ::, or None) it is reached by any of them, and those need not be
        listed: a name can be rebound to another address, an address cannot.

        Args:
            entries: as people write them: names, with or without a port or a scheme, IPv6 with or without brackets,
                ``*.example.com`` for all names under one, ``*`` for any.
            bound: the address of Streamlit's server.address.

        Raises:
            ConfigError: if one is no name.
        """
        names = {_entry_name(entry) for entry in entries}
        self._has_any_name = "*" in names
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        self._listed = names
        self._names = names | {*THIS_MACHINE, host_name(_bracketed(bound or "")) or "localhost"}
        self._has_any_address = bound in {None, "", "0.0.0.0", "::"}

    def answers(self, name: str) -> bool:
        """Whether the app answers to ``name``."""
        is_any = self._has_any_name or (self._has_any_address and _address(name) is not None)
        return is_any or name in self._names or self.lists(name)

    def lists(self, name: str) -> bool:
        """Whether somebody wrote ``name`` down, so that it is not this machine's, any address or any name."""
        return name in self._listed or name.endswith(self._suffixes)


def _bracketed(entry: str) -> str:
    return f"[{entry}]" if entry.count(":") > 1 and not entry.startswith("[") else entry


def _entry_name(entry: str) -> str:
    host = re.sub(r"^\w+://", "", entry).partition("/")[0]
    if host == "*":
        return "*"
    prefix = "*." if host.startswith("*.") else ""
    try:
        ascii_host = _bracketed(host.removeprefix(prefix)).encode("idna").decode()
    except UnicodeError:
        ascii_host = ""
    name = host_name(ascii_host)
    if name is None:
        raise ConfigError(
            f"EXPLORER_HOSTS has {entry!r}, which is no name of a host. Write names or addresses, separated by commas: "
            "EXPLORER_HOSTS=maps.example.com,192.168.1.20"
        )
    return prefix + name


def framing_headers(sites: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Return the headers that let the app's own pages frame it, and ``sites``; none if these are ``*``.

    Raises:
        ConfigError: if one is no site.
    """
    if "*" in sites:
        return []
    for site in sites:
        if not _FRAMING_SITE.fullmatch(site.rstrip("/")):
            raise ConfigError(
                f"EXPLORER_FRAMES has {site!r}, which is no site. Write addresses without a path, separated by "
                "commas: EXPLORER_FRAMES=https://wiki.example.com"
            )
    policy = " ".join(["frame-ancestors 'self'", *(site.rstrip("/") for site in sites)])
    headers = [(b"content-security-policy", policy.encode())]
    # For browsers that do not know frame-ancestors; it cannot name a site.
    return headers if sites else [*headers, (b"x-frame-options", b"SAMEORIGIN")]


@final
class Gate:
    """Refuses requests by foreign names and from foreign sites, and says who may frame the answers. ASGI middleware."""

    def __init__(
        self, app: ASGIApp, *, hosts: AllowedHosts, frames: Sequence[str] = (), api_path: str = "/api"
    ) -> None:
        """Stand before ``app``.

        Args:
            app: everything behind the gate.
            hosts: the names that it answers to.
            frames: the sites that may frame it.
            api_path: below it refusals are JSON.

        Raises:
            ConfigError: if one of ``frames`` is no site.
        """
        self._app = app
        self._hosts = hosts
        self._framing = framing_headers(frames)
        self._api_path = api_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refused = self._why_refused(scope)
        if refused is not None:
            await self._refuse(refused, scope, receive, send)
        elif scope["type"] == "http" and self._framing:
            await self._app(scope, receive, self._with_framing(send))
        else:
            await self._app(scope, receive, send)

    def _why_refused(self, scope: Scope) -> str | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        name = host_name(host)
        if name is None:
            return f"The request names no host that can be read: Host is {_shown(host)}. Ask by the app's address."
        if not self._hosts.answers(name):
            return (
                f"This app does not answer to the name {_shown(name)}. If people are to reach it by that name, start "
                f"it with EXPLORER_HOSTS={name[:_SHOWN]} (names that are separated by commas)."
            )
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        origins = [value.decode("latin-1") for header, value in scope["headers"] if header == b"origin"]
        return next((self._why_foreign(origin) for origin in origins if not self._is_own(origin, host)), None)

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether ``origin`` is a page of this app, which was asked as ``host``: a proxy may ask by a name of its own.

        At another port of the same machine is another server, which may be anybody's.
        """
        scheme, _, sender = origin.partition("://")
        name = host_name(sender) if scheme in _PORTS else None
        if name is None:
            return False
        return (name, _port(sender, scheme)) == (host_name(host), _port(host, scheme)) or self._hosts.lists(name)

    def _why_foreign(self, origin: str) -> str:
        if origin == "null":
            return (
                "The request comes from a page without an address of its own (Origin: 'null'), such as a file or a "
                "sandboxed frame. Open the app by its address."
            )
        return (
            f"The request comes from a page of another site, {_shown(origin)}; only the app's own pages may ask for "
            "that. If it is an address of this app, name it in EXPLORER_HOSTS."
        )

    async def _refuse(self, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        response: Response = PlainTextResponse(sentence, 403, {"X-Content-Type-Options": "nosniff"})
        if scope["path"].startswith(f"{self._api_path}/"):
            response = json_response({"error": sentence}, 403)
        await response(scope, receive, send)

    def _with_framing(self, send: Send) -> Send:
        async def send_with_framing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._framing]
            await send(message)

        return send_with_framing


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
