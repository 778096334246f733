import re

import numpy as np
import pytest

from explorer.analysis.comparison.compare import Comparison, Row
from explorer.analysis.comparison.measurements import Figure
from explorer.analysis.evaluation.metrics import METRICS, NAMES
from explorer.ui.compare.table import table_html

ELBO = next(metric for metric in METRICS if metric.name == "elbo")
KNN = next(metric for metric in METRICS if metric.name == "knn_accuracy")


def known(value, low, high):
    spread = np.linspace(low - value, high - value, 40)
    return Figure(value=value, low=low, high=high, replicates=value + spread)


def row(name, **figures):
    return Row(name=name, group=name, figures={key: figures.get(key, Figure()) for key in NAMES})


def table(*rows, differences=()):
    return Comparison(rows=rows, differences=differences, n_images=(1000,) * len(rows), n_samples=50, seed=0)


def cells(html):
    return [re.sub(r"<[^>]+>", "|", cell).strip("|") for cell in re.findall(r"<td>(.*?)</td>", html)]


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (known(0.1, 0.05, 0.15), "+0.100 (0.050 to 0.150)"),
        (known(-0.1, -0.15, -0.05), "-0.100 (-0.150 to -0.050)"),
        (known(0.1, -0.05, 0.25), "no difference told"),
        (Figure(reason="measured on other images"), "not compared: measured on other images"),
    ],
)
def test_a_difference_is_called_one_only_where_its_interval_leaves_0_out(difference, words):
    first, second = row("a", knn_accuracy=known(0.7, 0.6, 0.8)), row("b", knn_accuracy=known(0.8, 0.7, 0.9))
    html = table_html(table(first, second, differences=(row("b", knn_accuracy=difference),)), [KNN])
    alone, beside = cells(html)
    assert re.split(r"\|+", alone) == ["0.700", "0.600 to 0.800"]
    assert re.split(r"\|+", beside) == ["0.800", "0.700 to 0.900", words]


def test_the_best_is_bold_and_what_is_not_there_says_why():
    first, second = row("a", elbo=known(-100, -101, -99)), row("b", elbo=known(-90, -91, -89))
    html = table_html(table(first, second, differences=(row("b", elbo=known(10, 9, 11)),)), [ELBO])
    assert html.count("<b>") == 1
    assert "<b>-90</b>" in html
    missing = row("b", elbo=Figure(reason="an autoencoder has no prior"))
    html = table_html(table(first, missing, differences=(missing,)), [ELBO])
    assert [re.split(r"\|+", cell) for cell in cells(html)] == [
        ["-100", "-101 to -99"],
        ["an autoencoder has no prior"],
    ]


def test_each_metric_is_explained_with_its_source_and_which_way_is_better():
    html = table_html(table(row("a")), METRICS)
    for metric in METRICS:
        assert metric.explanation.partition("'")[0].partition("&")[0].partition("<")[0].partition("q(z|x)")[0] in html
    assert "ELBO (nats) ↑" in html
    assert "KL (nats)<" in html, "neither way is better"


def test_names_and_reasons_are_text_and_no_markup():
    html = table_html(table(row("<b>x</b>", elbo=Figure(reason="<script>"))), [ELBO])
    assert "<script>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
