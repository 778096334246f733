"""What a model is made of, in numbers and names with bounds.

Kept apart from the classes that it describes, because the first screen lists runs and must not import torch for it.
The bounds keep a hostile ``config.json`` from asking for a layer that no machine can hold.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Family = Literal["vae", "cvae", "ae", "gan"]
Network = Literal["dense", "conv"]
Activation = Literal["relu", "leaky-relu", "tanh"]
LikelihoodName = Literal[
    "bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned", "gaussian-diagonal", "gaussian-low-rank"
]
PosteriorName = Literal[
    "normal",
    "normal-full",
    "laplace",
    "logistic",
    "student-t",
    "uniform",
    "triangular",
    "exponential",
    "weibull",
    "gumbel",
    "rayleigh",
    "kumaraswamy",
    "log-normal",
    "gamma",
    "dirichlet",
    "beta",
]
PriorName = Literal["matching", "normal", "conditional"]
Reparameterisation = Literal["location-scale", "inverse CDF", "composition"]

Channels = Annotated[int, Field(ge=1, le=4)]
Side = Annotated[int, Field(ge=4, le=128)]
Width = Annotated[int, Field(ge=1, le=4096)]

MAX_PARAMETERS = 50_000_000
"""Weights of the largest model that is built: 200 MB in float32."""

MAX_CONV_LAYERS = 4

MAX_FULL_COVARIANCE = 64
"""Latent dimensions up to which a full covariance is offered: a Cholesky factor has L (L + 1) / 2 entries an image."""

LEAST_LEARNED_SIGMA = 0.004
"""A learned deviation has a floor of one grey level, 1/255."""

WITHOUT_PRIOR = ("ae",)
WITHOUT_ENCODER = ("gan",)


@dataclass(frozen=True)
class PosteriorFacts:
    """What can be said of a posterior family without torch.

    Attributes:
        kind: how its samples are made a differentiable function of noise.
        support: the values that a coordinate of z can take, in words.
        covers: whether every q(z|x) has the support of the matching prior. Where it does not, importance weights miss
            a part of the prior, and converge to less than log p(x).
        factorises: whether the dimensions of z are independent under q, so that each has a KL of its own.
    """

    kind: Reparameterisation
    support: str
    covers: bool = True
    factorises: bool = True

    @property
    def is_real(self) -> bool:
        """Whether z can be any real vector, as under N(0, I)."""
        return self.support == "real numbers"


REAL, POSITIVE, UNIT = "real numbers", "positive numbers", "numbers between 0 and 1"
BOX, SIMPLEX = "numbers between -1 and 1", "positive numbers that sum to 1"
POSTERIORS: dict[PosteriorName, PosteriorFacts] = {
    "normal": PosteriorFacts("location-scale", REAL),
    "normal-full": PosteriorFacts("location-scale", REAL, factorises=False),
    "laplace": PosteriorFacts("location-scale", REAL),
    "logistic": PosteriorFacts("location-scale", REAL),
    "student-t": PosteriorFacts("location-scale", REAL),
    "uniform": PosteriorFacts("location-scale", BOX, covers=False),
    "triangular": PosteriorFacts("location-scale", BOX, covers=False),
    "exponential": PosteriorFacts("inverse CDF", POSITIVE),
    "weibull": PosteriorFacts("inverse CDF", POSITIVE),
    "gumbel": PosteriorFacts("inverse CDF", REAL),
    "rayleigh": PosteriorFacts("inverse CDF", POSITIVE),
    "kumaraswamy": PosteriorFacts("inverse CDF", UNIT),
    "log-normal": PosteriorFacts("composition", POSITIVE),
    "gamma": PosteriorFacts("composition", POSITIVE),
    "dirichlet": PosteriorFacts("composition", SIMPLEX, factorises=False),
    "beta": PosteriorFacts("composition", UNIT),
}


@dataclass(frozen=True)
class LikelihoodFacts:
    """What can be said of a likelihood without torch.

    Attributes:
        deviation: whether it has a standard deviation, and whether that is chosen or learned.
        is_probability: whether p(x|z) is a probability of pixels that are 0 or 1, and no density of their greys.
        has_rank: whether its covariance is of a rank that is chosen.
        normaliser: how much of -log p(x|z) is the same for every image and code, in nats per pixel, from ``sigma``;
            None where nothing is.
    """

    deviation: Literal["none", "fixed", "learned"] = "none"
    is_probability: bool = False
    has_rank: bool = False
    normaliser: Callable[[float], float] | None = None


LIKELIHOODS: dict[str, LikelihoodFacts] = {
    "bernoulli": LikelihoodFacts(is_probability=True),
    "continuous-bernoulli": LikelihoodFacts(),
    "gaussian": LikelihoodFacts("fixed", normaliser=lambda sigma: math.log(2 * math.pi * sigma**2) / 2),
    "gaussian-learned": LikelihoodFacts("learned"),
    "gaussian-diagonal": LikelihoodFacts("learned"),
    "gaussian-low-rank": LikelihoodFacts("learned", has_rank=True),
}


class ModelConfig(BaseModel):
    """Family, sizes and distributions of a latent-variable model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family = Field(
        "vae",
        description="vae, cvae (given the class), ae (a point, no prior) or gan (a decoder trained against a critic).",
    )
    image_shape: tuple[Channels, Side, Side] = Field(description="Channels, height and width in pixels.")
    latent_dim: int = Field(2, ge=1, le=512, description="Number of latent dimensions.")
    network: Network = Field("dense", description="Body of encoder and decoder.")
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=6)] = Field(
        (512, 256), description="Units per layer (dense) or channels per layer (conv), from image to code."
    )
    activation: Activation = Field("relu", description="Nonlinearity between layers.")
    likelihood: LikelihoodName = Field("bernoulli", description="p(x|z): what the decoder's output parameterises.")
    sigma: float = Field(
        0.5**0.5,
        ge=1e-3,
        le=10.0,
        description="Standard deviation of a gaussian likelihood, pixels in [0, 1]: fixed, or where it starts if it "
        "is learned; sqrt(1/2) is a squared error.",
    )
    rank: int = Field(4, ge=1, le=32, description="Rank of the covariance of gaussian-low-rank, beside its diagonal.")
    posterior: PosteriorName = Field("normal", description="q(z|x): the family of the encoder's output.")
    degrees_of_freedom: float = Field(
        5.0,
        gt=1.0,
        le=1000.0,
        description="Of a student-t posterior and its prior; up to 2 it has no variance.",
    )
    prior: PriorName = Field(
        "matching",
        description="p(z): matching (the posterior's own family at its standard parameters: N(0, I) for a normal), "
        "normal (N(0, I) for any posterior over the real numbers), or conditional (a normal learned for each class).",
    )
    n_classes: int | None = Field(None, ge=2, le=1000, description="Number of classes; a cvae needs it.")

    @property
    def can_encode(self) -> bool:
        """Whether the model has an encoder."""
        return self.family not in WITHOUT_ENCODER

    @property
    def has_prior(self) -> bool:
        """Whether the model says which codes are likely."""
        return self.family not in WITHOUT_PRIOR

    @property
    def has_bound(self) -> bool:
        """Whether the model has a bound on log p(x): it takes a prior and a posterior."""
        return self.can_encode and self.has_prior

    @property
    def normaliser(self) -> float | None:
        """How much of -log p(x|z) is the same for every image and code, in nats; None where nothing is."""
        per_pixel = LIKELIHOODS[self.likelihood].normaliser
        return None if per_pixel is None else math.prod(self.image_shape) * per_pixel(self.sigma)

    @model_validator(mode="after")
    def _classes_go_with_the_family(self) -> Self:
        if self.family == "cvae" and self.n_classes is None:
            raise ValueError("family 'cvae' needs n_classes, the number of classes in the data; or choose family 'vae'")
        if self.family != "cvae" and self.n_classes is not None:
            raise ValueError(f"family {self.family!r} takes no n_classes; only 'cvae' is given the class")
        return self

    @model_validator(mode="after")
    def _conv_layers_fit_the_image(self) -> Self:
        if self.network == "conv" and len(self.hidden) > MAX_CONV_LAYERS:
            raise ValueError(
                f"hidden has {len(self.hidden)} layers; a conv network halves the image in each and takes at most "
                f"{MAX_CONV_LAYERS}"
            )
        return self

    @model_validator(mode="after")
    def _learned_sigma_starts_above_its_floor(self) -> Self:
        if LIKELIHOODS[self.likelihood].deviation == "learned" and self.sigma < LEAST_LEARNED_SIGMA:
            raise ValueError(
                f"sigma {self.sigma:g} is where {self.likelihood} starts to learn, and it does not learn below one "
                f"grey level; use {LEAST_LEARNED_SIGMA} or more, or likelihood 'gaussian' to fix it there"
            )
        return self

    @model_validator(mode="after")
    def _posterior_goes_with_the_family(self) -> Self:
        if not self.has_bound and (self.posterior != "normal" or self.prior != "matching"):
            wrong = f"posterior {self.posterior!r}" if self.posterior != "normal" else f"prior {self.prior!r}"
            raise ValueError(
                f"family {self.family!r} cannot have {wrong}: it has no q(z|x) with a prior. Leave it out, or choose "
                "family 'vae'"
            )
        if self.posterior == "dirichlet" and self.latent_dim < 2:
            raise ValueError("a dirichlet over 1 dimension is always 1; use latent_dim 2 or more, or posterior 'beta'")
        if self.posterior == "normal-full" and self.latent_dim > MAX_FULL_COVARIANCE:
            raise ValueError(
                f"a full covariance over {self.latent_dim} dimensions is not built; use at most {MAX_FULL_COVARIANCE}, "
                "or posterior 'normal'"
            )
        return self

    @model_validator(mode="after")
    def _prior_covers_the_posterior(self) -> Self:
        facts = POSTERIORS[self.posterior]
        if self.prior == "conditional" and self.family != "cvae":
            raise ValueError(
                f"a conditional prior p(z|y) needs classes, and a {self.family} has none; use family 'cvae'"
            )
        if self.prior == "matching":
            return self
        if not facts.is_real:
            raise ValueError(
                f"a {self.posterior} posterior lives on {facts.support}, and a normal prior puts most of its mass "
                "elsewhere, where no q(z|x) ever looks: importance sampling would not converge to log p(x). Use prior "
                "'matching'"
            )
        if self.posterior == "student-t" and self.degrees_of_freedom <= 2:
            raise ValueError(
                f"the KL from a student-t with {self.degrees_of_freedom:g} degrees of freedom to a normal prior is "
                "infinite: its tails are too heavy. Use more than 2, or prior 'matching'"
            )
        return self
