"""The HTTP routes, under the app's base path. Every refusal is a 4xx, or a 503, with ``{"error": sentence}``.

What touches a file, and what takes a while, runs beside the event loop: see ``blocking``.
"""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from explorer.analysis.arrays import Floats, Images
from explorer.errors import ExplorerError, ServingError
from explorer.runs.listing import list_runs
from explorer.runs.tables import describe
from explorer.serving import point_values
from explorer.serving.answers import RequestError, json_response, refusal, without_folders
from explorer.serving.blocking import BlockingCalls
from explorer.serving.bodies import check_type, read_body
from explorer.serving.decoder import MAX_CODES, MAX_IMAGES, DecodeService
from explorer.serving.overlays import MAX_ROWS, Answer, density_answer, ellipses_answer, images_answer
from explorer.serving.placement import nearest_class, placed
from explorer.serving.run_cache import LoadedRun
from explorer.serving.run_lookup import RunLookup
from explorer.serving.thumbnails import run_strip
from explorer.serving.timeline import timeline_answer, timeline_picture
from explorer.strict_json import dump_json

T = TypeVar("T")

MAX_BODY_BYTES = MAX_CODES * 512 * 4
CODES_LIMIT = MAX_BODY_BYTES, f"{MAX_CODES} codes"
ROWS_LIMIT = 4 * MAX_ROWS, f"{MAX_ROWS} rows"
# Streamlit's server would gzip these at every request; they are small, or large and cached by the browser.
UNCOMPRESSED = {"Content-Encoding": "identity"}

WORK_SECONDS = 120.0
"""For a map that is read or computed, and for torch, which the first one that asks imports: a minute on a busy disk."""

Endpoint = Callable[[Request], Awaitable[Response]]


def api_routes(service: DecodeService, base_path: str = "") -> list[BaseRoute]:
    """Return the routes of ``service`` below ``base_path`` (Streamlit's server.baseUrlPath)."""
    checkpoints = service.run_cache.checkpoints
    calls = BlockingCalls()
    lookup = RunLookup(service.run_cache, calls)
    plotly_js = _plotly_js()

    def beside(loaded: LoadedRun, function: Callable[[], T]) -> Awaitable[T]:
        return calls.result(loaded.run.name, function, WORK_SECONDS)

    async def runs(_: Request) -> Response:
        entries = await calls.result("", partial(list_runs, checkpoints), WORK_SECONDS)
        return json_response([_described(describe(entry), checkpoints) for entry in entries])

    async def decode(request: Request) -> Response:
        check_type(request)
        loaded = await lookup.recent(request.path_params["name"])
        numbers = _numbers(await read_body(request, *CODES_LIMIT))
        find = partial(_codes, service, loaded, numbers, request)
        # Another thread costs more than finding the codes does, unless something is to be read or computed first.
        is_quick = loaded.decodes_from_memory(request.query_params.get("space"), *_dims(request))
        codes = find() if is_quick else await beside(loaded, partial(_codes_and_model, find, loaded))
        label = _integer(request, "label")
        labels = None if label is None else np.full(len(codes), label, np.int64)
        if _integer(request, "trust"):
            if not loaded.has_reliability_gauge:  # measured in the service's thread, it would keep all images waiting
                await beside(loaded, partial(attrgetter("reliability_gauge"), loaded))
            decoded_images = await asyncio.wrap_future(service.submit_with_reliability(loaded, codes, labels))
            return _array_response(decoded_images.images, {"X-Trust": dump_json(decoded_images.reliability.to_json())})
        return _array_response(await asyncio.wrap_future(service.submit(loaded, codes, labels)))

    async def encode(request: Request) -> Response:
        check_type(request)
        label = _integer(request, "label")
        loaded = await lookup.look(request.path_params["name"])
        images = _images(await read_body(request, *_images_limit(loaded)), loaded)
        labels = None if label is None else np.full(len(images), label, np.int64)
        asked = await beside(loaded, partial(service.submit_images, loaded, images, labels))
        codes = await asyncio.wrap_future(asked)
        space = request.query_params.get("space", "plane")
        rows = await beside(loaded, partial(placed, loaded, codes, space, _dims(request)))
        nearest = await beside(loaded, partial(nearest_class, loaded, codes[0], label))
        return _array_response(rows.astype("<f4"), {"X-Nearest": dump_json(nearest)})

    async def images(request: Request) -> Response:
        check_type(request)
        loaded = await lookup.look(request.path_params["name"])
        body = await read_body(request, *ROWS_LIMIT)
        answer = await beside(loaded, partial(images_answer, service, loaded, body))
        return Response(answer.content, media_type="application/octet-stream", headers=answer.headers | UNCOMPRESSED)

    def of_a_run(respond: Callable[[LoadedRun, Request], Response]) -> Endpoint:
        async def answer(request: Request) -> Response:
            loaded = await lookup.look(request.path_params["name"])
            return await beside(loaded, partial(respond, loaded, request))

        return answer

    async def plotly(_: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=31536000, immutable", **UNCOMPRESSED}
        return FileResponse(plotly_js, media_type="text/javascript", headers=headers)

    answers: dict[str, Endpoint] = {
        "/runs": runs,
        "/runs/{name}/points": of_a_run(_points_response),
        "/runs/{name}/column": of_a_run(_column_response),
        "/runs/{name}/density": of_a_run(partial(_overlay_response, density_answer)),
        "/runs/{name}/ellipses": of_a_run(partial(_overlay_response, ellipses_answer)),
        "/runs/{name}/strip.png": of_a_run(partial(_strip_response, service)),
        "/runs/{name}/timeline": of_a_run(_timeline_response),
        "/runs/{name}/timeline/{epoch}.png": of_a_run(_epoch_response),
    }
    takers: dict[str, Endpoint] = {
        "/runs/{name}/decode": decode,
        "/runs/{name}/encode": encode,
        "/runs/{name}/images": images,
    }
    routes = [
        *(Route(path, _in_words(endpoint, checkpoints)) for path, endpoint in answers.items()),
        *(Route(path, _in_words(endpoint, checkpoints), methods=["POST"]) for path, endpoint in takers.items()),
        Route("/plotly-{version}.js", plotly),
    ]
    return [Mount(f"{path_prefix(base_path)}/api", routes=routes)]


def path_prefix(base_path: str) -> str:
    """Return what stands before the app's own paths: "/maps" of "maps/", nothing of "/"."""
    return f"/{base_path.strip('/')}" if base_path.strip("/") else ""


def _plotly_js() -> Path:
    spec = find_spec("plotly")
    assert spec is not None, "plotly is in requirements.txt"
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def _in_words(endpoint: Endpoint, checkpoints: Path) -> Endpoint:
    """Turn what a client can put right, and a disk that does not answer, into a refusal in words."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ExplorerError as error:
            return refusal(error, checkpoints)
        except ClientDisconnect:
            return Response(status_code=499)

    return answer


def _described(fields: dict[str, Any], checkpoints: Path) -> dict[str, Any]:
    error = fields["error"]
    return fields | {"error": None if error is None else without_folders(error, checkpoints)}


def _images_limit(loaded: LoadedRun) -> tuple[int, str]:
    return MAX_IMAGES * math.prod(loaded.config.model.image_shape), f"{MAX_IMAGES} images"


def _numbers(body: bytes) -> Floats:
    """Return a body as float32.

    Raises:
        ServingError: if it is empty, or not a whole number of float32.
    """
    if not body or len(body) % 4:
        raise ServingError(f"The body has {len(body)} bytes; it must be float32 numbers, 4 bytes each, at least one.")
    return np.frombuffer(body, "<f4").astype(np.float32)


def _images(body: bytes, loaded: LoadedRun) -> Images:
    """Return a body as images of the shape that the run's model takes, uint8 ``(M, C, H, W)``.

    Raises:
        ServingError: if it is empty, or not a whole number of images.
    """
    shape = loaded.config.model.image_shape
    n_bytes = math.prod(shape)
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


def _codes(service: DecodeService, loaded: LoadedRun, numbers: Floats, request: Request) -> Floats:
    space = request.query_params.get("space")
    width = loaded.config.model.latent_dim if space is None else 2
    if len(numbers) % width:
        raise ServingError(
            f"The body has {len(numbers)} numbers, which is no multiple of {width}: send rows of {width}."
        )
    rows = numbers.reshape(-1, width)
    if len(rows) > MAX_CODES:
        raise RequestError(413, f"The body has {len(rows)} rows: send at most {MAX_CODES} at once.")
    if space is None:
        if "reference" in request.query_params:
            raise ServingError("reference= gives the rest of z on a map: add space=, or leave it out for whole codes.")
        return rows
    return service.codes_at(loaded, rows, space, _dims(request), _integer(request, "reference"))


def _codes_and_model(find: Callable[[], Floats], loaded: LoadedRun) -> Floats:
    """Return the codes that ``find`` finds, and have the model that will decode them in memory."""
    codes = find()
    _ = loaded.model
    return codes


def _points_response(loaded: LoadedRun, request: Request) -> Response:
    """Answer with N x 2 float32 map points, then N uint16 classes."""
    projection = loaded.projection(*_space(request))
    content = projection.points.astype("<f4").tobytes() + loaded.encoded.labels.astype("<u2").tobytes()
    response = _revalidated(request, content, _digest(content), "application/octet-stream")
    response.headers["X-Shape"] = f"{len(projection.points)},2"
    return response


def _column_response(loaded: LoadedRun, request: Request) -> Response:
    """Answer with N float32, one for each point; the header X-Range says where their colours begin and end."""
    name = request.query_params.get("name", "")
    found = point_values.column(loaded, name, loaded.projection(*_space(request)))
    content = found.values.astype("<f4").tobytes()
    response = _revalidated(request, content, _digest(content), "application/octet-stream")
    response.headers["X-Range"] = f"{found.low!r},{found.high!r}"
    return response


def _overlay_response(
    compute: Callable[[LoadedRun, tuple[str, int, int]], Answer], loaded: LoadedRun, request: Request
) -> Response:
    """Answer with what ``compute`` finds on the map that the request names."""
    answer = compute(loaded, _space(request))
    response = _revalidated(request, answer.content, answer.etag, "application/octet-stream")
    response.headers.update(answer.headers)
    return response


def _strip_response(service: DecodeService, loaded: LoadedRun, request: Request) -> Response:
    """Answer with ten images that the run makes."""
    content, etag = run_strip(service, loaded)
    return _revalidated(request, content, etag, "image/png")


def _digest(content: bytes) -> str:
    """Return an ETag that says what was sent, not how it came about."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def _timeline_response(loaded: LoadedRun, request: Request) -> Response:
    """Answer with E x N x 2 float32 map points, then N uint16 classes; X-Timeline says which epochs these are."""
    answer = timeline_answer(loaded.run, _integer(request, "from") or 0)
    response = _revalidated(request, answer.content, answer.etag, "application/octet-stream")
    response.headers["X-Shape"] = ",".join(map(str, answer.shape))
    response.headers["X-Timeline"] = dump_json(answer.facts)
    return response


def _epoch_response(loaded: LoadedRun, request: Request) -> Response:
    """Answer with what an epoch made; X-Epoch says which one, for the nearest may stand in."""
    epoch, what = _bounded_integer("epoch", request.path_params["epoch"]), request.query_params.get("what", "")
    content, etag, found = timeline_picture(loaded.run, epoch, what)
    response = _revalidated(request, content, etag, "image/png")
    response.headers["X-Epoch"] = str(found)
    return response


def _revalidated(request: Request, content: bytes, etag: str, media_type: str) -> Response:
    headers = {"ETag": etag, "Cache-Control": "no-cache", **UNCOMPRESSED}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _space(request: Request) -> tuple[str, int, int]:
    return (request.query_params.get("space", "plane"), *_dims(request))


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
