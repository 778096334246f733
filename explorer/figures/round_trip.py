"""The round-trip error map of a map as a figure: where decoded images encode back, and where they do not."""

import numpy as np
import plotly.graph_objects as go

from explorer.analysis.projections.round_trip import RoundTripErrors
from explorer.figures.text import figure_text

MOST = 3.0
"""Times the threshold at which the colours end."""

SCALE = ((0.0, "#1B6CA8"), (1 / MOST, "#DCE6EE"), (1 / MOST + 1e-6, "#F3DFCB"), (1.0, "#A8410B"))
"""Blue comes back, orange does not; the step between them is the threshold."""

HATCH = {"size": 3, "color": "rgba(30,30,30,0.55)", "symbol": "x-thin-open"}


def round_trip_figure(errors: RoundTripErrors, axis_names: tuple[str, str]) -> go.Figure:
    """Return the error of each place as a multiple of the threshold; empty places have a small cross."""
    left, right, bottom, top = errors.extent
    rows, columns = errors.error.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    figure = go.Figure(
        go.Heatmap(
            x=x,
            y=y,
            z=errors.error / errors.threshold if errors.threshold > 0 else errors.error,
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
    up, across = np.nonzero(errors.is_empty)
    figure.add_scatter(x=x[across], y=y[up], mode="markers", marker=HATCH, hoverinfo="skip", name="no image near")
    figure.update_layout(height=340, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False)
    figure.update_xaxes(title_text=figure_text(axis_names[0]), constrain="domain", zeroline=False)
    figure.update_yaxes(title_text=figure_text(axis_names[1]), scaleanchor="x", zeroline=False)
    return figure


def round_trip_text(errors: RoundTripErrors) -> str:
    """Return in words what the round-trip error map found, with what it was measured by."""
    filled, empty = errors.hole_share(of_empty=False), errors.hole_share(of_empty=True)
    n = errors.error.size
    where = [
        f"{share:.0%} of the places {which}"
        for share, which in ((filled, "with images near"), (empty, "without"))
        if share is not None
    ]
    return (
        f"{n:,} places swept; {errors.empty_share:.0%} of them have no encoded image near (crosses). Holes are "
        f"{' and '.join(where)}: their image encodes farther off than that of 19 in 20 of {errors.n_images} test "
        f"images ({errors.threshold:.3g} in z)."
    )
