"""The whole configuration of a run, as it stands in its config.json."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from explorer.models.config import LIKELIHOODS, POSTERIORS, WITHOUT_ENCODER, WITHOUT_PRIOR, LikelihoodFacts, ModelConfig
from explorer.objectives.config import ObjectiveConfig

FORMAT_VERSION = 1
MAX_EPOCHS = 100_000

Binarisation = Literal["none", "fixed", "per-presentation"]
Schedule = Literal["constant", "cosine", "iwae-2016"]
OptimiserName = Literal["adam", "sgd", "adagrad"]
EM = Literal["joint", "alternating", "aggressive"]


class TrainingConfig(BaseModel):
    """How a model is trained, and on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = Field(max_length=100, description="Name of the data set in the catalogue.")
    epochs: int = Field(20, ge=1, le=MAX_EPOCHS, description="Passes over the training images.")
    batch_size: int = Field(128, ge=1, le=65_536, description="Images per step, over all processes.")
    optimiser: OptimiserName = Field("adam", description="adam, sgd or adagrad.")
    learning_rate: float = Field(1e-3, gt=0.0, le=10.0, description="Step size of the optimiser.")
    epsilon: float = Field(
        1e-8, gt=0.0, le=1.0, description="What adam and adagrad add to the root of their second moment."
    )
    weight_decay: float = Field(
        0.0, ge=0.0, le=1.0, description="Pull of every weight to 0: a normal prior over weights has 1 / images."
    )
    max_gradient_norm: float | None = Field(
        None,
        gt=0.0,
        le=1e6,
        description="Gradients longer than this are shortened to it, in nats; not at all if left out.",
    )
    schedule: Schedule = Field(
        "constant",
        description="constant, cosine (the step size falls to zero at the end) or iwae-2016 (times 10^(-i/7) for 3^i "
        "epochs, i = 0 to 7).",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Fixes initial weights, order of images and noise.")
    binarisation: Binarisation = Field(
        "none",
        description="Draw pixels as 0 or 1: none, fixed (once), or anew each time (per-presentation).",
    )
    em: EM = Field(
        "joint",
        description="joint (encoder and decoder together), alternating (encoder-steps to one step of the decoder) or "
        "aggressive (the encoder to a standstill before each step of the decoder, until its codes gain no more "
        "information).",
    )
    encoder_steps: int = Field(5, ge=1, le=1000, description="Encoder steps per decoder step, where they alternate.")
    decoder_from: str | None = Field(
        None, max_length=80, description="Run whose decoder training starts from: a vae's goes on as a gan, or back."
    )
    gradient_penalty: float = Field(
        1.0, ge=0.0, le=1000.0, description="Weight of the critic's squared gradient at real images, for a gan."
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

    @model_validator(mode="after")
    def _objective_goes_with_the_model(self) -> Self:
        family, objective = self.model.family, self.training.objective
        if not self.model.has_bound and objective != ObjectiveConfig():
            raise ValueError(
                f"family {family!r} has no bound, so estimator, samples, beta, schedules and free bits have nothing to "
                "act on; leave them out, or choose family 'vae'"
            )
        if not self.model.has_bound and self.training.em != "joint":
            raise ValueError(
                f"family {family!r} has no posterior and prior to take turns with; use em 'joint', or family 'vae'"
            )
        needs_dimensions = objective.free_bits in {"per-dimension", "batch-mean"}
        if needs_dimensions and not POSTERIORS[self.model.posterior].factorises:
            raise ValueError(
                f"free_bits {objective.free_bits!r} needs a KL for each dimension, which a {self.model.posterior} "
                "posterior does not have; use 'per-example'"
            )
        if needs_dimensions and objective.estimator == "sgvb-a":
            raise ValueError(
                f"free_bits {objective.free_bits!r} needs a KL for each dimension, and sgvb-a samples it whole; use "
                "'per-example', or estimator 'sgvb-b'"
            )
        return self

    @model_validator(mode="after")
    def _pixels_go_with_the_critic(self) -> Self:
        if self.model.family == "gan" and self.is_binary:
            raise ValueError(
                "a gan makes grey images, and its critic would tell them from binarised ones at a glance; use "
                "binarisation 'none'"
            )
        return self

    @property
    def is_binary(self) -> bool:
        """Whether the model is trained and scored on binarised pixels."""
        return self.training.binarisation != "none"

    def cautions(self) -> list[str]:
        """Return what a person should know before believing this run's numbers, a sentence each."""
        model, objective = self.model, self.training.objective
        likelihood = LIKELIHOODS[model.likelihood]
        n_numbers = math.prod(model.image_shape)
        is_constant = objective.kl_schedule == "constant"
        reached = objective.beta * (1 if is_constant else min(1, self.training.epochs / objective.ramp_epochs))
        cautions = {
            "Grey pixels under a Bernoulli are not a likelihood of the data: its nats are comparable only with runs "
            "of the same kind. Binarise the pixels, or use the continuous Bernoulli.": (
                likelihood.is_probability and not self.is_binary and model.family != "gan"
            ),
            "A density over pixels that are only 0 or 1 measures how narrow it was made, not the data: use the "
            "Bernoulli for binarised pixels.": not likelihood.is_probability and self.is_binary,
            f"With beta = {objective.beta:g} below 1 the objective is not a bound on log p(x).": (
                model.has_bound and not objective.is_bound
            ),
            f"While beta rises to {objective.beta:g} the training objective is not a bound on log p(x); validation "
            "always uses the full beta.": objective.kl_schedule != "constant"
            and objective.is_bound
            and reached == objective.beta,
            f"In {self.training.epochs} epochs beta reaches only {reached:.2g} of {objective.beta:g}: it rises over "
            f"ramp_epochs, {objective.ramp_epochs:g}.": objective.is_bound and reached < objective.beta,
            f"Every q(z|x) of the {model.posterior} family covers only a part of the prior's support: an "
            "importance-weighted bound converges to log p(x) + log P(z in that part given x), not to log p(x).": (
                not POSTERIORS[model.posterior].covers
            ),
            f"A gan makes the means of its likelihood: what {model.likelihood} has beside them is not trained.": (
                model.family == "gan" and likelihood.deviation == "learned"
            ),
            f"{model.latent_dim} latent dimensions for images of {n_numbers} numbers: a code can hold all of an image, "
            "and need not learn what images share.": model.latent_dim >= n_numbers,
            f"A student-t with {model.degrees_of_freedom:g} degrees of freedom has no variance: codes far out are "
            "common, and averages over samples settle slowly. Above 2 it has one.": (
                model.posterior == "student-t" and model.degrees_of_freedom <= 2
            ),
        }
        return [caution for caution, applies in cautions.items() if applies]


def idle_reasons(values: Mapping[str, Any]) -> dict[str, str]:
    """Return, for each field that changes nothing beside ``values``, what it is for; ``values`` has every field."""
    family, likelihood = values["family"], LIKELIHOODS.get(values["likelihood"], LikelihoodFacts())
    needs = {
        "rank": (likelihood.has_rank, "likelihood 'gaussian-low-rank'"),
        "sigma": (likelihood.deviation != "none", "a gaussian likelihood"),
        "degrees_of_freedom": (values["posterior"] == "student-t", "posterior 'student-t'"),
        "encoder_steps": (values["em"] == "alternating", "em 'alternating'"),
        "gradient_penalty": (family == "gan", "family 'gan'"),
        "epsilon": (values["optimiser"] != "sgd", "optimiser 'adam' or 'adagrad'"),
        "ramp_epochs": (values["kl_schedule"] != "constant", "kl_schedule 'warm-up' or 'cyclic'"),
        "free_nats": (values["free_bits"] != "none", "free_bits"),
    }
    if family in {*WITHOUT_PRIOR, *WITHOUT_ENCODER}:
        needs |= dict.fromkeys(_OF_A_BOUND, (False, "family 'vae' or 'cvae'"))
    return {name: what for name, (is_used, what) in needs.items() if not is_used}


_OF_A_BOUND = ("posterior", "degrees_of_freedom", "prior", "em", "encoder_steps", *ObjectiveConfig.model_fields)
"""Fields that a model without a bound on log p(x) has no use for; it refuses them at other values than the default."""


def idle_choices(config: RunConfig, chosen: Collection[str]) -> list[str]:
    """Return a sentence for each field among ``chosen`` that changes nothing in ``config``, and what would need it."""
    return [
        f"{name} changes nothing here: it is for {what}."
        for name, what in idle_reasons(flat(config)).items()
        if name in chosen
    ]


def flat(config: RunConfig) -> dict[str, Any]:
    """Return the fields of ``config``, those of its parts beside each other, by name."""
    model, training, objective = config.model, config.training, config.training.objective
    return {name: getattr(part, name) for part in (model, training, objective) for name in type(part).model_fields}


DEPENDENT_DEFAULTS = {
    "hidden": "512,256 dense; 32,64,128 conv",
    "activation": "relu; leaky-relu for a gan",
    "likelihood": "bernoulli; gaussian for an ae",
    "sigma": "sqrt(1/2), a squared error; 0.3 where it is learned",
    "learning_rate": "0.001; 0.0002 for a gan",
    "binarisation": "per-presentation for the bernoulli of a vae or cvae, else none",
}
"""Defaults that ``with_defaults`` decides from other choices, in words."""

DEFAULT_HIDDEN = {"dense": (512, 256), "conv": (32, 64, 128)}


def new_config(
    data: str,
    image_shape: tuple[int, ...],
    n_classes: int | None,
    *,
    model: Mapping[str, Any],
    training: Mapping[str, Any],
) -> RunConfig:
    """Return a configuration for a data set from what a person chose; what is None or left out takes its default.

    Raises:
        pydantic.ValidationError: if a choice is out of bounds or does not go with another.
    """
    return RunConfig.model_validate(with_defaults(data, image_shape, n_classes, model=model, training=training))


def with_defaults(
    data: str,
    image_shape: tuple[int, ...],
    n_classes: int | None,
    *,
    model: Mapping[str, Any],
    training: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Return what was chosen, not checked, with the defaults that depend on other choices.

    They are decided here: widths by the network, the likelihood by the family (a squared error for an autoencoder),
    binarised pixels wherever a Bernoulli is a likelihood, the first deviation of a learned one, and what keeps a GAN
    stable.
    """
    chosen = {name: value for name, value in model.items() if value is not None}
    trained = {name: value for name, value in training.items() if value is not None} | {"data": data}
    family = chosen.get("family", "vae")
    chosen.setdefault("hidden", DEFAULT_HIDDEN.get(chosen.get("network", "dense"), DEFAULT_HIDDEN["dense"]))
    chosen.setdefault("likelihood", "gaussian" if family == "ae" else "bernoulli")
    likelihood = LIKELIHOODS.get(chosen["likelihood"], LikelihoodFacts())
    if likelihood.deviation == "learned":
        chosen.setdefault("sigma", 0.3)
    if family == "gan":
        chosen.setdefault("activation", "leaky-relu")
        trained.setdefault("learning_rate", 2e-4)
    chosen["image_shape"] = image_shape
    chosen["n_classes"] = n_classes if family == "cvae" else None
    is_binary = likelihood.is_probability and family in {"vae", "cvae"}
    trained.setdefault("binarisation", "per-presentation" if is_binary else "none")
    return {"model": chosen, "training": trained}
