"""The classes of a selection against those of the whole set."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.palette import class_colour
from explorer.figures.text import figure_text

Counts = NDArray[np.int64]


def class_shares_figure(counts: Counts, totals: Counts, class_names: Sequence[str]) -> go.Figure:
    """Return bars of each class's share of the selection, framed by its share of the whole set, in per cent.

    Args:
        counts: selected images of each class, shape ``(n_classes,)``, at least one in all.
        totals: images of each class in the whole set, shape ``(n_classes,)``.
        class_names: a name for each class.
    """
    names = [figure_text(name) for name in class_names]
    selected = go.Bar(
        x=names,
        y=100 * counts / counts.sum(),
        customdata=np.stack([counts, totals], axis=1),
        marker_color=[class_colour(label) for label in range(len(names))],
        hovertemplate="class %{x}: %{customdata[0]:,} of %{customdata[1]:,} selected<extra></extra>",
        name="share of the selection",
        showlegend=False,
    )
    whole = go.Bar(
        x=names,
        y=100 * totals / totals.sum(),
        # A grey that is seen on white, on black and on every colour of a class.
        marker={"color": "rgba(0,0,0,0)", "line": {"width": 2, "color": "#8A8F98"}},
        hovertemplate="class %{x}: %{y:.1f} % of the whole set<extra></extra>",
        name="share of the whole set",
    )
    figure = go.Figure([selected, whole])
    figure.update_xaxes(type="category", title_text="class", fixedrange=True)
    figure.update_yaxes(title_text="share, %", rangemode="tozero", fixedrange=True)
    figure.update_layout(
        height=240,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        bargap=0.25,
        barmode="overlay",
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 1, "xanchor": "right"},
    )
    return figure


def class_shares_text(counts: Counts, totals: Counts, class_names: Sequence[str]) -> str:
    """Return what the figure shows in words: the selected classes, the largest share first."""
    order = [label for label in np.argsort(-counts, kind="stable") if counts[label]]
    shares = [
        f"{class_names[label]} {counts[label] / counts.sum():.1%} (whole set {totals[label] / totals.sum():.1%})"
        for label in order
    ]
    return f"Share of each class among {counts.sum():,} selected images: {', '.join(shares)}."
