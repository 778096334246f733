"""What a classifier reads generated images as: counts of classes, and a blend of two from one end to the other."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.palette import class_colour
from explorer.figures.text import figure_text

_LAYOUT = {"height": 220, "margin": {"l": 8, "r": 8, "t": 8, "b": 8}}
_ENDS = ("solid", "dash")


def predicted_classes_figure(counts: NDArray[np.int64], class_names: Sequence[str]) -> go.Figure:
    """Return a bar for each class: how many images are read as it.

    Args:
        counts: shape ``(K,)``.
        class_names: a name for each class, and maybe for others.
    """
    names = [figure_text(name) for name in class_names][: len(counts)]
    bars = go.Bar(
        x=names,
        y=counts,
        marker_color=[class_colour(label) for label in range(len(names))],
        hovertemplate="%{y} read as class %{x}<extra></extra>",
    )
    figure = go.Figure([bars])
    figure.update_xaxes(type="category", title_text="class, as the judge reads it", fixedrange=True)
    figure.update_yaxes(title_text="images", rangemode="tozero", fixedrange=True)
    return figure.update_layout(**_LAYOUT, bargap=0.25)


def predicted_classes_text(counts: NDArray[np.int64], class_names: Sequence[str]) -> str:
    """Return what the figure shows in words."""
    names = list(class_names)[: len(counts)]
    parts = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    return f"How many of {counts.sum()} images the judge reads as each class: {parts}."


def blend_figure(
    shares: NDArray[np.floating], probabilities: NDArray[np.floating], ends: tuple[int, int], names: tuple[str, str]
) -> go.Figure:
    """Return the classifier's probabilities of both classes along a blend: a thin line for each z, and their mean.

    Args:
        shares: of the last class in y, ``(T,)``, from 0 to 1.
        probabilities: of the first and of the last class, ``(R, T, 2)``.
        ends: the classes, which give the colours.
        names: what they are called.
    """
    figure = go.Figure()
    for k, (label, name) in enumerate(zip(ends, names, strict=True)):
        line = {"color": class_colour(label), "dash": _ENDS[k]}
        for row in probabilities[..., k]:
            figure.add_scatter(
                x=shares, y=row, mode="lines", line=line | {"width": 1}, opacity=0.4, hoverinfo="skip", showlegend=False
            )
        figure.add_scatter(
            x=shares,
            y=probabilities[..., k].mean(axis=0),
            mode="lines+markers",
            line=line | {"width": 3},
            name=f"class {figure_text(name)}",
            hovertemplate="%{fullData.name}: %{y:.0%} at %{x:.0%}<extra></extra>",
        )
    last = names[1]
    figure.update_xaxes(
        title_text=f"share of class {figure_text(last)} in y", tickformat=".0%", range=[-0.02, 1.02], fixedrange=True
    )
    figure.update_yaxes(title_text="judge's probability", tickformat=".0%", range=[-0.03, 1.05], fixedrange=True)
    legend = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 1, "xanchor": "right"}
    return figure.update_layout(**_LAYOUT, legend=legend)


def blend_text(shares: NDArray[np.floating], probabilities: NDArray[np.floating], names: tuple[str, str]) -> str:
    """Return what the figure of a blend shows in words."""
    means = probabilities.mean(axis=0)
    parts = "; ".join(
        f"at {share:.0%}: {names[0]} {first:.0%}, {names[1]} {last:.0%}"
        for share, (first, last) in zip(shares, means, strict=True)
    )
    return f"The judge's mean probability of both classes, by the share of class {names[1]} in y. {parts}."
