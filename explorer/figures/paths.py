"""Figures of paths through latent space: what happens along them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.palette import class_colour
from explorer.figures.text import figure_text

WALK_COLOURS = {"linear": "#1B6CA8", "spherical": "#C15A00", "geodesic": "#00795C", "data": "#9A3E78"}
"""Lines of the kinds of path, dark enough on white and light enough on the dark theme."""

PLOTLY_DASHES = {"linear": "solid", "spherical": "dash", "geodesic": "dot", "data": "dashdot"}
LEAST_SHARE = 0.05

EndNames = tuple[str, str]
"""What the first and the last place of a path are called."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Line:
    """What is measured along one path: times ``(T,)`` and values ``(T,)``, NaN where there is none."""

    name: str
    kind: str
    t: NDArray[np.float64]
    values: NDArray[np.float64]


def along_paths(lines: Sequence[Line], title: str, endpoints: EndNames, typical: float | None = None) -> go.Figure:
    """Return ``lines`` over the way between two ``endpoints``, by name; ``typical`` is a level to compare with."""
    figure = go.Figure()
    for line in lines:
        style = {"color": WALK_COLOURS[line.kind], "dash": PLOTLY_DASHES[line.kind], "width": 2}
        figure.add_scatter(x=line.t, y=line.values, name=line.name, mode="lines", line=style)
    if typical is not None:
        figure.add_hline(y=typical, line={"width": 1, "dash": "dot"}, opacity=0.6)
        figure.add_annotation(
            x=1,
            xref="paper",
            y=typical,
            text="typical of test images",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
        )
    return _along(figure, title, endpoints)


def class_shares(
    t: NDArray[np.float64], probabilities: NDArray[np.float32], names: Sequence[str], endpoints: EndNames
) -> go.Figure:
    """Return the probability of each class along a path, ``(T, K)``; classes below 5 % throughout as one."""
    figure = go.Figure()
    is_shown = probabilities.max(axis=0) >= LEAST_SHARE
    for label in np.flatnonzero(is_shown).tolist():
        _area(figure, t, probabilities[:, label], names[label], class_colour(label))
    if not is_shown.all():
        _area(figure, t, probabilities[:, ~is_shown].sum(axis=1), "others", "#8A8F98")
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    return _along(figure, "probability by the judge", endpoints)


def _area(figure: go.Figure, t: NDArray[np.float64], share: NDArray[np.float32], name: str, colour: str) -> None:
    line = {"width": 0.5, "color": colour}
    figure.add_scatter(
        x=t, y=share, name=figure_text(name), mode="lines", stackgroup="classes", line=line, fillcolor=colour
    )


def _along(figure: go.Figure, title: str, endpoints: EndNames) -> go.Figure:
    figure.update_layout(
        height=260,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        hovermode="x unified",
        legend={"orientation": "h", "y": -0.28},
        yaxis_title=title,
    )
    figure.update_xaxes(
        title=f"from {figure_text(endpoints[0])} (0) to {figure_text(endpoints[1])} (1)", zeroline=False
    )
    figure.add_vrect(x0=0, x1=1, fillcolor="#888888", opacity=0.08, line_width=0, layer="below")
    return figure


def describe(lines: Sequence[Line], what: str) -> str:
    """Return in words what the figure of ``lines`` shows: for those who cannot see it."""
    ranges: Mapping[str, str] = {
        line.name: f"{np.nanmin(line.values):.2f} to {np.nanmax(line.values):.2f}"
        for line in lines
        if np.isfinite(line.values).any()
    }
    return f"{what} along the paths: " + "; ".join(f"{name} {span}" for name, span in ranges.items())
