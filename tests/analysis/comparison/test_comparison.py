import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from explorer.analysis.comparison.compare import OTHER_IMAGES, compare
from explorer.analysis.comparison.estimators import NO_CODES
from explorer.analysis.comparison.measurements import COUNTED, Figure
from explorer.analysis.comparison.tables import best, cell, check_suffix, csv_text, latex_text, markdown_text, reasons
from explorer.analysis.evaluation.evaluate import NO_ENCODER, evaluate
from explorer.analysis.evaluation.metrics import METRICS, NAMES
from explorer.analysis.statistics.bootstrap import Resampling
from explorer.errors import ConfigError
from explorer.locations import CHECKPOINTS
from explorer.models.build import build_model
from explorer.runs.listing import open_run
from explorer.workflows.comparison import measured_runs_of
from tests.support import digits, model_config

FEW = Resampling(n_resamples=100)
METRIC = {metric.name: metric for metric in METRICS}


def shipped(*names, n=80):
    runs = [open_run(f"digits-{name}-2d", CHECKPOINTS) for name in names]
    return measured_runs_of(runs, CHECKPOINTS, n_images=n)


def quickly(*measured_runs, **options):
    return compare(measured_runs, n_samples=2, resampling=FEW, **options)


@pytest.fixture(scope="module")
def three():
    return compare(shipped("vae", "ae", "cvae"), n_samples=5, resampling=FEW)


def figure(comparison, row, name):
    return comparison.rows[row].figures[name]


def test_every_cell_has_a_number_in_its_interval_or_says_why_there_is_none(three):
    for row in three.rows:
        assert tuple(row.figures) == NAMES
        for found in row.figures.values():
            if found.low is not None:
                assert found.low <= found.value <= found.high
                assert found.standard_error >= 0
            assert (found.reason == "") == (found.low is not None)


def test_the_bound_of_a_run_is_its_evaluation_on_the_same_images(three):
    measured_run = shipped("vae")[0]
    result = evaluate(measured_run.model, digits("test", 80), is_binary=measured_run.is_binary, n_samples=5)
    same = {"elbo": "elbo", "iwae": "log_px", "kl": "kl", "mutual_information": "mutual_information"}
    for ours, theirs in (same | {"squared_error": "squared_error", "active_units": "active_units"}).items():
        assert figure(three, 0, ours).value == pytest.approx(getattr(result, theirs), rel=1e-5)
    assert figure(three, 0, "iwae").standard_error == pytest.approx(result.log_px_se, rel=0.25)


def test_a_difference_is_that_of_the_values_and_its_interval_that_of_pairs_of_images(three):
    found = three.differences[0].figures["trustworthiness"]
    vae, ae = (figure(three, row, "trustworthiness") for row in (0, 1))
    assert three.differences[0].name == "digits-ae-2d"
    assert found.value == pytest.approx(ae.value - vae.value)
    expected = np.quantile(ae.replicates - vae.replicates, (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.is_difference == (found.low > 0 or found.high < 0)


def test_a_difference_is_one_only_where_its_whole_interval_is_on_one_side_of_zero():
    ends = {(0.1, 0.3): True, (-0.3, -0.1): True, (-0.1, 0.3): False, (0.0, 0.3): False, (-0.3, 0.0): False}
    for (low, high), expected in ends.items():
        assert Figure(value=(low + high) / 2, low=low, high=high).is_difference is expected
    assert Figure(value=5.0, reason=COUNTED).is_difference is False


def test_a_run_beside_a_copy_of_itself_differs_in_nothing():
    one = shipped("vae")[0]
    found = quickly(one, replace(one, name="copy")).differences[0].figures
    for name, difference in found.items():
        if difference.value is not None:
            assert difference.value == 0
            assert not difference.is_difference, name


def test_nats_of_different_things_are_not_subtracted(three):
    ae, cvae = (row.figures for row in three.differences)
    assert "a density of grey pixels, and probabilities of binarised pixels" in ae["reconstruction"].reason
    assert "binarised pixels, the other on grey" in ae["squared_error"].reason
    assert cvae["elbo"].reason == cvae["iwae"].reason == "one bounds log p(x|y), given the class, the other log p(x)"
    assert cvae["reconstruction"].low is not None
    assert cvae["parameters"].reason == COUNTED
    assert not cvae["parameters"].is_difference


def test_a_gan_has_numbers_of_its_samples_alone():
    torch.manual_seed(0)
    model = build_model(model_config("gan")).eval().requires_grad_(False)
    gan = replace(shipped("vae")[0], name="gan", model=model, is_binary=False)
    found = quickly(gan).rows[0].figures
    assert {name for name, each in found.items() if each.value is not None} == {
        "frechet_prior",
        "parameters",
        "seconds",
    }
    assert found["elbo"].reason == found["knn_accuracy"].reason == NO_ENCODER
    assert found["smoothness"].reason == found["frechet_density"].reason == NO_CODES


def test_runs_measured_on_other_images_stand_side_by_side_without_a_difference():
    one, other = shipped("vae", "ae")
    later = replace(
        other.test, images=np.ascontiguousarray(other.test.images[::-1]), labels=other.test.labels[::-1].copy()
    )
    found = quickly(one, replace(other, test=later))
    assert all(each.value is not None for name, each in found.rows[1].figures.items() if name == "knn_accuracy")
    differences = found.differences[0].figures
    assert {each.reason for name, each in differences.items() if name in {"knn_accuracy", "nmi", "squared_error"}} == {
        OTHER_IMAGES
    }
    assert differences["parameters"].value is not None
    relabelled = replace(other, test=replace(other.test, labels=(other.test.labels + 1) % 10))
    assert quickly(one, relabelled).differences[0].figures["silhouette"].reason == OTHER_IMAGES


def test_images_of_another_size_leave_the_other_run_standing():
    one, other = shipped("vae", "ae")
    wide = replace(other.test, images=np.zeros((80, 1, 8, 9), np.uint8))
    found = quickly(one, replace(other, test=wide))
    assert "has images of shape (1, 8, 9), not (1, 8, 8)" in figure(found, 1, "elbo").reason
    assert "has images of shape (1, 8, 9)" in figure(found, 1, "smoothness").reason
    assert "the judge was trained on (1, 8, 8)" in figure(found, 1, "frechet_prior").reason
    assert figure(found, 0, "elbo").low is not None


def test_a_model_that_has_diverged_says_so_in_its_cells_and_leaves_the_others_standing():
    one, other = shipped("vae", "ae")
    broken = build_model(other.model.config).eval().requires_grad_(False)
    for weight in broken.parameters():
        weight.fill_(float("nan"))
    for family, also in ((replace(other, model=broken), []), (_diverged_vae(one), ["elbo", "iwae", "frechet_prior"])):
        found = quickly(one, replace(family, name="broken"))
        for name in ("knn_accuracy", "nmi", "squared_error", "active_units", "frechet_density", "smoothness", *also):
            assert figure(found, 1, name).value is None, name
            assert "not a finite number" in figure(found, 1, name).reason, name
        assert figure(found, 1, "parameters").value is not None
        assert figure(found, 0, "elbo").low is not None


def _diverged_vae(one):
    broken = build_model(one.model.config).eval().requires_grad_(False)
    for weight in broken.parameters():
        weight.fill_(float("nan"))
    return replace(one, model=broken)


def test_progress_rises_to_the_last_part_and_a_request_to_stop_is_heard():
    told, one = [], shipped("ae")[0]
    assert quickly(one, replace(one, name="second"), on_progress=told.append) is not None
    assert [progress.fraction for progress in told] == sorted(progress.fraction for progress in told)
    assert (told[0].fraction, told[-1].until) == (0, 1)
    assert told[4].what == "second: bounding p(x), 0 of 80"
    assert quickly(one, stop=lambda: True) is None
    stops = iter([False, True])
    told.clear()
    assert quickly(one, on_progress=told.append, stop=lambda: next(stops)) is None
    assert len(told) == 1


def test_while_a_run_is_measured_numpy_has_one_thread_and_then_as_many_as_before():
    def n_threads(*_):
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    within, n_before = [], n_threads()
    with threadpool_limits(2, user_api="blas"):
        assert quickly(shipped("ae")[0], on_progress=lambda told: within.append((told.what, n_threads()))) is not None
        assert n_threads() == {2}
    assert ("digits-ae-2d: bounding p(x), 0 of 80", {1}) in within
    assert n_threads() == n_before


def test_no_runs_two_of_one_name_and_no_samples_are_refused():
    one = shipped("ae")[0]
    with pytest.raises(ConfigError, match="name at least one"):
        compare([])
    with pytest.raises(ConfigError, match="digits-ae-2d was given more than once"):
        quickly(one, one)
    with pytest.raises(ConfigError, match="0 importance samples are too few"):
        compare([one], n_samples=0)


def test_a_comparison_is_json_that_any_reader_takes(three):
    found = json.loads(json.dumps(three.to_json(), allow_nan=False))
    assert set(found["runs"]["digits-ae-2d"]) == set(NAMES) == set(found["metrics"])
    assert found["runs"]["digits-ae-2d"]["elbo"]["reason"] == figure(three, 1, "elbo").reason
    assert found["differences"]["digits-cvae-2d"]["kl"]["is_difference"] is True
    assert found["images"] == {f"digits-{name}-2d": 80 for name in ("vae", "ae", "cvae")}


def test_every_metric_is_explained_in_a_line_with_its_source():
    assert len(set(NAMES)) == len(NAMES) == len({metric.title for metric in METRICS})
    for metric in METRICS:
        assert metric.explanation.endswith(".")
        assert metric.source


def test_the_best_is_told_only_where_it_is_told_apart_and_can_be_compared(three):
    assert best(three, METRIC["knn_accuracy"]) == {"digits-ae-2d"}
    assert best(three, METRIC["elbo"]) == frozenset()
    assert best(three, METRIC["kl"]) == frozenset()
    one = shipped("vae")[0]
    assert best(quickly(one, replace(one, name="copy")), METRIC["knn_accuracy"]) == frozenset()


def test_numbers_that_are_not_there_are_told_once_with_the_metrics_that_lack_them(three):
    told = reasons(three)
    assert told["digits-ae-2d: an autoencoder has no prior to sample"] == [
        "Frechet distance, prior",
        "class accuracy, prior",
    ]
    between = reasons(three, differences=True)
    assert ["ELBO", "IWAE bound"] in between.values()
    assert not any("no prior" in reason for reason in between)


def test_the_csv_holds_every_number_exactly(three):
    lines = list(csv.DictReader(io.StringIO(csv_text(three))))
    assert len(lines) == 3 * len(NAMES)
    found = {(line["run"], line["metric"]): line for line in lines}
    silhouette = found["digits-cvae-2d", "silhouette"]
    assert float(silhouette["value"]) == figure(three, 2, "silhouette").value
    assert float(silhouette["difference_high"]) == three.differences[1].figures["silhouette"].high
    assert silhouette["is_difference"] == "True"
    assert found["digits-ae-2d", "elbo"]["value"] == ""
    assert "no prior" in found["digits-ae-2d", "elbo"]["reason"]
    assert found["digits-vae-2d", "elbo"]["is_difference"] == ""


def test_markdown_and_latex_hold_the_table_with_the_best_in_bold(three):
    markdown, latex = markdown_text(three), latex_text(three)
    leading = cell(figure(three, 1, "knn_accuracy"))
    assert f"| **{leading}** |" in markdown
    assert "80 test images of each run; IWAE bound with 5 samples" in markdown
    assert rf"\textbf{{{leading}}}" in latex
    assert latex.count(r"\\") == len(NAMES) + 1
    assert r"\begin{tabular}{lrrr}" in latex
    notes = reasons(three)
    assert notes
    assert all(f"% None of {'; '.join(titles)}: {reason}" in latex.splitlines() for reason, titles in notes.items())


def test_a_cell_is_a_number_with_its_interval_in_about_four_digits():
    assert cell(Figure(value=0.91234, low=0.9, high=0.92)) == "0.912 [0.900, 0.920]"
    assert cell(Figure(value=12345.0, reason=COUNTED)) == "12,345"
    assert cell(Figure(reason="none")) == "-"
    with pytest.raises(ConfigError, match=r"cannot be written as '\.xls'"):
        check_suffix(".xls")
