"""Bodies of requests: what they say of themselves is looked at first, and they are read within a bound and a time."""

import asyncio

from starlette.requests import Request

from explorer.serving.answers import RequestError

BODY_SECONDS = 10.0
"""How long a body may take to arrive. The largest has 2 MB: that is 1.6 Mbit/s, and what people send has kilobytes."""

LARGE_BODY_BYTES = 64 * 1024
"""A body over this waits for one of ``MAX_LARGE_BODIES`` places; smaller ones never wait for those."""

MAX_LARGE_BODIES = 16
"""Large bodies that arrive at once. Those of many connections that never end would fill the memory: 2 MB each."""

MEDIA_TYPE = "application/octet-stream"

_places = asyncio.Semaphore(MAX_LARGE_BODIES)


def check_type(request: Request) -> None:
    """Check that a request announces numbers or pixels as its body.

    A program may say no type. A browser always says the ``Origin`` of what it posts, which the gate has looked at;
    and the types of a form or a text, which a page of any site may send unasked, are none of ours.

    Raises:
        RequestError: 415 if its body is of another type.
    """
    for given in request.headers.getlist("content-type"):
        if given.partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise RequestError(
                415,
                f"The body is announced as {given[:80]!r}; it must be the bytes of numbers or pixels. Send them with "
                f"Content-Type: {MEDIA_TYPE}.",
            )


async def read_body(request: Request, limit: int, most: str) -> bytes:
    """Return the body of a request.

    Args:
        request: whose body was not read yet.
        limit: of its bytes.
        most: what fits, in words.

    Raises:
        RequestError: 413 if it is announced as longer than ``limit``, or is; 408 if it is not whole in time.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise _too_large(limit, most)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _whole(request, limit, most)
    except TimeoutError as error:
        raise RequestError(
            408, f"The body was not whole after {BODY_SECONDS:g} s: send it at once, or in several smaller requests."
        ) from error


async def _whole(request: Request, limit: int, most: str) -> bytes:
    body = bytearray()
    has_place = False
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit, most)
            if len(body) > LARGE_BODY_BYTES and not has_place:
                await _places.acquire()
                has_place = True
        return bytes(body)
    finally:
        if has_place:
            _places.release()


def _too_large(limit: int, most: str) -> RequestError:
    return RequestError(413, f"The body is over {limit:,} bytes: send at most {most} at once.")
