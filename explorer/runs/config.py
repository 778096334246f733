"""The whole configuration of a run, as it stands in its config.json."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from explorer.models.config import ModelConfig
from explorer.objectives.config import ObjectiveConfig

FORMAT_VERSION = 1

Binarisation = Literal["none", "fixed", "per-presentation"]
Schedule = Literal["constant", "cosine"]


class TrainingConfig(BaseModel):
    """How a model is trained, and on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = Field(max_length=100, description="Name of the data set in the catalogue.")
    epochs: int = Field(20, ge=1, le=100_000, description="Passes over the training images.")
    batch_size: int = Field(128, ge=1, le=65_536, description="Images per step, over all processes.")
    learning_rate: float = Field(1e-3, gt=0.0, le=10.0, description="Step size of Adam.")
    schedule: Schedule = Field("constant", description="constant, or cosine: the step size falls to zero at the end.")
    seed: int = Field(0, ge=0, lt=2**31, description="Fixes initial weights, order of images and noise.")
    binarisation: Binarisation = Field(
        "none", description="Draw pixels as 0 or 1: none, fixed (once), or anew at each presentation."
    )
    objective: ObjectiveConfig = Field(default_factory=ObjectiveConfig, description="What is maximised.")


class RunConfig(BaseModel):
    """A run: a model and how it is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = FORMAT_VERSION
    model: ModelConfig
    training: TrainingConfig

    @model_validator(mode="before")
    @classmethod
    def _version_is_known(cls, value: Any) -> Any:
        version = value.get("format_version", FORMAT_VERSION) if isinstance(value, dict) else FORMAT_VERSION
        if version != FORMAT_VERSION:
            raise ValueError(
                f"format_version is {version!r:.60}; this program reads {FORMAT_VERSION}. "
                "The run was written by another version: use that one, or train again"
            )
        return value

    @property
    def is_binary(self) -> bool:
        """Whether the model is trained and scored on binarised pixels."""
        return self.training.binarisation != "none"

    def cautions(self) -> list[str]:
        """Return what a person should know before believing this run's numbers, a sentence each."""
        cautions = []
        if self.model.likelihood == "bernoulli" and not self.is_binary:
            cautions.append(
                "Grey pixels under a Bernoulli are not a likelihood of the data: the ELBO is comparable only with runs "
                "of the same kind. Binarise the pixels, or use the continuous Bernoulli."
            )
        if self.model.family != "ae" and not self.training.objective.is_bound:
            cautions.append(
                f"With beta = {self.training.objective.beta:g} below 1 the objective is not a bound on log p(x)."
            )
        return cautions


DEFAULT_HIDDEN = {"dense": (512, 256), "conv": (32, 64, 128)}


def new_config(
    data: str, image_shape: tuple[int, ...], n_classes: int, *, model: Mapping[str, Any], training: Mapping[str, Any]
) -> RunConfig:
    """Return a configuration for a data set from what a person chose; what is None or left out takes its default.

    The defaults that depend on other choices are decided here: widths by the network, the likelihood by the family
    (a squared error for an autoencoder), and binarised pixels wherever the likelihood is Bernoulli.

    Raises:
        pydantic.ValidationError: if a choice is out of bounds or does not go with another.
    """
    chosen = {name: value for name, value in model.items() if value is not None}
    family = chosen.get("family", "vae")
    chosen.setdefault("hidden", DEFAULT_HIDDEN.get(chosen.get("network", "dense"), DEFAULT_HIDDEN["dense"]))
    chosen.setdefault("likelihood", "gaussian" if family == "ae" else "bernoulli")
    chosen["image_shape"] = image_shape
    chosen["n_classes"] = n_classes if family == "cvae" else None
    trained = {name: value for name, value in training.items() if value is not None} | {"data": data}
    trained.setdefault("binarisation", "per-presentation" if chosen["likelihood"] == "bernoulli" else "none")
    return RunConfig.model_validate({"model": chosen, "training": trained})
