"""A run folder: what is in it, and the only way to read or write it."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import psutil
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError

from explorer.analysis.arrays import Floats
from explorer.analysis.projections.base import Projection, projection_from_arrays
from explorer.analysis.records import MIN_IMAGES, EncodedSet
from explorer.errors import CheckpointError, DataError, MissingFileError
from explorer.files import (
    RESTORE,
    array_bytes,
    fingerprint_of,
    make_folder,
    metadata_of,
    read_arrays,
    read_bounded,
    read_json_text,
    read_metadata,
    read_safetensors_header,
    sync_folder,
    write_atomically,
)
from explorer.models.config import MAX_PARAMETERS
from explorer.runs.codes import changed_since, check_codes, check_fits, model_and_data
from explorer.runs.columns import checked_columns
from explorer.runs.config import RunConfig
from explorer.runs.history import DIVERGED, read_history, write_history
from explorer.runs.live import JobRecord, LiveProgress, place_of
from explorer.runs.timeline import FOLDER as TIMELINE
from explorer.runs.timeline import Timeline, read_timeline
from explorer.strict_json import dump_json, parse_json

if TYPE_CHECKING:
    import torch

    from explorer.models.latent_model import LatentModel

MAX_NAME = 80
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_NAME - 1}}}")
MAX_WEIGHT_BYTES = 4 * MAX_PARAMETERS + 1024 * 1024
MAX_ENCODED_BYTES = 512 * 1024**2
"""260,000 images in 512 dimensions, or a million in 128."""


_Record = TypeVar("_Record", bound=BaseModel)


class Run:
    """A folder with config.json, weights.safetensors and what was computed from them.

    The weights are the best by the validation objective; ``state.safetensors``, if there, is where training stands.
    """

    def __init__(self, path: Path) -> None:
        """Point at the folder ``path``; nothing is read yet."""
        self.path = path
        self._config: RunConfig | None = None
        self.before_replacing: Callable[[], None] = lambda: None
        """Called before weights, state or history replace what is there; what it raises leaves that as it was."""

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def config(self) -> RunConfig:
        """The run's configuration, read once.

        Raises:
            CheckpointError: if config.json is missing, malformed, out of bounds or of another format version.
        """
        if self._config is None:
            self._config = self._read_config()
        return self._config

    def _read_config(self) -> RunConfig:
        path = self.path / "config.json"
        try:
            return RunConfig.model_validate_json(read_json_text(path))
        except MissingFileError as error:
            raise CheckpointError(
                f"{self.name} has no config.json, so it is no run of this explorer. If it was one, restore that file "
                "from a copy; if it never was, it can stay, or be moved out of the folder of runs."
            ) from error
        except ValidationError as error:
            raise CheckpointError(f"{path} is not a valid configuration: {first_problem(error)}") from error

    @classmethod
    def create(
        cls,
        path: Path,
        config: RunConfig,
        weights: Mapping[str, "torch.Tensor"],
        *,
        start: Mapping[str, "torch.Tensor"] | None = None,
    ) -> Self:
        """Make a new run folder at ``path`` that is loadable from its first moment.

        Args:
            path: the folder to make.
            config: of the run.
            weights: initial ones.
            start: weights of another run that training starts from, where it does.

        Raises:
            CheckpointError: if the name is not allowed or the folder exists.
        """
        check_name(path.name)
        exists = f"{path} exists. Choose another name with --name."
        if path.exists():
            raise CheckpointError(exists)
        _clear_staging(path)
        # Of this thread alone: two people may make a run of one name at once, and the app is one process.
        staging = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
        make_folder(staging)
        try:
            run = cls(staging)
            run.save_config(config)
            run.save_weights(weights)
            if start is not None:
                run._save_tensors("start.safetensors", start, {})
            staging.rename(path)  # onto a run that was made meanwhile it fails
        except BaseException as error:
            shutil.rmtree(staging, ignore_errors=True)
            if isinstance(error, OSError) and path.exists():
                raise CheckpointError(exists) from error
            raise
        sync_folder(path.parent)
        return cls(path)

    def save_config(self, config: RunConfig) -> None:
        """Write config.json."""
        write_atomically(self.path / "config.json", config.model_dump_json(indent=2).encode() + b"\n")
        self._config = None

    # Weights and training state

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits of the weights' SHA-256: what encodings and projections are checked against."""
        return fingerprint_of(self.path / "weights.safetensors", MAX_WEIGHT_BYTES)

    def model(self, device: str = "cpu", *, may_have_diverged: bool = False) -> "LatentModel":
        """Return the model with its best weights, in evaluation mode.

        Args:
            device: where it is.
            may_have_diverged: whether weights may be no finite numbers; it then makes no images.

        Raises:
            CheckpointError: if the weights are damaged, do not fit config.json, or are no finite numbers.
            ConfigError: if the configuration asks for an absurd size.
        """
        import torch

        from explorer.models.build import empty_model

        path = self.path / "weights.safetensors"
        model = empty_model(self.config.model)
        weights = self._tensors(path, MAX_WEIGHT_BYTES, device)
        try:
            if any(tensor.dtype != torch.float32 for tensor in weights.values()):
                raise TypeError("weights are not float32")
            model.load_state_dict(weights, assign=True)
        except (RuntimeError, TypeError) as error:
            raise CheckpointError(
                f"The weights in {path} do not fit config.json (family={self.config.model.family}, "
                f"latent_dim={self.config.model.latent_dim}, hidden={list(self.config.model.hidden)}). "
                "One of the two files was replaced: restore it, or delete the run."
            ) from error
        if not may_have_diverged:
            _check_finite(path, model)
        return model.requires_grad_(False).eval()

    def save_weights(self, weights: Mapping[str, "torch.Tensor"]) -> None:
        """Write weights.safetensors from a state dictionary."""
        self._save_tensors("weights.safetensors", weights, {})

    def start(self) -> dict[str, "torch.Tensor"] | None:
        """Return the weights of another run that training started from, or None where it started from none.

        Raises:
            CheckpointError: if start.safetensors is damaged.
        """
        path = self.path / "start.safetensors"
        return self._tensors(path, MAX_WEIGHT_BYTES, "cpu") if path.exists() else None

    def is_finished(self) -> bool:
        """Whether this run was trained to its last epoch, and the state to go on from is not here.

        A run that was killed while its first epoch was saved has no state either, but epochs left to train.
        """
        is_done = len(self.history()) >= self.config.training.epochs
        return is_done and not (self.path / "state.safetensors").exists()

    def state(self) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]] | None:
        """Return the tensors and the numbers that training goes on from, or None where there are none.

        Raises:
            CheckpointError: if state.safetensors is damaged.
        """
        path = self.path / "state.safetensors"
        if not path.exists():
            return None
        try:
            numbers = parse_json(read_metadata(path)["progress"])
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"{path} lacks its numbers ({error!r}). Delete it to train again from the start."
            ) from error
        return self._tensors(path, 4 * MAX_WEIGHT_BYTES, "cpu"), numbers

    def save_state(self, tensors: Mapping[str, "torch.Tensor"], numbers: Mapping[str, Any]) -> None:
        """Write state.safetensors."""
        self._save_tensors("state.safetensors", tensors, {"progress": dump_json(numbers)})

    # History

    def history(self) -> list[dict[str, Any]]:
        """Return a record per epoch; what else is in the file is passed over.

        Raises:
            CheckpointError: if the file is larger than any history, or cannot be read.
        """
        return read_history(self.path).records

    def diverged_in(self) -> int | None:
        """Return the epoch in which training ended because a number was none, or None; going on with it forgets it."""
        return read_history(self.path).diverged_in

    def note_divergence(self, epoch: int) -> None:
        """Write behind the history that training ended in ``epoch`` because a number was none."""
        self.save_history([*self.history(), {"epoch": epoch, DIVERGED: True}])

    def save_history(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write history.jsonl."""
        write_history(self.path, records, before_replacing=self.before_replacing)

    # Training under way

    def progress(self) -> LiveProgress | None:
        """Return what training said last; None where it never said anything that can be read."""
        return _record(self.path / "progress.json", LiveProgress)

    def save_progress(self, progress: LiveProgress) -> None:
        """Write progress.json: whole at any moment, but an end alone is worth waiting for the disk."""
        content = progress.model_dump_json().encode()
        write_atomically(self.path / "progress.json", content, is_lasting=progress.phase.is_end)

    def forget_progress(self) -> None:
        """Remove progress.json."""
        (self.path / "progress.json").unlink(missing_ok=True)

    def job(self) -> JobRecord | None:
        """Return what the app was asked to train; None where it was asked for nothing that can be read.

        What was asked for another folder, whose copy this one is, was not asked for this one.
        """
        job = _record(self.path / "job.json", JobRecord)
        return job if job is not None and job.place == place_of(self.path) else None

    def save_job(self, job: JobRecord) -> None:
        """Write job.json, as what was asked for this folder."""
        here = job.model_copy(update={"place": place_of(self.path)})
        write_atomically(self.path / "job.json", here.model_dump_json().encode())

    def forget_job(self) -> None:
        """Remove job.json."""
        (self.path / "job.json").unlink(missing_ok=True)

    def request_stop(self, pid: int = 0) -> None:
        """Ask whoever trains this run to stop and save, or a process that has not begun yet by its number."""
        write_atomically(self.path / "stop", str(pid).encode(), is_lasting=False)

    def stop_requested(self) -> bool:
        """Whether training was asked to stop."""
        return (self.path / "stop").exists()

    def clear_stop(self, but_for: Collection[int] = ()) -> None:
        """Take back the request to stop, unless it is addressed to one of the processes ``but_for``."""
        path = self.path / "stop"
        try:
            is_kept = read_bounded(path, 20) in {str(pid).encode() for pid in but_for}
        except MissingFileError:
            return
        except CheckpointError:  # no request of ours
            is_kept = False
        if not is_kept:
            path.unlink(missing_ok=True)

    def timeline(self) -> Timeline | None:
        """Return what every epoch made of the same images, or None for a run that was trained without recording it.

        Raises:
            CheckpointError: if its sample is damaged; an epoch is checked when it is read.
        """
        return read_timeline(self.path / TIMELINE, self.config.model)

    # What is computed from the weights

    def encoded(self) -> EncodedSet | None:
        """Return the encoded test set, or None where it was never computed.

        Raises:
            CheckpointError: if it is damaged or was computed with other weights.
        """
        path = self.path / "encoded.safetensors"
        if not path.exists():
            return None
        arrays, metadata = read_arrays(path, MAX_ENCODED_BYTES, self._encode_again)
        self._check_current(path, metadata)
        try:
            encoded = EncodedSet.from_arrays(arrays, fingerprint=metadata["fingerprint"])
            check_fits(encoded, self.config.model)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} is damaged ({error}). {self._encode_again}") from error
        check_codes(path, encoded)
        return encoded

    @property
    def _encode_again(self) -> str:
        return f"Make it anew: python -m explorer encode {self.name}"

    def save_encoded(self, encoded: EncodedSet) -> None:
        """Write encoded.safetensors: codes in float16, the rest in float32 and the labels in the least integer type."""
        elbo = encoded.elbo()
        metadata = {"fingerprint": encoded.fingerprint, "elbo": "" if elbo is None else f"{elbo:.4f}"}
        metadata |= model_and_data(self.config)
        write_atomically(self.path / "encoded.safetensors", array_bytes(encoded.to_arrays(), metadata))

    def test_elbo(self) -> float | None:
        """Return the mean ELBO of the encoded test set in nats, from the file's header; it may be infinite, or NaN.

        None where there is no encoded set, or no bound.

        Raises:
            CheckpointError: if the header is damaged, or of codes that are not those of this model and its weights.
        """
        path = self.path / "encoded.safetensors"
        if not path.exists():
            return None
        header = read_safetensors_header(path, self._encode_again)
        try:
            metadata, (n, width) = metadata_of(header), header["mu"]["shape"]
            elbo = float(metadata["elbo"]) if metadata["elbo"] else None
            is_fitting = width == self.config.model.latent_dim and n >= MIN_IMAGES
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} lacks its metadata. {self._encode_again}") from error
        if not is_fitting:
            raise CheckpointError(
                f"{path} has {n} codes of {width} dimensions; config.json says {self.config.model.latent_dim}, and "
                f"a map takes {MIN_IMAGES} images. {self._encode_again}"
            )
        self._check_current(path, metadata)
        return elbo

    def projections(self) -> tuple[str, ...]:
        """Return the methods whose projections are stored, sorted; those of other weights than now do not count."""
        stored = (self.path / "projections").glob("*.safetensors")
        return tuple(sorted(path.stem for path in stored if self._is_current(path)))

    def _is_current(self, path: Path) -> bool:
        """Whether a file was computed with these weights; a damaged one counts: reading it tells what is wrong."""
        try:
            return read_metadata(path).get("fingerprint") == self.fingerprint()
        except CheckpointError:
            return True

    def projection(self, method: str) -> Projection | None:
        """Return the stored projection by ``method``, or None where there is none.

        Raises:
            CheckpointError: if it is damaged or was computed with other weights.
        """
        path = self.path / "projections" / f"{check_name(method)}.safetensors"
        if not path.exists():
            return None
        again = f"Make it anew: python -m explorer project {self.name} --method {method}"
        arrays, metadata = read_arrays(path, MAX_ENCODED_BYTES, again)
        self._check_current(path, metadata)
        try:
            encoded = self.encoded()
            if encoded is None:
                raise ValueError("the codes that it is a map of are not there")
            projection = projection_from_arrays(arrays, metadata, encoded.mu)
            if projection.method != method:
                raise ValueError(f"it is a map by {projection.method[:20]!r}")
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{path} is damaged ({error}). Run: python -m explorer project {self.name} --method {method}"
            ) from error
        return projection

    def save_projection(self, projection: Projection) -> None:
        """Write projections/<method>.safetensors."""
        folder = self.path / "projections"
        make_folder(folder, with_parents=False)
        arrays, metadata = projection.to_arrays()
        metadata["fingerprint"] = self.fingerprint()
        write_atomically(folder / f"{projection.method}.safetensors", array_bytes(arrays, metadata))

    # What people bring along

    def columns(self) -> dict[str, Floats]:
        """Return the numbers that a person brought for each encoded image, by name; none where none were brought.

        Raises:
            CheckpointError: if they are damaged, or of another number of images than are encoded.
        """
        path, encoded = self.path / "columns.safetensors", self.encoded()
        if encoded is None or not path.exists():
            return {}
        try:
            return checked_columns(
                read_arrays(path, MAX_ENCODED_BYTES, "Bring the file of numbers again.")[0], len(encoded)
            )
        except DataError as error:
            raise CheckpointError(f"{path}: {error}") from error

    def save_columns(self, columns: Mapping[str, Floats]) -> None:
        """Write columns.safetensors: a float32 for each encoded image and column; without any, take the file away."""
        path = self.path / "columns.safetensors"
        if columns:
            write_atomically(path, array_bytes(columns, {"lines": "encoded images"}))
        else:
            path.unlink(missing_ok=True)

    def _check_current(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Refuse what was computed with other weights, or, as far as it says, of another model or data set."""
        again = f"Run: python -m explorer encode {self.name}, then project it again."
        if metadata.get("fingerprint") != self.fingerprint():
            raise CheckpointError(f"{path} was computed with other weights than {self.name} has now. {again}")
        changed = changed_since(metadata, self.config)
        if changed:
            raise CheckpointError(
                f"{path} was computed when config.json said {changed}. Put that back, or make it anew. {again}"
            )

    def _tensors(self, path: Path, max_bytes: int, device: str) -> dict[str, "torch.Tensor"]:
        from safetensors.torch import load

        content = read_bounded(path, max_bytes)
        try:
            tensors: dict[str, torch.Tensor] = load(content)
        except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"{path} is damaged ({error}). {RESTORE}") from error
        return {name: tensor.to(device) for name, tensor in tensors.items()}

    def _save_tensors(self, file: str, tensors: Mapping[str, "torch.Tensor"], metadata: dict[str, str]) -> None:
        from safetensors.torch import save

        plain = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
        write_atomically(self.path / file, save(plain, metadata), before_replacing=self.before_replacing)


def _clear_staging(path: Path) -> None:
    """Remove what processes left that were killed while they made a run at ``path``."""
    for leftover in path.parent.glob(f".{path.name}.*.new"):
        maker = leftover.name.removeprefix(f".{path.name}.").partition("-")[0]
        if not (maker.isdecimal() and psutil.pid_exists(int(maker))):
            shutil.rmtree(leftover, ignore_errors=True)


def check_name(name: str) -> str:
    """Return ``name`` if it may name a run or a projection.

    Raises:
        CheckpointError: if it is empty, too long, or has anything but letters, digits, '.', '_' and '-'.
    """
    if not NAME.fullmatch(name):
        raise CheckpointError(
            f"{name[:100]!r} cannot name a run: use up to 80 letters, digits, '.', '_' or '-', "
            "beginning with a letter or a digit."
        )
    return name


def first_problem(error: ValidationError) -> str:
    """Return the first thing that pydantic found wrong, as a sentence with its field and value."""
    problem = error.errors(include_url=False)[0]
    field = "".join(f"{part}." for part in problem["loc"]).removesuffix(".")
    # What is no JSON is whatever a file holds, which may be none of ours: it is not repeated.
    is_value = not isinstance(problem["input"], dict) and problem["type"] != "json_invalid"
    value = f" (got {str(problem['input'])[:60]!r})" if is_value else ""
    return f"{field}{': ' if field else ''}{problem['msg'].removeprefix('Value error, ')}{value}."


def _check_finite(path: Path, model: "LatentModel") -> None:
    lost = [name for name, tensor in model.state_dict().items() if not bool(tensor.isfinite().all())]
    if lost:
        raise CheckpointError(
            f"{path} has weights that are not finite numbers, in {lost[0][:80]}: the model has diverged, or the file "
            "was changed. Restore it, or train the run anew with a smaller learning rate."
        )


def _record(path: Path, form: type[_Record]) -> _Record | None:
    try:
        return form.model_validate_json(read_json_text(path))
    except (CheckpointError, ValidationError):
        return None
