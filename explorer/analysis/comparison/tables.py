"""A comparison as text: cells, and whole tables in CSV, Markdown and LaTeX. The best of a metric is bold where told.

A value is best where the metric has a better way, the runs are comparable by it, and they are told apart by it.
"""

import csv
import io
from collections.abc import Sequence

from explorer.analysis.comparison.compare import Comparison
from explorer.analysis.comparison.measurements import Figure
from explorer.analysis.comparison.seeds import Group
from explorer.analysis.evaluation.metrics import METRICS, Metric
from explorer.analysis.statistics.bootstrap import difference
from explorer.errors import ConfigError

NONE = "-"
BOLD = (
    "Bold: the best, with those not told apart from it; none where no model is told apart from another, or where a "
    "metric has no better way."
)
SPECIAL = {
    "%": r"\%",
    "_": r"\_",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def cell(figure: Figure) -> str:
    """Return a figure with its interval, "0.912 [0.894, 0.928]"; ``NONE`` where there is no number."""
    if figure.value is None:
        return NONE
    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


def number(value: float) -> str:
    """Return a number in about four digits; a whole one without a point."""
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.2f}"


def heading(metric: Metric) -> str:
    """Return a metric's title with its unit."""
    return f"{metric.title} ({metric.unit})" if metric.unit else metric.title


def best(comparison: Comparison, metric: Metric) -> frozenset[str]:
    """Return the runs that are best by ``metric``: the one with the best value, and those not told apart from it.

    None where no way is better, where runs cannot be compared, and where no run is told apart from the best.
    """
    known = {row.name: found for row in comparison.rows if (found := row.figures[metric.name].estimate()) is not None}
    if metric.is_better is None or len(known) < 2 or not _is_comparable(comparison, metric, set(known)):
        return frozenset()
    sign = 1 if metric.is_better == "higher" else -1
    leader = max(known.values(), key=lambda found: sign * found.value)
    tied = frozenset(name for name, found in known.items() if not difference(found, leader).excludes_zero)
    return tied if len(tied) < len(known) else frozenset()


def _is_comparable(comparison: Comparison, metric: Metric, names: set[str]) -> bool:
    """Whether the runs ``names`` have differences by ``metric`` to the first: without it they have no rank at all."""
    differences = [row.figures[metric.name] for row in comparison.differences if row.name in names]
    return comparison.rows[0].name in names and all(figure.value is not None for figure in differences)


def reasons(comparison: Comparison, *, differences: bool = False) -> dict[str, list[str]]:
    """Return why numbers, or differences of numbers that are there, are absent: runs and metrics by reason."""
    found: dict[str, list[str]] = {}
    numbers = {row.name: row.figures for row in comparison.rows}
    first = numbers[comparison.rows[0].name]
    for row in comparison.differences if differences else comparison.rows:
        for metric in METRICS:
            name, figure = metric.name, row.figures[metric.name]
            is_new = not differences or None not in (numbers[row.name][name].value, first[name].value)
            if figure.value is None and is_new:
                about = f"{row.name} - {comparison.rows[0].name}" if differences else row.name
                found.setdefault(f"{about}: {figure.reason}", []).append(metric.title)
    return found


def csv_text(comparison: Comparison) -> str:
    """Return a line for each run and metric: value, interval, and the difference to the first run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ends = ("value", "low", "high", "reason")
    writer.writerow(["run", "metric", *ends, *(f"difference_{end}" for end in ends), "is_difference"])
    differences = {row.name: row.figures for row in comparison.differences}
    for row in comparison.rows:
        for metric in METRICS:
            beside = differences.get(row.name, {}).get(metric.name, Figure())
            parts = [getattr(figure, end) for figure in (row.figures[metric.name], beside) for end in ends]
            is_difference = beside.is_difference if row.name in differences else ""
            writer.writerow([row.name, metric.name, *("" if part is None else part for part in parts), is_difference])
    return out.getvalue()


def markdown_text(comparison: Comparison) -> str:
    """Return the table in Markdown, the best in bold, and below it why numbers are absent."""
    lines = [_pipes(["metric", *(row.name for row in comparison.rows)]), _pipes(["---"] * (len(comparison.rows) + 1))]
    lines += [_pipes([heading(metric), *_cells(comparison, metric, "**{}**")]) for metric in METRICS]
    notes = [f"- {reason} ({'; '.join(titles)})" for reason, titles in reasons(comparison).items()]
    return "\n".join([*lines, "", caption(comparison), "", BOLD, *(["", *notes] if notes else [])]) + "\n"


def latex_text(comparison: Comparison) -> str:
    """Return a LaTeX tabular for the package booktabs, the best in bold."""
    names = [row.name for row in comparison.rows]
    body = [[heading(metric), *_cells(comparison, metric, "{}")] for metric in METRICS]
    lines = [[_tex(text) for text in line] for line in body]
    for metric, line in zip(METRICS, lines, strict=True):
        for column, name in enumerate(names, start=1):
            if name in best(comparison, metric):
                line[column] = rf"\textbf{{{line[column]}}}"
    rows = [" & ".join(line) + r" \\" for line in [[_tex(text) for text in ("metric", *names)], *lines]]
    return "\n".join(
        [
            f"% {caption(comparison)}",
            f"% {BOLD}",
            *(f"% None of {'; '.join(titles)}: {reason}" for reason, titles in reasons(comparison).items()),
            rf"\begin{{tabular}}{{l{'r' * len(names)}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


FORMATS = {".csv": csv_text, ".md": markdown_text, ".tex": latex_text}
"""Texts of a comparison by the suffix of their file."""


def check_suffix(suffix: str) -> None:
    """Check that a comparison can be written to a file with ``suffix``.

    Raises:
        ConfigError: if not.
    """
    if suffix not in {*FORMATS, ".json"}:
        raise ConfigError(f"A comparison cannot be written as {suffix!r}: use one of {', '.join(FORMATS)}, .json.")


def caption(comparison: Comparison) -> str:
    """Return a sentence on what was measured and how."""
    n_images = " and ".join(f"{n:,}" for n in dict.fromkeys(comparison.n_images))
    return (
        f"{n_images} test images of each run; IWAE bound with {comparison.n_samples} samples; intervals of 95 % by the "
        f"bootstrap over images (seed {comparison.seed}), of shares by Wilson; training is not repeated in them."
    )


def group_text(group: Group, metrics: Sequence[Metric] = METRICS) -> str:
    """Return runs that differ by their seed, with means and deviations, and what differs from the first group."""
    parts = []
    for metric in metrics:
        spread, difference = group.spreads[metric.name], group.differences.get(metric.name)
        if spread.mean is None:
            continue
        deviation = "" if spread.deviation is None else f" ± {number(spread.deviation)}"
        beside = f" (to the first {cell(difference)} *)" if difference is not None and difference.is_difference else ""
        parts.append(f"{metric.title} {number(spread.mean)}{deviation}{beside}")
    return f"Seeds together: {', '.join(group.names)}: {'; '.join(parts)}"


def _cells(comparison: Comparison, metric: Metric, bold: str) -> list[str]:
    names = best(comparison, metric)
    texts = [(row.name, cell(row.figures[metric.name])) for row in comparison.rows]
    return [bold.format(text) if name in names else text for name, text in texts]


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", r"\|") for text in cells) + " |"


def _tex(text: str) -> str:
    return "".join(SPECIAL.get(character, character) for character in text)
