"""What the service's thread does: requests of one kind and run, in one batch, and their answers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.arrays import Floats, Images, Labels
from explorer.serving.run_cache import LoadedRun

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.analysis.latent.reliability import Reliability

ClassWeights = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ImagesWithReliability:
    """Decoded images, uint8 ``(M, C, H, W)``, and how far the first of them can be believed."""

    images: Images
    reliability: "Reliability"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Request(ABC):
    """Rows that wait to be decoded or encoded by one run's model.

    Attributes:
        loaded: the run.
        rows: codes ``(M, L)``, or images ``(M, C, H, W)``.
        labels: classes, shape ``(M,)``, or weights of them, ``(M, n_classes)``, for a model that needs them.
        answer: what those who asked wait for.
    """

    loaded: LoadedRun
    rows: NDArray[Any]
    labels: Labels | ClassWeights | None
    answer: "Future[Any]" = field(default_factory=Future)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def batch(self) -> tuple[int, str, int]:
        """What it shares with the requests that it can be done together with: classes do not join with weights."""
        return id(self.loaded), self.kind, 0 if self.labels is None else self.labels.ndim

    @property
    @abstractmethod
    def kind(self) -> str:
        """What is done with the rows."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DecodeRequest(Request):
    """Codes to decode.

    Attributes:
        has_trust: whether it is answered with ``ImagesWithReliability``, not with the images alone.
    """

    has_reliability: bool = False

    @property
    def kind(self) -> str:
        """Decoding; with reliability in batches of its own, so that images alone never wait for it."""
        return "trust" if self.has_reliability else "decode"


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EncodeRequest(Request):
    """Images to encode."""

    @property
    def kind(self) -> str:
        """Encoding."""
        return "encode"


def answer(requests: Sequence[Request]) -> None:
    """Do requests of one ``Request.batch`` together, and hand out the results or the error."""
    # A request may have been given up (a closed connection); once it runs it can no longer be.
    requests = [request for request in requests if request.answer.set_running_or_notify_cancel()]
    if not requests:
        return
    try:
        results = _encode(requests) if requests[0].kind == "encode" else _decode(requests)
    except Exception as error:  # the thread must outlive any one request; the error goes to those who asked
        for request in requests:
            request.answer.set_exception(error)
        return
    for request, result in zip(requests, results, strict=True):
        request.answer.set_result(result)


def _encode(requests: Sequence[Request]) -> list[Floats]:
    from explorer.analysis.coding import encode_images

    codes = encode_images(requests[0].loaded.model, *_joined(requests))
    return [codes[start : start + len(request)] for start, request in _starts(requests)]


def _decode(requests: Sequence[Request]) -> list[Images | ImagesWithReliability]:
    from explorer.analysis.coding import as_pixels, decoded_means

    codes, labels = _joined(requests)
    means = decoded_means(requests[0].loaded.model, codes, labels)
    images = as_pixels(means)
    firsts = [
        start for start, request in _starts(requests) if isinstance(request, DecodeRequest) and request.has_reliability
    ]
    reliability = _reliability(requests[0].loaded, codes, labels, means, firsts)
    results: list[Images | ImagesWithReliability] = []
    for start, request in _starts(requests):
        own = images[start : start + len(request)]
        results.append(
            ImagesWithReliability(images=own, reliability=reliability[start]) if start in reliability else own
        )
    return results


def _reliability(
    loaded: LoadedRun, codes: Floats, labels: Labels | None, means: "Tensor", rows: list[int]
) -> "dict[int, Reliability]":
    """Return the reliability of some ``rows`` of a decoded batch; their images are encoded in one batch too."""
    from explorer.analysis.latent.reliability import re_encoded

    if not rows:
        return {}
    own = None if labels is None else labels[rows]
    back = re_encoded(loaded.model, means[rows], own)
    return dict(zip(rows, loaded.reliability_gauge.measure(codes[rows], own, back), strict=True))


def _joined(requests: Sequence[Request]) -> tuple[NDArray[Any], Any]:
    """Return the rows of all requests, and their classes or weights, if they have some."""
    labels: list[NDArray[Any]] = [request.labels for request in requests if request.labels is not None]
    return np.concatenate([request.rows for request in requests]), np.concatenate(labels) if labels else None


def _starts(requests: Sequence[Request]) -> list[tuple[int, Request]]:
    """Pair each request with the row of the batch at which it starts."""
    ends = accumulate(len(request) for request in requests)
    return [(end - len(request), request) for end, request in zip(ends, requests, strict=True)]
