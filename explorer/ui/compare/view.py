"""The view of the page Compare."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from explorer.ui.map.view import MapView
from explorer.ui.view import Switch, from_text, separated

MOST_COMPARED = 4


@dataclass(frozen=True, kw_only=True)
class CompareView(MapView):
    """What is compared, and how.

    Attributes:
        compare: names of the runs that are compared, the first of them with all others; empty for the default ones.
        maps: projection of the maps that are compared.
        align: whether these are turned onto the first one.
        question: section of the page.
    """

    compare: Annotated[tuple[str, ...], from_text(separated), Field(max_length=MOST_COMPARED)] = ()
    maps: str = "pca"
    align: Switch = True
    question: Literal["generate", "likelihood", "spaces", "numbers"] = "generate"
