"""The view of the page Generate."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from explorer.ui.view import Natural, Pair, View, Whole


@dataclass(frozen=True, kw_only=True)
class GenerateView(View):
    """What is generated, and how.

    Attributes:
        generate: section of the page.
        label: class to generate.
        temperature: of the samples: scales the prior's deviation.
        image: test image whose style is taken.
        blend: the classes from and to which is blended.
        steps: of a blend, both ends among them.
    """

    generate: Literal["samples", "style", "blend", "traverse", "manifold"] = "samples"
    label: Natural = 0
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
    image: Natural = 0
    blend: Pair = (0, 1)
    steps: Annotated[Whole, Field(ge=2, le=15)] = 9
