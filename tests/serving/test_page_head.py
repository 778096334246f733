"""What is added to the head of pages, and to nothing else."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from explorer.serving import page_head
from explorer.serving.page_head import PageHead

PAGE = "<!DOCTYPE html><html><head><title>é</title></head><body></head></body></html>"
WITH_HEAD = "<!DOCTYPE html><html><head><title>é</title><style>a{}</style></head><body></head></body></html>"
AS_A_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def page(request):
    status = 304 if "if-none-match" in request.headers or "range" in request.headers else 200
    return HTMLResponse(PAGE, status, headers={"ETag": '"file"', "Last-Modified": "yesterday"})


async def in_parts(_):
    async def parts():
        for letter in PAGE:
            yield letter.encode()

    return StreamingResponse(parts(), media_type="text/html; charset=utf-8")


async def text(_):
    return PlainTextResponse(PAGE)


async def missing(_):
    return HTMLResponse(PAGE, 404)


async def packed_if_wanted(request):
    wants = "gzip" in request.headers.get("accept-encoding", "")
    return HTMLResponse(PAGE, headers={"Content-Encoding": "gzip"} if wants else None)


async def packed(_):
    return HTMLResponse(PAGE, headers={"Content-Encoding": "identity"})


@pytest.fixture
def ask():
    ways = {
        "/": page,
        "/parts": in_parts,
        "/text": text,
        "/missing": missing,
        "/packed": packed,
        "/wanted": packed_if_wanted,
    }
    routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in ways.items()]
    transport = httpx.ASGITransport(
        Starlette(routes=routes, middleware=[Middleware(PageHead, addition="<style>a{}</style>")])
    )

    async def answered(path, method, headers):
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=headers)

    return lambda path, method="GET", **headers: asyncio.run(answered(path, method, headers))


@pytest.mark.parametrize("path", ["/", "/parts", "/wanted"])
def test_a_page_has_the_addition_at_the_end_of_its_head_and_says_its_length(ask, path):
    answer = ask(path, **AS_A_BROWSER)
    assert answer.text == WITH_HEAD
    assert int(answer.headers["Content-Length"]) == len(WITH_HEAD.encode())


def test_it_is_not_taken_for_the_file_on_disk(ask):
    asked = AS_A_BROWSER | {"If-None-Match": '"file"', "If-Modified-Since": "yesterday", "Range": "bytes=0-9"}
    answer = ask("/", **asked)
    assert answer.text == WITH_HEAD
    assert "ETag" not in answer.headers
    assert "Last-Modified" not in answer.headers


@pytest.mark.parametrize("path", ["/text", "/missing", "/packed"])
def test_what_is_no_page_is_left_as_it_is(ask, path):
    assert ask(path, **AS_A_BROWSER).text == PAGE


@pytest.mark.parametrize(("method", "accept"), [("GET", "*/*"), ("POST", "text/html")])
def test_what_is_not_gone_to_is_left_as_it_is(ask, method, accept):
    answer = ask("/", method, Accept=accept)
    assert answer.text == PAGE
    assert answer.headers["ETag"] == '"file"'


def test_a_page_without_an_end_is_not_held(ask, monkeypatch):
    monkeypatch.setattr(page_head, "MAX_BYTES", 20)
    assert ask("/parts", **AS_A_BROWSER).text == PAGE
