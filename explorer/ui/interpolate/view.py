"""The view of the page Interpolate."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from explorer.runs.columns import MAX_NAME
from explorer.serving.point_values import CUSTOM
from explorer.ui.map.view import OneMapView
from explorer.ui.view import Formerly, Switch, Whole
from explorer.workflows.paths import MAX_FRAMES, MIN_FRAMES

PathKind = Literal["linear", "spherical", "geodesic", "data"]


def _direction(text: str) -> str:
    is_column = text.startswith(CUSTOM) and len(text) <= len(CUSTOM) + MAX_NAME
    if not is_column and not re.fullmatch(r"class:\d{1,4}|classes:\d{1,4},\d{1,4}", text):
        raise ValueError(text)
    return text


@dataclass(frozen=True, kw_only=True)
class InterpolateView(OneMapView):
    """What is interpolated, and how.

    Attributes:
        interpolate: section of the page.
        endpoints: names of the pins that it goes between, in order, with semicolons between; empty for the first ones.
        path: the kind of path that is played.
        frames: of a filmstrip, from endpoint to endpoint.
        constant_speed: whether frames are apart equally in image space.
        direction: what tells the two sides of an attribute apart: ``class:3``, ``classes:3,8`` or ``own:NAME``.
    """

    interpolate: Literal["path", "corners", "arithmetic", "attribute"] = "path"
    endpoints: Annotated[str, Formerly("ends")] = ""
    path: Annotated[PathKind, Formerly("walk")] = "linear"
    frames: Annotated[Whole, Field(ge=MIN_FRAMES, le=MAX_FRAMES)] = 12
    constant_speed: Annotated[Switch, Formerly("even")] = False
    direction: Annotated[str, AfterValidator(_direction)] = "class:0"
