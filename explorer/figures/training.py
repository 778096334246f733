"""How training went, epoch by epoch: curves of the history, and what each does in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from explorer.figures.palette import value_scale

History = Sequence[Mapping[str, Any]]
"""What ``Run.history`` returns: a record an epoch."""

TRAIN, VALIDATION, REFERENCE, COUNT = "#E69F00", "#0072B2", "#8A8F98", "#009E73"
NATS = "nats per image"
FEW_EPOCHS = 40
"""Up to this many, each epoch has a marker of its own."""

_PANEL_HEIGHT = 170
_PARTS = {"train": (TRAIN, "dot"), "validation": (VALIDATION, "solid")}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Curve:
    """A figure of a history.

    Attributes:
        title: what it shows.
        figure: with named axes and units, without a title.
        text: what it shows in words, to be read instead of seen.
    """

    title: str
    figure: go.Figure
    text: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A quantity of a part of the records, to be drawn; ``sign`` turns a log-likelihood into an error."""

    part: str
    key: str
    name: str
    sign: int = 1
    colour: str = ""
    dash: str = ""

    def values(self, history: History) -> NDArray[np.float64]:
        """Return a number for each record, NaN where it has none."""
        return np.array([self.sign * record.get(self.part, {}).get(self.key, np.nan) for record in history], float)


def training_curves(history: History) -> tuple[Curve, ...]:
    """Return a curve of everything that the records hold: a plain autoencoder has no KL, a GAN no objective.

    A history without a record has none.
    """
    makers: tuple[Callable[[History], Curve | None], ...] = (
        objective_curve,
        terms_curve,
        dimensions_curve,
        information_curve,
        adversarial_curve,
    )
    return tuple(curve for maker in makers if (curve := maker(history)) is not None)


def objective_curve(history: History) -> Curve | None:
    """Return the ELBO, and what was maximised where that is something else; None where there is no objective."""
    bounds = [_Line(part, "elbo", f"ELBO, {part}") for part in _PARTS if _has(history, part, "elbo")]
    others = [
        _Line(part, "objective", f"objective, {part}", colour=REFERENCE if bounds else "", dash=_dash(part, bounds))
        for part in _PARTS
        if _has(history, part, "objective") and not _is_elbo(history, part)
    ]
    if not bounds and not others:
        return None
    figure = _panels([(bounds + others, f"ELBO, {NATS}" if bounds else f"objective, {NATS}")], history)
    title = "ELBO, a lower bound on log p(x)" if bounds else "Objective: the log-likelihood of the reconstruction"
    return Curve(title=title, figure=figure, text=_in_words(bounds + others, history, NATS, better=max))


def terms_curve(history: History) -> Curve | None:
    """Return the two terms of the bound, -log p(x|z) and the KL; without a prior, the first alone."""
    errors = [
        _Line(part, "log_likelihood", f"reconstruction error, {part}", sign=-1)
        for part in _PARTS
        if _has(history, part, "log_likelihood")
    ]
    if not errors:
        return None
    kls = [_Line(part, "kl", f"KL, {part}") for part in _PARTS if _has(history, part, "elbo")]
    panels = [(errors, f"-log p(x|z), {NATS}")] + ([(kls, f"KL, {NATS}")] if kls else [])
    title = "Reconstruction error and KL" if kls else "Reconstruction error"
    text = _in_words(errors, history, NATS, better=min) + (" " + _in_words(kls, history, NATS) if kls else "")
    return Curve(title=title, figure=_panels(panels, history), text=text)


def dimensions_curve(history: History) -> Curve | None:
    """Return the KL of each latent dimension on the validation images as a heat map; None where none is recorded."""
    rows = [(record["epoch"], record["validation"].get("kl_per_dimension")) for record in history]
    known = [(epoch, kl) for epoch, kl in rows if kl]
    if not known:
        return None
    epochs, kl = [epoch for epoch, _ in known], np.array([values for _, values in known], float).T
    order = np.argsort(-kl[:, -1], kind="stable")
    heat = go.Heatmap(
        x=epochs,
        y=[f"z{i}" for i in order],
        z=kl[order],
        zmin=0,
        colorscale=value_scale(),
        colorbar={"title": {"text": "KL, nats", "side": "right"}, "thickness": 12},
        hovertemplate="epoch %{x}, %{y}: %{z:.3f} nats<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_yaxes(title_text="dimension", autorange="reversed", type="category", fixedrange=True)
    _finish(figure, epochs, height=min(560, 120 + 16 * len(order)))
    n_used, strongest = int((kl[:, -1] > 0.01).sum()), order[0]
    text = (
        f"KL of {len(order)} latent dimensions over {len(epochs)} epochs. After epoch {epochs[-1]}, {n_used} of them "
        f"carry more than 0.01 nats; the strongest is z{strongest} with {kl[strongest, -1]:.2f} nats."
    )
    return Curve(title="KL of each dimension, sorted by its last", figure=figure, text=text)


def information_curve(history: History) -> Curve | None:
    """Return active units, and the mutual information of image and code with its ceiling; None without a record."""
    units = [_Line("validation", "active_units", "active units", colour=COUNT)]
    information = [
        _Line("validation", "mutual_information", "mutual information"),
        _Line("validation", "mutual_information_ceiling", "its ceiling", colour=REFERENCE, dash="dash"),
    ]
    panels = [
        (lines, title)
        for lines, title in ((units, "active units"), (information, "mutual information, nats"))
        if _has(history, "validation", lines[0].key)
    ]
    if not panels:
        return None
    text = _in_words([lines[0] for lines, _ in panels], history, "", better=None)
    if len(panels) == 2:
        text += " The estimate cannot exceed its ceiling, the logarithm of the number of images compared."
    return Curve(title="What the codes carry", figure=_panels(panels, history), text=text)


def adversarial_curve(history: History) -> Curve | None:
    """Return a GAN's two losses and the diversity of what it makes; None for any other model."""
    losses = [
        _Line(part, f"{who}_loss", f"{who}, {part}", colour=colour, dash=_PARTS[part][1])
        for who, colour in (("critic", VALIDATION), ("generator", TRAIN))
        for part in _PARTS
        if _has(history, part, f"{who}_loss")
    ]
    if not losses:
        return None
    diversity = [_Line("validation", "diversity", "diversity")]
    figure = _panels([(losses, "loss, nats"), (diversity, "diversity (1: as real images)")], history)
    text = _in_words([line for line in losses if line.part == "validation"] + diversity, history, "")
    text += " At a diversity near 0 the generator makes one image only."
    return Curve(title="Critic against generator", figure=figure, text=text)


def _has(history: History, part: str, key: str) -> bool:
    return any(key in record.get(part, {}) for record in history)


def _is_elbo(history: History, part: str) -> bool:
    """Whether what was maximised is the ELBO itself, in every epoch."""
    pairs = [(record[part].get("objective"), record[part].get("elbo")) for record in history]
    return all(elbo is not None and objective is not None and abs(objective - elbo) < 1e-6 for objective, elbo in pairs)


def _dash(part: str, bounds: Sequence[_Line]) -> str:
    """A third and a fourth line beside those of the ELBO are dashed, each in its own way."""
    return {"train": "dashdot", "validation": "dash"}[part] if bounds else ""


def _panels(panels: Sequence[tuple[Sequence[_Line], str]], history: History) -> go.Figure:
    """Return one panel below the other, each with the title of its y axis, over the same epochs."""
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.09)
    epochs = [record["epoch"] for record in history]
    for row, (lines, title) in enumerate(panels, start=1):
        for line in lines:
            figure.add_trace(_trace(line, history, epochs), row=row, col=1)
        figure.update_yaxes(title_text=title, row=row, col=1)
    _finish(figure, epochs, height=90 + _PANEL_HEIGHT * len(panels))
    figure.update_xaxes(title_text="")
    figure.update_xaxes(title_text="epoch", row=len(panels), col=1)
    return figure


def _trace(line: _Line, history: History, epochs: list[int]) -> go.Scatter:
    colour, dash = _PARTS[line.part]
    return go.Scatter(
        x=epochs,
        y=line.values(history),
        name=line.name,
        mode="lines+markers" if len(epochs) <= FEW_EPOCHS else "lines",
        line={"color": line.colour or colour, "dash": line.dash or dash, "width": 2},
        marker={"size": 5},
        hovertemplate=f"{line.name}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
    )


def _finish(figure: go.Figure, epochs: Sequence[int], *, height: int) -> None:
    # Half an epoch of room, so that a single one is drawn, and no ticks between epochs.
    ends = (min(epochs) - 0.5, max(epochs) + 0.5) if epochs else (0.5, 1.5)
    figure.update_xaxes(title_text="epoch", range=ends, tickformat="d", fixedrange=True)
    if len(epochs) <= 10:
        figure.update_xaxes(dtick=1)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode="x unified",
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 1, "xanchor": "right"},
    )


def _in_words(lines: Sequence[_Line], history: History, unit: str, *, better: Callable[..., int] | None = None) -> str:
    """Return where each line starts, where it ends and, where more or less is ``better``, its best epoch."""
    epochs = [record["epoch"] for record in history]
    return " ".join(_line_in_words(line.name, epochs, line.values(history), unit, better) for line in lines)


def _line_in_words(
    name: str, epochs: list[int], values: NDArray[np.float64], unit: str, better: Callable[..., int] | None
) -> str:
    known = [k for k in range(len(epochs)) if np.isfinite(values[k])]
    if not known:
        return f"{name}: no number."
    said = f" {unit}" if unit else ""
    first, last = known[0], known[-1]
    if first == last:
        return f"{name}: {values[first]:.2f}{said} in epoch {epochs[first]}."
    text = (
        f"{name}: from {values[first]:.2f} in epoch {epochs[first]} to {values[last]:.2f}{said} in epoch {epochs[last]}"
    )
    if better is None:
        return f"{text}."
    best = better(known, key=lambda k: values[k])
    return f"{text}; best {values[best]:.2f} in epoch {epochs[best]}."
