"""Where classifiers are kept: ``_judges/DATA.safetensors`` beside the runs. Its only reader and writer.

A classifier belongs to a data set, not to a run. So where a folder of runs has none, the one that comes with the
project serves it too. The folder's name is none that a run can have, and no dot hides it from git.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError

from explorer.errors import CheckpointError
from explorer.files import make_folder, read_bounded, read_metadata, write_atomically
from explorer.locations import SHIPPED
from explorer.models.config import Channels, Side
from explorer.runs.run import check_name, first_problem

if TYPE_CHECKING:
    from typing import Self

    from explorer.models.classifier import Classifier

FOLDER = "_judges"
FORMAT_VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
MAX_CLASSES = 1000
"""Classes that a classifier may tell apart: its last layer is 65 numbers for each."""

N_SEEN = 400_000
"""Images that a classifier is shown in training, each epoch's counted anew."""

MIN_EPOCHS, MAX_EPOCHS = 4, 60
"""Of a large data set and of a small one."""

BATCH = 128

SECONDS_BEFORE = 5.0
SECONDS_PER_STEP = 4e-3
SECONDS_PER_VALUE = 1.2e-5
"""Until the first step, of a step, and in it for each value of an image, on two cores: for an estimate."""


class ClassifierFacts(BaseModel):
    """What is known of a classifier.

    Attributes:
        format_version: of the file.
        data: the data set that it was trained on.
        image_shape: ``(C, H, W)`` of its images.
        n_classes: classes that it tells apart.
        n_test: test images that it was asked about after training.
        n_right: of them that it read as their class.
        seed: of its first weights and of the order of images.
        epochs: that it was trained for.
        seconds: that this took.
        images: 16 hexadecimal digits of its training images; empty where they are not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Annotated[int, Field(ge=FORMAT_VERSION, le=FORMAT_VERSION)] = FORMAT_VERSION
    data: Annotated[str, Field(min_length=1, max_length=80)]
    image_shape: tuple[Channels, Side, Side]
    n_classes: Annotated[int, Field(ge=2, le=MAX_CLASSES)]
    n_test: Annotated[int, Field(ge=1)]
    n_right: Annotated[int, Field(ge=0)]
    seed: Annotated[int, Field(ge=0)]
    epochs: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(ge=0)]
    images: Annotated[str, Field(pattern="^([0-9a-f]{16})?$")] = ""

    @model_validator(mode="after")
    def _check_counts(self) -> "Self":
        if self.n_right > self.n_test:
            raise ValueError(f"n_right={self.n_right} is more than n_test={self.n_test}")
        return self

    @property
    def accuracy(self) -> float:
        """Share of the test images that it reads as their class, in [0, 1]."""
        return self.n_right / self.n_test


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EvaluationClassifier:
    """A trained classifier, in evaluation mode, and what is known of it."""

    facts: ClassifierFacts
    network: "Classifier"


def n_epochs(n_train: int) -> int:
    """Return the epochs in which a classifier sees about ``N_SEEN`` images, of ``n_train``."""
    return min(max(round(N_SEEN / n_train), MIN_EPOCHS), MAX_EPOCHS)


def expected_seconds(n_train: int, image_shape: tuple[int, int, int]) -> float:
    """Return about how many seconds training a classifier takes on two cores."""
    channels, height, width = image_shape
    n_steps = n_epochs(n_train) * max(n_train // BATCH, 1)
    # The first convolution costs by channels; those behind it by places alone.
    values = (channels + 2) / 3 * height * width
    return SECONDS_BEFORE + n_steps * (SECONDS_PER_STEP + SECONDS_PER_VALUE * values)


def classifier_path(data: str, checkpoints: Path) -> Path:
    """Return where the classifier of the data set ``data`` is kept in ``checkpoints``, whether it is there or not.

    Raises:
        CheckpointError: if no data set can have that name.
    """
    return checkpoints / FOLDER / f"{check_name(data)}.safetensors"


def find_classifier(data: str, checkpoints: Path, *, shipped: Path = SHIPPED) -> Path | None:
    """Return the file of the classifier of ``data``: that of ``checkpoints``, else the ``shipped`` one, or None."""
    return next((path for folder in (checkpoints, shipped) if (path := classifier_path(data, folder)).is_file()), None)


def read_facts(path: Path) -> ClassifierFacts:
    """Return what a classifier's file says of it; its weights are not read.

    Raises:
        CheckpointError: if it is missing, damaged, or of another version.
    """
    try:
        return ClassifierFacts.model_validate_json(read_metadata(path, _again(path))["judge"])
    except (KeyError, ValidationError) as error:
        what = first_problem(error) if isinstance(error, ValidationError) else "it does not say whose."
        raise CheckpointError(f"{path} holds no judge: {what} {_again(path)}") from error


def read_classifier(path: Path) -> EvaluationClassifier:
    """Return the classifier of a file.

    Raises:
        CheckpointError: as ``read_facts``, or if it is too large, or its weights are damaged or do not fit what it says
            of itself.
    """
    import torch
    from safetensors.torch import load

    from explorer.models.classifier import Classifier

    content, facts = read_bounded(path, MAX_BYTES, _again(path)), read_facts(path)
    with torch.device("meta"):
        network = Classifier(facts.image_shape, facts.n_classes)
    expected = {name: tensor.dtype for name, tensor in network.state_dict().items()}
    try:
        weights = load(content)
        if {name: tensor.dtype for name, tensor in weights.items()} != expected:
            raise TypeError("other names or types of weights")
        if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
            raise ValueError("weights that are not finite numbers")
        network.load_state_dict(weights, assign=True)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"The weights in {path} are not those of a judge of {facts.n_classes} classes of {facts.image_shape} "
            f"images. {_again(path)}"
        ) from error
    return EvaluationClassifier(facts=facts, network=network.requires_grad_(False).eval())


def save_classifier(checkpoints: Path, classifier: EvaluationClassifier) -> Path:
    """Keep ``classifier`` in ``checkpoints``, in place of an older one of its data set, and return its file.

    Raises:
        CheckpointError: if it cannot be written.
    """
    from safetensors.torch import save

    path = classifier_path(classifier.facts.data, checkpoints)
    make_folder(path.parent)
    weights = {name: tensor.detach().contiguous().cpu() for name, tensor in classifier.network.state_dict().items()}
    write_atomically(path, save(weights, {"judge": classifier.facts.model_dump_json()}))
    return path


def _again(path: Path) -> str:
    return f"Train it again: python -m explorer judge --data {path.stem} --again"
