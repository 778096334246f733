"""The decode service: one thread that decodes, or encodes, what arrives together in one batch."""

import queue
import threading
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from explorer.analysis.arrays import Floats, Images, Labels
from explorer.errors import ExplorerError, ServingError
from explorer.runs.listing import default_run, list_runs
from explorer.serving.batches import ClassWeights, DecodeRequest, EncodeRequest, ImagesWithReliability, Request, answer
from explorer.serving.run_cache import LoadedRun, RunCache

MAX_CODES = 1024
"""Codes in one request, and about as many as are joined into one batch."""

MAX_COORDINATE = 1e6
"""Beyond this float32 networks overflow; the data lie within a few units of 0."""

SUM_TOLERANCE = 1e-3
"""By how much weights of classes may miss 1 in sum: float32 rounds them."""

MAX_IMAGES = 64
"""Images in one request to encode."""


class DecodeService:
    """Decodes codes and encodes images of any run under a folder. Safe to call from any thread."""

    def __init__(self, checkpoints: Path) -> None:
        """Serve the runs under ``checkpoints``; the thread starts with the first request."""
        self.run_cache = RunCache(checkpoints)
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def decode(self, run: str | LoadedRun, codes: Floats, labels: Labels | ClassWeights | None = None) -> Images:
        """Return the mean image of p(x|z) for each code, uint8 of shape ``(M, C, H, W)``; waits for it.

        Raises:
            ExplorerError: see ``submit``.
        """
        return self.submit(run, codes, labels).result()

    def submit(
        self, run: str | LoadedRun, codes: Floats, labels: Labels | ClassWeights | None = None
    ) -> "Future[Images]":
        """Ask for the images of ``codes``, shape ``(M, L)``, in classes ``labels``, shape ``(M,)``; do not wait.

        Only a model that is not in memory yet is waited for: it is read first.

        Between classes, ``labels`` may be float32 weights of all of them, shape ``(M, n_classes)``, rows that sum to 1.

        Raises:
            CheckpointError: if there is no such run.
            ServingError: if codes or labels are not what the run's model takes.
        """
        return self._put(DecodeRequest(loaded=self._checked(run, codes, labels), rows=codes, labels=labels))

    def submit_with_reliability(
        self, run: str | LoadedRun, codes: Floats, labels: Labels | None = None
    ) -> "Future[ImagesWithReliability]":
        """Ask for the images of ``codes``, as ``submit`` does, and how far the first can be believed; do not wait.

        Raises:
            CheckpointError: if there is no such run.
            ProjectionError: if it has no encoded set to classifier by.
            ServingError: if codes or labels are not what the run's model takes.
        """
        loaded = self._checked(run, codes, labels)
        _check_whole(labels)
        _ = loaded.encoded  # a run without one is refused here, not in the batch of others
        return self._put(DecodeRequest(loaded=loaded, rows=codes, labels=labels, has_reliability=True))

    def submit_images(self, run: str | LoadedRun, images: Images, labels: Labels | None = None) -> "Future[Floats]":
        """Ask for the codes (means of q(z|x)), shape ``(M, L)``, of uint8 ``images`` ``(M, C, H, W)``; do not wait.

        Raises:
            CheckpointError: if there is no such run.
            ServingError: if the model has no encoder, or images or labels are not what it takes.
        """
        loaded = self._loaded(run)
        _check_images(loaded, images)
        _check_labels(loaded, labels, len(images))
        _check_whole(labels)
        return self._put(EncodeRequest(loaded=loaded, rows=images, labels=labels))

    def codes_at(
        self,
        run: str | LoadedRun,
        points: Floats,
        space: str,
        dims: tuple[int, int] = (0, 1),
        reference: int | None = None,
    ) -> Floats:
        """Return the codes, shape ``(M, L)``, at ``points``, shape ``(M, 2)``, of the map ``space``.

        Args:
            run: the run, or its name.
            points: map coordinates.
            space: the projection.
            dims: the two dimensions of a plane.
            reference: row of the encoded set that gives the rest of z; None for the mean code.

        Raises:
            ExplorerError: if there is no such run, map or row, or a point is not finite.
        """
        loaded = self._loaded(run)
        if not np.isfinite(points).all() or np.abs(points).max(initial=0) > MAX_COORDINATE:
            raise ServingError(f"A point is not a finite number within {MAX_COORDINATE:g}: point inside the map.")
        projection = loaded.projection(space, *dims)
        return projection.inverse(points, reference_code(loaded, reference))

    def _checked(self, run: str | LoadedRun, codes: Floats, labels: Labels | ClassWeights | None) -> LoadedRun:
        loaded = self._loaded(run)
        _check_codes(loaded, codes)
        _check_labels(loaded, labels, len(codes))
        return loaded

    def _loaded(self, run: str | LoadedRun) -> LoadedRun:
        return self.run_cache.run(run) if isinstance(run, str) else run

    def _put(self, request: Request) -> "Future[Any]":
        try:
            # Read by who asks: weights that never come would keep the thread that decodes from all other runs.
            _ = request.loaded.model
        except Exception as error:  # it belongs to who waits for the answer, as what goes wrong in the batch does
            request.answer.set_exception(error)
            return request.answer
        self._requests.put(request)
        self._ensure_thread()
        return request.answer

    def warm(self, name: str) -> None:
        """Load the model of the run called ``name`` and decode once, so that the first person need not wait."""
        loaded = self.run_cache.run(name)
        loaded.projection("plane")
        n_dims = loaded.config.model.latent_dim
        labels = np.zeros(1, np.int64) if loaded.config.model.n_classes else None
        self.submit_with_reliability(name, np.zeros((1, n_dims), np.float32), labels)

    def _ensure_thread(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="decode", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        import torch

        # One image is 0.1 ms of work: a second thread costs more than it brings, and the browser needs a core.
        torch.set_num_threads(1)
        while True:
            batch = self._next_batch()
            for _, group in groupby(batch, key=lambda request: request.batch):
                answer(list(group))

    def _next_batch(self) -> list[Request]:
        batch = [self._requests.get()]
        n_rows = len(batch[0])
        while n_rows < MAX_CODES:
            try:
                batch.append(self._requests.get_nowait())
            except queue.Empty:
                break
            n_rows += len(batch[-1])
        return sorted(batch, key=lambda request: request.batch)


def reference_code(loaded: LoadedRun, reference: int | None) -> Floats:
    """Return the code that gives the rest of z: that of row ``reference``, or the mean code; shape ``(L,)``.

    Raises:
        ServingError: if there is no such row.
    """
    if reference is None:
        return loaded.mean_code
    encoded = loaded.encoded
    if not 0 <= reference < len(encoded):
        raise ServingError(f"Row {reference} is not in the encoded set: choose one of 0 to {len(encoded) - 1}.")
    row: Floats = encoded.mu[reference]
    return row


def warm_default(service: DecodeService) -> None:
    """Warm the run that the app shows first; what is wrong with it is told by the page that shows it."""
    with suppress(ExplorerError):
        name = default_run(list_runs(service.run_cache.checkpoints))
        if name is not None:
            service.warm(name)


@lru_cache(maxsize=4)
def decode_service(checkpoints: Path) -> DecodeService:
    """Return the one service of this process for ``checkpoints``."""
    return DecodeService(checkpoints)


def _check_codes(loaded: LoadedRun, codes: Floats) -> None:
    n_dims = loaded.config.model.latent_dim
    if codes.ndim != 2 or codes.shape[1] != n_dims or not 1 <= len(codes) <= MAX_CODES:
        raise ServingError(
            f"Codes have shape {codes.shape}; {loaded.run.name} decodes 1 to {MAX_CODES} codes of {n_dims} numbers."
        )
    if not np.isfinite(codes).all() or np.abs(codes).max() > MAX_COORDINATE:
        raise ServingError(f"A code has a number that is not finite or is beyond {MAX_COORDINATE:g}; send finite ones.")


def _check_images(loaded: LoadedRun, images: Images) -> None:
    if not loaded.config.model.can_encode:
        raise ServingError(f"{loaded.run.name} is a GAN: it has no encoder, so no image has a code. Use another model.")
    shape = loaded.config.model.image_shape
    if images.dtype != np.uint8 or images.shape[1:] != shape or not 1 <= len(images) <= MAX_IMAGES:
        raise ServingError(
            f"Images are {images.dtype} of shape {images.shape}; {loaded.run.name} encodes 1 to {MAX_IMAGES} images "
            f"of uint8, each of shape {shape}."
        )


def _check_labels(loaded: LoadedRun, labels: Labels | ClassWeights | None, n_codes: int) -> None:
    n_classes = loaded.config.model.n_classes
    if n_classes is None:
        if labels is not None:
            raise ServingError(f"{loaded.run.name} is not conditional: it decodes without a class. Leave out label.")
        return
    if labels is None:
        raise ServingError(f"{loaded.run.name} decodes given a class: add label, 0 to {n_classes - 1}.")
    if labels.dtype.kind == "f":
        _check_weights(loaded, labels, (n_codes, n_classes))
    elif labels.shape != (n_codes,) or labels.min() < 0 or labels.max() >= n_classes:
        wrong = next((label for label in labels.ravel().tolist() if not 0 <= label < n_classes), len(labels))
        raise ServingError(f"Class {wrong} does not exist in {loaded.run.name}: use 0 to {n_classes - 1}.")


def _check_weights(loaded: LoadedRun, weights: Labels | ClassWeights, shape: tuple[int, int]) -> None:
    if weights.shape != shape or weights.dtype != np.float32:
        raise ServingError(
            f"Weights of classes are {weights.dtype} of shape {weights.shape}; {loaded.run.name} takes float32 of "
            f"shape {shape}: a row for each code, a column for each class."
        )
    # Said of what is right, so that NaN is wrong.
    is_right = (weights >= 0).all(axis=1) & (np.abs(weights.sum(axis=1) - 1) <= SUM_TOLERANCE)
    if not is_right.all():
        row = int(is_right.argmin())
        raise ServingError(
            f"The weights of code {row} are {weights[row].round(3).tolist()}; use some that are not negative and sum "
            "to 1."
        )


def _check_whole(labels: Labels | ClassWeights | None) -> None:
    """Refuse weights where only a class will do: an image is of one, and so are those that a code is compared with."""
    if labels is not None and labels.ndim != 1:
        raise ServingError("Only decoding takes weights of classes: give a class for each image or code.")
