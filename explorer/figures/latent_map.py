"""The latent map as a figure without its points.

The browser fetches the points as binary arrays and fills one trace per class with them; axes, colours and names are
decided here.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.analysis.projections.base import Projection
from explorer.figures.palette import class_colour, class_symbol
from explorer.figures.text import figure_text

FEW_POINTS = 2000
"""Below this many, points are drawn larger: there is room."""


def latent_map_figure(projection: Projection, class_names: Sequence[str]) -> go.Figure:
    """Return a figure with an empty trace per class, equal axes and the names of the projection's axes."""
    figure = go.Figure(
        data=[
            _class_trace(label, name, 8 if len(projection.points) < FEW_POINTS else 5)
            for label, name in enumerate(class_names)
        ],
        layout=go.Layout(template="none"),
    )
    axis = {"zeroline": True, "zerolinewidth": 1, "gridwidth": 1, "ticks": "", "title": {"standoff": 8}}
    figure.update_xaxes(**axis, title_text=figure_text(projection.axis_names[0]))
    figure.update_yaxes(**axis, title_text=figure_text(projection.axis_names[1]), scaleanchor="x", scaleratio=1)
    figure.update_layout(
        dragmode="pan",
        hovermode=False,
        margin={"l": 52, "r": 8, "t": 32, "b": 44},
        showlegend=True,  # also of a single class, which plotly would leave unnamed
        legend={"itemsizing": "constant", "title": {"text": "class"}, "tracegroupgap": 0},
        uirevision=f"{projection.method} {projection.axis_names}",
    )
    return figure


def _class_trace(label: int, name: str, size: int) -> go.Scattergl:
    marker = {"color": class_colour(label), "symbol": class_symbol(label), "size": size, "opacity": 0.8}
    return go.Scattergl(x=[], y=[], mode="markers", name=figure_text(name), marker=marker)
