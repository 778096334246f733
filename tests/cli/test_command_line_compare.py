"""``python -m explorer compare``: what it prints, writes and refuses, on the shipped runs."""

import csv
import json
import shutil
import signal

import pytest

from explorer.analysis.evaluation.metrics import METRICS, NAMES
from explorer.analysis.statistics.bootstrap import Resampling
from explorer.jobs.progress import Progress
from explorer.locations import CHECKPOINTS
from explorer.runs.measurements import FOLDER
from explorer.workflows import measurement_setup
from tests.support import new_run

VAE, AE = "digits-vae-2d", "digits-ae-2d"
QUICK = ("--images", "60", "--iwae-samples", "2")


@pytest.fixture
def shipped(tmp_path):
    """A folder with two of the shipped runs, not measured yet; the shipped classifier serves it."""
    for name in (VAE, AE):
        shutil.copytree(CHECKPOINTS / name, tmp_path / "shipped" / name, ignore=shutil.ignore_patterns(FOLDER))
    return tmp_path / "shipped"


@pytest.fixture
def compare(command, shipped, monkeypatch):
    """Run ``compare`` on the shipped runs."""

    def run(*arguments, checkpoints=shipped):
        monkeypatch.setenv("COLUMNS", "200")
        return command("compare", *arguments, checkpoints=checkpoints)

    return run


@pytest.fixture(autouse=True)
def few_resamples(request, monkeypatch):
    """What is printed, written and refused is the same with fewer; one test has as many as the command."""
    if request.function is not test_json_has_every_metric_of_every_run_and_every_difference:
        monkeypatch.setattr(measurement_setup, "RESAMPLING", Resampling(n_resamples=50))


def test_json_has_every_metric_of_every_run_and_every_difference(compare):
    status, out, _ = compare(VAE, AE, *QUICK, "--json")
    found = json.loads(out)
    assert status == 0
    assert set(found["runs"]) == {VAE, AE}
    assert set(found["runs"][VAE]) == set(NAMES)
    knn = found["runs"][AE]["knn_accuracy"]
    assert knn["low"] < knn["value"] < knn["high"]
    assert "no prior" in found["runs"][AE]["elbo"]["reason"]
    assert set(found["differences"]) == {AE}
    assert found["images"] == {VAE: 60, AE: 60}
    assert (found["iwae_samples"], found["groups"]) == (2, [])


def test_the_same_comparison_again_is_the_same_to_the_last_digit_and_measured_only_if_asked_to(compare, tmp_path):
    told = tmp_path / "progress.json"
    first, second, third = (
        compare(AE, *QUICK, "--json", "--progress", str(told.with_stem(f"{n}")), *again)
        for n, again in enumerate([(), (), ("--again",)])
    )
    assert first[1] == second[1] == third[1]
    assert "All of it was measured before and is stored with the runs; --again measures it anew." in second[2]
    assert "measured before" not in first[2] + third[2]
    assert [told.with_stem(f"{n}").exists() for n in range(3)] == [True, False, True]


def test_what_cannot_be_stored_is_a_note_to_a_person_and_an_error_to_the_app(compare, shipped, tmp_path):
    (shipped / AE / FOLDER).write_text("")
    status, out, said = compare(AE, *QUICK, "--json")
    assert (status, AE in json.loads(out)["runs"]) == (0, True)
    assert "Note: What was measured of digits-ae-2d could not be stored" in said
    status, _, said = compare(AE, *QUICK, "--progress", str(tmp_path / "progress.json"))
    assert status == 1
    assert "Error: What was measured of digits-ae-2d could not be stored" in said


def test_the_table_says_what_was_measured_and_why_a_number_is_not_there(compare):
    status, out, _ = compare(VAE, AE, *QUICK, "--explain")
    assert status == 0
    assert "60 test images of each run; IWAE bound with 2 samples" in out
    assert "None of Frechet distance, prior; class accuracy, prior. digits-ae-2d: an autoencoder has no prior" in out
    assert "digits-ae-2d - digits-vae-2d: nats of different things" in out
    for metric in METRICS:
        assert f"{metric.explanation} Source: {metric.source}" in out


def test_the_table_is_written_as_what_its_file_is_called(compare, tmp_path):
    for suffix, holds in ((".md", "| metric | digits-ae-2d |"), (".tex", r"\toprule"), (".json", '"knn_accuracy"')):
        status, _, said = compare(AE, *QUICK, "--out", f"table{suffix}")
        assert (status, holds in (tmp_path / f"table{suffix}").read_text()) == (0, True)
        assert f"Compared 1 runs -> table{suffix}" in said
    compare(VAE, AE, *QUICK, "--out", "table.csv")
    lines = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [line["metric"] for line in lines if line["run"] == AE] == list(NAMES)


def test_seeds_of_one_configuration_are_also_told_together(compare, tmp_path):
    folder = tmp_path / "runs"
    for seed in (0, 1):
        new_run(folder / f"seed-{seed}", "ae", seed=seed)
    shutil.copytree(CHECKPOINTS / AE, folder / AE)
    status, out, _ = compare("seed-0", "seed-1", AE, *QUICK, checkpoints=folder)
    assert status == 0
    assert "Seeds together: seed-0, seed-1: k-NN accuracy" in out
    assert "None of training. seed-0: the run has no history that says so" in out


def test_what_cannot_be_compared_is_refused_in_words(compare):
    assert "digits-ae-2d was given more than once" in compare(AE, AE, *QUICK)[2]
    assert "A comparison cannot be written as '.xls'" in compare(AE, "--out", "table.xls")[2]
    status, _, said = compare(AE, "no-such-run")
    assert (status, "no-such-run" in said) == (1, True)
    assert compare()[0] == 2


def test_how_far_it_is_can_be_read_from_a_file(compare, tmp_path):
    compare(AE, *QUICK, "--progress", str(tmp_path / "progress.json"))
    told = Progress.from_json((tmp_path / "progress.json").read_text())
    assert (told.what, told.until) == ("digits-ae-2d: walking between images", 1.0)


def test_a_comparison_that_is_interrupted_writes_nothing(compare, tmp_path, monkeypatch):
    import explorer.analysis.comparison.measure as library

    whole = library.sample_outcomes

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return whole(*arguments)

    monkeypatch.setattr(library, "sample_outcomes", interrupted)
    status, out, said = compare(AE, *QUICK, "--out", "table.md", "--json")
    assert (status, out) == (1, "")
    assert "The comparison was stopped before its end; nothing was written" in said
    assert not (tmp_path / "table.md").exists()
