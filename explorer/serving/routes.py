"""The HTTP routes, under the app's base path. Every refusal is a 4xx with ``{"error": sentence}``."""

import asyncio
import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from explorer.analysis.arrays import Floats, Images
from explorer.errors import CheckpointError, ExplorerError, ProjectionError, ServingError
from explorer.runs.listing import list_runs
from explorer.runs.tables import describe
from explorer.serving import point_values
from explorer.serving.decoder import MAX_CODES, MAX_IMAGES, DecodeService
from explorer.serving.overlays import MAX_ROWS, Answer, density_answer, ellipses_answer, images_answer
from explorer.serving.placement import nearest_class, placed
from explorer.serving.run_cache import LoadedRun
from explorer.serving.thumbnails import run_strip
from explorer.serving.timeline import timeline_answer, timeline_picture

MAX_BODY_BYTES = MAX_CODES * 512 * 4
# Streamlit's server would gzip these at every request; they are small, or large and cached by the browser.
UNCOMPRESSED = {"Content-Encoding": "identity"}

Endpoint = Callable[[Request], Awaitable[Response]]


class _TooLargeError(ServingError):
    """A body over the limit."""


def api_routes(service: DecodeService, base_path: str = "") -> list[BaseRoute]:
    """Return the routes of ``service`` below ``base_path`` (Streamlit's server.baseUrlPath)."""

    async def runs(_: Request) -> Response:
        entries = await asyncio.to_thread(list_runs, service.run_cache.checkpoints)
        return JSONResponse([describe(entry) for entry in entries])

    async def decode(request: Request) -> Response:
        numbers = await _body_numbers(request)
        loaded = service.run_cache.run(request.path_params["name"])
        # Another thread costs more than finding the codes does, unless a map is to be read or computed first.
        is_quick = loaded.holds(request.query_params.get("space", "plane"), *_dims(request))
        find = partial(_codes, service, loaded, numbers, request)
        codes = find() if is_quick else await asyncio.to_thread(find)
        label = _integer(request, "label")
        labels = None if label is None else np.full(len(codes), label, np.int64)
        if _integer(request, "trust"):
            if not loaded.has_reliability_gauge:  # measured in the service's thread, it would keep all images waiting
                await asyncio.to_thread(attrgetter("reliability_gauge"), loaded)
            decoded_images = await asyncio.wrap_future(service.submit_with_reliability(loaded, codes, labels))
            return _array_response(decoded_images.images, {"X-Trust": _compact(decoded_images.reliability.to_json())})
        return _array_response(await asyncio.wrap_future(service.submit(loaded, codes, labels)))

    async def encode(request: Request) -> Response:
        name, label = request.path_params["name"], _integer(request, "label")
        loaded = await asyncio.to_thread(service.run_cache.run, name)
        images = await _body_images(request, loaded)
        labels = None if label is None else np.full(len(images), label, np.int64)
        codes = await asyncio.wrap_future(service.submit_images(name, images, labels))
        space = request.query_params.get("space", "plane")
        rows = await asyncio.to_thread(placed, loaded, codes, space, _dims(request))
        nearest = await asyncio.to_thread(nearest_class, loaded, codes[0], label)
        return _array_response(rows.astype("<f4"), {"X-Nearest": _compact(nearest)})

    async def points(request: Request) -> Response:
        return await asyncio.to_thread(_points_response, service, request)

    async def column(request: Request) -> Response:
        return await asyncio.to_thread(_column_response, service, request)

    async def density(request: Request) -> Response:
        return await asyncio.to_thread(_overlay_response, service, request, density_answer)

    async def ellipses(request: Request) -> Response:
        return await asyncio.to_thread(_overlay_response, service, request, ellipses_answer)

    async def images(request: Request) -> Response:
        body = await _body(request, 4 * MAX_ROWS, f"{MAX_ROWS} rows")
        answer = await asyncio.to_thread(images_answer, service, request.path_params["name"], body)
        return Response(answer.content, media_type="application/octet-stream", headers=answer.headers | UNCOMPRESSED)

    async def strip(request: Request) -> Response:
        content, etag = await asyncio.to_thread(run_strip, service, request.path_params["name"])
        return _revalidated(request, content, etag, "image/png")

    async def timeline(request: Request) -> Response:
        return await asyncio.to_thread(_timeline_response, service, request)

    async def epoch_picture(request: Request) -> Response:
        run = await asyncio.to_thread(service.run_cache.run, request.path_params["name"])
        epoch, what = _bounded_integer("epoch", request.path_params["epoch"]), request.query_params.get("what", "")
        content, etag, found = await asyncio.to_thread(timeline_picture, run.run, epoch, what)
        response = _revalidated(request, content, etag, "image/png")
        response.headers["X-Epoch"] = str(found)
        return response

    async def plotly(_: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=31536000, immutable", **UNCOMPRESSED}
        return FileResponse(_plotly_js(), media_type="text/javascript", headers=headers)

    routes = [
        Route("/runs", _in_words(runs)),
        Route("/runs/{name}/decode", _in_words(decode), methods=["POST"]),
        Route("/runs/{name}/encode", _in_words(encode), methods=["POST"]),
        Route("/runs/{name}/points", _in_words(points)),
        Route("/runs/{name}/column", _in_words(column)),
        Route("/runs/{name}/density", _in_words(density)),
        Route("/runs/{name}/ellipses", _in_words(ellipses)),
        Route("/runs/{name}/images", _in_words(images), methods=["POST"]),
        Route("/runs/{name}/strip.png", _in_words(strip)),
        Route("/runs/{name}/timeline", _in_words(timeline)),
        Route("/runs/{name}/timeline/{epoch}.png", _in_words(epoch_picture)),
        Route("/plotly-{version}.js", plotly),
    ]
    return [Mount(f"{_prefix(base_path)}/api", routes=routes)]


def _prefix(base_path: str) -> str:
    return f"/{base_path.strip('/')}" if base_path.strip("/") else ""


def _plotly_js() -> Path:
    spec = find_spec("plotly")
    assert spec is not None, "plotly is in requirements.txt"
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def _in_words(endpoint: Endpoint) -> Endpoint:
    """Turn what a client can put right into a 4xx with its sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ExplorerError as error:
            return JSONResponse({"error": str(error)}, status_code=_status(error))
        except ClientDisconnect:
            return Response(status_code=499)

    return answer


def _status(error: ExplorerError) -> int:
    if isinstance(error, _TooLargeError):
        return 413
    return 404 if isinstance(error, CheckpointError | ProjectionError) else 400


async def _body(request: Request, limit: int, most: str) -> bytes:
    """Return the body.

    Raises:
        ServingError: if it is over ``limit`` bytes; ``most`` says what fits.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _TooLargeError(f"The body is over {limit:,} bytes: send at most {most} at once.")
    return bytes(body)


async def _body_numbers(request: Request) -> Floats:
    """Return the body as float32.

    Raises:
        ServingError: if it is empty, over the limit, or not a whole number of float32.
    """
    body = await _body(request, MAX_BODY_BYTES, f"{MAX_CODES} codes")
    if not body or len(body) % 4:
        raise ServingError(f"The body has {len(body)} bytes; it must be float32 numbers, 4 bytes each, at least one.")
    return np.frombuffer(body, "<f4").astype(np.float32)


async def _body_images(request: Request, loaded: LoadedRun) -> Images:
    """Return the body as images of the shape that the run's model takes, uint8 ``(M, C, H, W)``.

    Raises:
        ServingError: if it is empty, over the limit, or not a whole number of images.
    """
    shape = loaded.config.model.image_shape
    n_bytes = math.prod(shape)
    body = await _body(request, MAX_IMAGES * n_bytes, f"{MAX_IMAGES} images")
    if not body or len(body) % n_bytes:
        raise ServingError(
            f"The body has {len(body)} bytes; an image of {loaded.run.name} has {n_bytes}, one for each of "
            f"{' x '.join(map(str, shape))} (channels, height, width) pixels. Send one image or more."
        )
    return np.frombuffer(body, np.uint8).reshape(-1, *shape)


def _array_response(rows: NDArray[Any], headers: dict[str, str] | None = None) -> Response:
    """Answer with the bytes of ``rows`` and their shape in a header."""
    shape = ",".join(str(side) for side in rows.shape)
    return Response(
        rows.tobytes(),
        media_type="application/octet-stream",
        headers={"X-Shape": shape, **UNCOMPRESSED, **(headers or {})},
    )


def _compact(fields: dict[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def _codes(service: DecodeService, loaded: LoadedRun, numbers: Floats, request: Request) -> Floats:
    space = request.query_params.get("space")
    width = loaded.config.model.latent_dim if space is None else 2
    if len(numbers) % width:
        raise ServingError(
            f"The body has {len(numbers)} numbers, which is no multiple of {width}: send rows of {width}."
        )
    rows = numbers.reshape(-1, width)
    if len(rows) > MAX_CODES:
        raise _TooLargeError(f"The body has {len(rows)} rows: send at most {MAX_CODES} at once.")
    if space is None:
        if "reference" in request.query_params:
            raise ServingError("reference= gives the rest of z on a map: add space=, or leave it out for whole codes.")
        return rows
    return service.codes_at(loaded, rows, space, _dims(request), _integer(request, "reference"))


def _points_response(service: DecodeService, request: Request) -> Response:
    """Answer with N x 2 float32 map points, then N uint16 classes."""
    loaded = service.run_cache.run(request.path_params["name"])
    space = request.query_params.get("space", "plane")
    i, j = _dims(request)
    projection = loaded.projection(space, i, j)
    content = projection.points.astype("<f4").tobytes() + loaded.encoded.labels.astype("<u2").tobytes()
    response = _revalidated(request, content, _digest(content), "application/octet-stream")
    response.headers["X-Shape"] = f"{len(projection.points)},2"
    return response


def _column_response(service: DecodeService, request: Request) -> Response:
    """Answer with N float32, one for each point; the header X-Range says where their colours begin and end."""
    loaded = service.run_cache.run(request.path_params["name"])
    name, space = request.query_params.get("name", ""), request.query_params.get("space", "plane")
    i, j = _dims(request)
    found = point_values.column(loaded, name, loaded.projection(space, i, j))
    content = found.values.astype("<f4").tobytes()
    response = _revalidated(request, content, _digest(content), "application/octet-stream")
    response.headers["X-Range"] = f"{found.low!r},{found.high!r}"
    return response


def _overlay_response(
    service: DecodeService, request: Request, compute: Callable[[LoadedRun, tuple[str, int, int]], Answer]
) -> Response:
    """Answer with what ``compute`` finds on the map that the request names."""
    loaded = service.run_cache.run(request.path_params["name"])
    answer = compute(loaded, (request.query_params.get("space", "plane"), *_dims(request)))
    response = _revalidated(request, answer.content, answer.etag, "application/octet-stream")
    response.headers.update(answer.headers)
    return response


def _digest(content: bytes) -> str:
    """Return an ETag that says what was sent, not how it came about."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def _timeline_response(service: DecodeService, request: Request) -> Response:
    """Answer with E x N x 2 float32 map points, then N uint16 classes; X-Timeline says which epochs these are."""
    answer = timeline_answer(service.run_cache.run(request.path_params["name"]).run, _integer(request, "from") or 0)
    response = _revalidated(request, answer.content, answer.etag, "application/octet-stream")
    response.headers["X-Shape"] = ",".join(map(str, answer.shape))
    response.headers["X-Timeline"] = _compact(answer.facts)
    return response


def _revalidated(request: Request, content: bytes, etag: str, media_type: str) -> Response:
    headers = {"ETag": etag, "Cache-Control": "no-cache", **UNCOMPRESSED}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _dims(request: Request) -> tuple[int, int]:
    i, j = _integer(request, "i"), _integer(request, "j")
    return (0 if i is None else i, 1 if j is None else j)


def _integer(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    return None if text is None else _bounded_integer(name, text)


def _bounded_integer(name: str, text: str) -> int:
    try:
        if len(text) > 12:
            raise ValueError(text)
        return int(text)
    except ValueError as error:
        raise ServingError(f"{name}={text[:40]!r} is not a whole number.") from error
