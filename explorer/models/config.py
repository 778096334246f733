"""What a model is made of, in numbers and names with bounds.

Kept apart from the classes that it describes, because the first screen lists runs and must not import torch for it.
The bounds keep a hostile ``config.json`` from asking for a layer that no machine can hold.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Family = Literal["vae", "cvae", "ae"]
Network = Literal["dense", "conv"]
Activation = Literal["relu", "tanh"]
LikelihoodName = Literal["bernoulli", "continuous-bernoulli", "gaussian"]
PosteriorName = Literal["normal"]

Channels = Annotated[int, Field(ge=1, le=4)]
Side = Annotated[int, Field(ge=4, le=128)]
Width = Annotated[int, Field(ge=1, le=4096)]

MAX_PARAMETERS = 50_000_000
"""Weights of the largest model that is built: 200 MB in float32."""

MAX_CONV_LAYERS = 4


class ModelConfig(BaseModel):
    """Family, sizes and distributions of a latent-variable model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family = Field("vae", description="vae, cvae (given the class) or ae (a point, no prior).")
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
        description="Standard deviation of the gaussian likelihood, pixels in [0, 1]; sqrt(1/2) is a squared error.",
    )
    posterior: PosteriorName = Field("normal", description="q(z|x): the family of the encoder's output.")
    n_classes: int | None = Field(None, ge=2, le=1000, description="Number of classes; a cvae needs it.")

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
