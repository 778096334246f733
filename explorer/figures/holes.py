"""The sweep of a map as a figure: where decoded images encode back, and where they do not."""

import numpy as np
import plotly.graph_objects as go

from explorer.analysis.projections.round_trip import Sweep

MOST = 3.0
"""Times the threshold at which the colours end."""

SCALE = ((0.0, "#1B6CA8"), (1 / MOST, "#DCE6EE"), (1 / MOST + 1e-6, "#F3DFCB"), (1.0, "#A8410B"))
"""Blue comes back, orange does not; the step between them is the threshold."""

HATCH = {"size": 3, "color": "rgba(30,30,30,0.55)", "symbol": "x-thin-open"}


def sweep_figure(sweep: Sweep, axis_names: tuple[str, str]) -> go.Figure:
    """Return the error of each place as a multiple of the threshold; empty places have a small cross."""
    left, right, bottom, top = sweep.extent
    rows, columns = sweep.error.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    figure = go.Figure(
        go.Heatmap(
            x=x,
            y=y,
            z=sweep.error / sweep.threshold if sweep.threshold > 0 else sweep.error,
            zmin=0,
            zmax=MOST,
            colorscale=SCALE,
            colorbar={
                "title": {"text": "error /<br>threshold"},
                "thickness": 10,
                "tickvals": [0, 1, 2, 3],
                "outlinewidth": 0,
            },
            hovertemplate="%{x:.2f}, %{y:.2f}: %{z:.2f} times the threshold<extra></extra>",
        )
    )
    up, across = np.nonzero(sweep.is_empty)
    figure.add_scatter(x=x[across], y=y[up], mode="markers", marker=HATCH, hoverinfo="skip", name="no image near")
    figure.update_layout(height=340, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False)
    figure.update_xaxes(title_text=axis_names[0], constrain="domain", zeroline=False)
    figure.update_yaxes(title_text=axis_names[1], scaleanchor="x", zeroline=False)
    return figure


def sweep_text(sweep: Sweep) -> str:
    """Return in words what the sweep found, with what it was measured by."""
    filled, empty = sweep.hole_share(of_empty=False), sweep.hole_share(of_empty=True)
    n = sweep.error.size
    where = [
        f"{share:.0%} of the places {which}"
        for share, which in ((filled, "with images near"), (empty, "without"))
        if share is not None
    ]
    return (
        f"{n:,} places swept; {sweep.empty_share:.0%} of them have no encoded image near (crosses). Holes are "
        f"{' and '.join(where)}: their image encodes farther off than that of 19 in 20 of {sweep.n_images} test images "
        f"({sweep.threshold:.3g} in z)."
    )
