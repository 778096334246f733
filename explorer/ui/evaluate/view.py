"""The view of the page Evaluate."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from explorer.ui.view import Formerly, View, Whole

Ranking = Literal["elbo", "reconstruction", "kl"]


@dataclass(frozen=True, kw_only=True)
class EvaluateView(View):
    """What of a run is evaluated, and how thoroughly.

    Attributes:
        evaluate: section of the page.
        ranking: what the best and worst images are chosen by.
        n_images: test images, the first ones, whose bound is taken apart.
        iwae_samples: importance samples of an image, at most.
    """

    evaluate: Literal["bound", "evidence", "dimensions", "extremes", "aggregate", "calibration"] = "bound"
    ranking: Ranking = "elbo"
    n_images: Annotated[Whole, Field(ge=2, le=5000), Formerly("scored")] = 1000
    iwae_samples: Annotated[Whole, Field(ge=1, le=1000), Formerly("weighed")] = 100
