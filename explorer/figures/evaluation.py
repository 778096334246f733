"""Figures of an evaluation: the bound taken apart, how it grows, what dimensions carry, how codes meet the prior."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.analysis.arrays import Doubles

BLUE, SKY, ORANGE, VERMILION, GREY = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#8A8F98"
"""Okabe and Ito's; bars that have intervals are the light ones, on which these are seen."""

_LAYOUT: dict[str, Any] = {"margin": {"l": 8, "r": 8, "t": 8, "b": 8}, "showlegend": False}
_ERROR = {"color": "#6B7280", "thickness": 2, "width": 5}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A bar of the bound: what it is called, where it begins and ends, and the 95 % interval of its length, in nats."""

    name: str
    start: float
    end: float
    low: float
    high: float
    is_total: bool

    @property
    def value(self) -> float:
        """Its length, with the sign of its direction."""
        return self.end - self.start


def bound_figure(steps: Sequence[Step]) -> go.Figure:
    """Return the bound as a waterfall: each bar begins where the one above it ends, and the last is all of them."""
    figure = go.Figure()
    figure.add_bar(
        y=[step.name for step in steps],
        x=[step.value for step in steps],
        base=[step.start for step in steps],
        orientation="h",
        marker_color=[SKY if step.is_total else ORANGE for step in steps],
        error_x={
            "type": "data",
            "array": [step.high - step.value for step in steps],
            "arrayminus": [step.value - step.low for step in steps],
            **_ERROR,
        },
        customdata=[[step.value, step.low, step.high] for step in steps],
        hovertemplate="%{y}: %{customdata[0]:.2f} nats, 95% interval %{customdata[1]:.2f} to %{customdata[2]:.2f}"
        "<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category", fixedrange=True, ticksuffix="  ")
    figure.update_xaxes(title_text="nats per image", fixedrange=True, zeroline=True)
    return figure.update_layout(**_LAYOUT, height=80 + 44 * len(steps), bargap=0.35)


def bound_text(steps: Sequence[Step]) -> str:
    """Return what the figure of the bound shows in words."""
    parts = "; ".join(f"{step.name} {step.value:.2f} ({step.low:.2f} to {step.high:.2f})" for step in steps)
    return f"The terms of the bound in nats per image, with 95% intervals: {parts}."


def growth_figure(k: NDArray[np.int64], values: Doubles, errors: Doubles, title: str) -> go.Figure:
    """Return values ``(K,)`` over numbers of samples ``(K,)``, with bars of one standard error ``(K,)``."""
    figure = go.Figure()
    figure.add_scatter(
        x=k,
        y=values,
        mode="lines+markers",
        line={"color": BLUE, "width": 2},
        marker={"size": 7},
        error_y={"type": "data", "array": errors, **_ERROR},
        hovertemplate="k = %{x}: %{y:.2f} nats<extra></extra>",
    )
    figure.update_xaxes(
        type="log", title_text="importance samples k", tickvals=k, ticktext=[f"{one:,}" for one in k], fixedrange=True
    )
    figure.update_yaxes(title_text=title, fixedrange=True, zeroline=False)
    return figure.update_layout(**_LAYOUT, height=300)


def growth_text(k: NDArray[np.int64], values: Doubles, errors: Doubles, title: str) -> str:
    """Return what the figure of growth shows in words."""
    parts = ", ".join(
        f"{value:.2f} (standard error {error:.2f}) at k = {one}"
        for one, value, error in zip(k.tolist(), values.tolist(), errors.tolist(), strict=True)
    )
    return f"{title}: {parts}."


def dimensions_figure(
    names: Sequence[str], values: Doubles, errors: Doubles | None, is_active: NDArray[np.bool_], title: str
) -> go.Figure:
    """Return a bar for each dimension, in the order given: filled if it is active, hatched if it is dead.

    Args:
        names: of the dimensions, L of them.
        values: shape ``(L,)``.
        errors: half of their 95 % intervals, shape ``(L,)``; None where there are none.
        is_active: shape ``(L,)``.
        title: of the values.
    """
    figure = go.Figure()
    for active, name, colour, shape in ((True, "active", SKY, ""), (False, "dead", GREY, "/")):
        rows = np.flatnonzero(is_active == active).tolist()
        if not len(rows):
            continue
        figure.add_bar(
            x=[names[row] for row in rows],
            y=values[rows],
            name=name,
            marker={"color": colour, "pattern": {"shape": shape}},
            error_y=None if errors is None else {"type": "data", "array": errors[rows], **_ERROR},
            hovertemplate=f"%{{x}}, {name}: %{{y:.3f}}<extra></extra>",
        )
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=list(names), title_text="dimension", fixedrange=True
    )
    figure.update_yaxes(title_text=title, rangemode="tozero", fixedrange=True)
    legend = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 1, "xanchor": "right"}
    gap = max(0.25, 1 - 0.1 * len(names))
    return figure.update_layout(**_LAYOUT | {"showlegend": True}, height=320, bargap=gap, legend=legend)


def dimensions_text(names: Sequence[str], values: Doubles, is_active: NDArray[np.bool_], title: str) -> str:
    """Return what the figure of dimensions shows in words."""
    parts = ", ".join(
        f"{name} {value:.3f}{'' if active else ' (dead)'}"
        for name, value, active in zip(names, values.tolist(), is_active.tolist(), strict=True)
    )
    return f"{title} of each dimension: {parts}. {int(is_active.sum())} of {len(names)} are active."


def marginal_figure(edges: Doubles, density: Doubles, places: Doubles, prior: Doubles | None) -> go.Figure:
    """Return one dimension of codes as a histogram, and the prior as a line over it.

    Args:
        edges: of the bins, shape ``(B + 1,)``.
        density: of the codes in each bin, shape ``(B,)``.
        places: where the prior's density is known, shape ``(T,)``.
        prior: the density there, shape ``(T,)``; None without a prior.
    """
    figure = go.Figure()
    figure.add_bar(
        x=(edges[1:] + edges[:-1]) / 2,
        y=density,
        width=np.diff(edges),
        name="codes",
        marker={"color": BLUE, "line": {"width": 0}},
        opacity=0.75,
        hovertemplate="codes near %{x:.2f}: density %{y:.2f}<extra></extra>",
    )
    if prior is not None:
        line = {"color": ORANGE, "width": 2.5}
        figure.add_scatter(
            x=places,
            y=prior,
            mode="lines",
            line=line,
            name="prior",
            hovertemplate="prior at %{x:.2f}: %{y:.2f}<extra></extra>",
        )
    figure.update_xaxes(fixedrange=True, zeroline=False)
    figure.update_yaxes(rangemode="tozero", fixedrange=True, showticklabels=False, title_text="density")
    return figure.update_layout(**_LAYOUT, height=190, bargap=0)


def rank_figure(counts: NDArray[np.int64], band: tuple[int, int], level: float) -> go.Figure:
    """Return how many ranks are in each bin, over the band that uniform ones would keep to.

    Args:
        counts: shape ``(B,)``.
        band: least and greatest count within it.
        level: what each bin is expected to hold.
    """
    n_bins = len(counts)
    is_outside = (counts < band[0]) | (counts > band[1])
    figure = go.Figure()
    figure.add_hrect(y0=band[0], y1=band[1], fillcolor=GREY, opacity=0.3, line_width=0, layer="below")
    figure.add_hline(y=level, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.add_bar(
        x=(np.arange(n_bins) + 0.5) / n_bins,
        y=counts,
        width=0.86 / n_bins,
        marker_color=np.where(is_outside, VERMILION, BLUE).tolist(),
        opacity=0.85,
        hovertemplate="%{y} codes at %{x:.1%} of q<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", tickvals=[0, 0.5, 1], fixedrange=True, zeroline=False)
    figure.update_yaxes(title_text="codes", range=[0, 1.08 * max(counts.max(), band[1])], fixedrange=True)
    # The label of 100 % is centred on the edge.
    return figure.update_layout(**_LAYOUT | {"margin": {"l": 8, "r": 28, "t": 8, "b": 8}}, height=190, bargap=0)


def rank_text(counts: NDArray[np.int64], band: tuple[int, int]) -> str:
    """Return what the figure of ranks shows in words."""
    n_outside = int(((counts < band[0]) | (counts > band[1])).sum())
    return (
        f"Ranks in {len(counts)} bins, from the lowest: {', '.join(map(str, counts.tolist()))}. {n_outside} are "
        f"outside the band of uniform ranks, {band[0]} to {band[1]}."
    )


def effective_figure(effective: Doubles, most: int) -> go.Figure:
    """Return how many images have which effective number of samples ``(N,)``, of ``most``."""
    figure = go.Figure(
        go.Histogram(
            x=effective,
            xbins={"start": 0, "end": most, "size": most / 20},
            marker_color=BLUE,
            opacity=0.85,
            hovertemplate="%{y} images with %{x} effective samples<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=f"effective samples of {most:,}", range=[0, most], fixedrange=True)
    figure.update_yaxes(title_text="images", fixedrange=True)
    return figure.update_layout(**_LAYOUT, height=300, bargap=0.05)


def effective_text(effective: Doubles, most: int) -> str:
    """Return what the figure of effective samples shows in words."""
    low, middle, high = np.quantile(effective, (0.1, 0.5, 0.9)).tolist()
    return (
        f"Effective samples of {len(effective)} images, of {most} each: median {middle:.1f}, "
        f"a tenth of the images below {low:.1f} and a tenth above {high:.1f}."
    )
