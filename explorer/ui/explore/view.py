"""The view of the page Latent map."""

from typing import Literal

from pydantic.dataclasses import dataclass

from explorer.ui.map.view import OneMapView

Inspected = Literal["sliders", "resample", "classes", "neighbours"]


@dataclass(frozen=True, kw_only=True)
class ExploreView(OneMapView):
    """What is looked at of the pinned place.

    Attributes:
        inspect: tab beside the map; the first one where the model has no such tab.
    """

    inspect: Inspected = "sliders"
