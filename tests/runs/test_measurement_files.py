"""What was measured of a run, in its folder: found by its key alone, bounded in number, and never believed unseen."""

import os
import shutil
from dataclasses import fields, replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from explorer.analysis.comparison.measurements import ComparisonConditions, Figure, Measurements
from explorer.analysis.evaluation.metrics import NAMES
from explorer.errors import CheckpointError
from explorer.files import read_safetensors_header
from explorer.runs.measurements import (
    FOLDER,
    MAX_BYTES,
    MAX_FILES,
    CacheKey,
    measurements_path,
    read_measurements,
    save_measurements,
)
from tests.support import new_run

CACHE_KEY = CacheKey(
    weights="0" * 16,
    model="{}",
    is_binary=True,
    data="digits",
    judge="",
    seconds=None,
    n_images=100,
    n_samples=5,
    n_resamples=3,
    seed=0,
    confidence=0.95,
)
CONDITIONS = ComparisonConditions(
    images="0" * 16, n_images=100, is_binary=True, likelihood="bernoulli", is_given_class=False
)


def measured(value=0.5, n_images=100, n_resamples=3):
    figures = dict.fromkeys(NAMES, Figure(reason="none"))
    figures["kl"] = Figure(value=value, low=0.0, high=1.0, replicates=np.linspace(0, 1, n_resamples))
    return Measurements(name="a", group="g", figures=figures, conditions=replace(CONDITIONS, n_images=n_images))


def value(run, cache_key=CACHE_KEY):
    found = read_measurements(run, cache_key, group="g")
    return None if found is None else found.figures["kl"].value


@pytest.fixture
def run(tmp_path):
    return new_run(tmp_path / "a")


def test_what_was_measured_is_found_with_its_basis_and_takes_the_place_of_what_was_before(run):
    assert value(run) is None
    save_measurements(run, CACHE_KEY, measured(0.25))
    save_measurements(run, CACHE_KEY, measured(0.75))
    assert value(run) == 0.75
    assert read_measurements(run, CACHE_KEY, group="h").group == "h"
    assert len(list((run.path / FOLDER).iterdir())) == 1


OTHERS = {
    "weights": "1" * 16,
    "model": "{ }",
    "is_binary": False,
    "data": "mnist",
    "judge": "2" * 16,
    "seconds": 1.5,
    "n_images": 200,
    "n_samples": 6,
    "n_resamples": 4,
    "seed": 1,
    "confidence": 0.9,
    "version": 0,
}


def test_whatever_of_the_basis_is_another_nothing_is_found(run):
    save_measurements(run, CACHE_KEY, measured())
    assert set(OTHERS) == {field.name for field in fields(CacheKey)}
    for name, other in OTHERS.items():
        assert value(run, replace(CACHE_KEY, **{name: other})) is None, name


def test_the_last_few_settings_are_kept(run):
    cache_keys = [replace(CACHE_KEY, n_samples=n) for n in range(1, MAX_FILES + 3)]
    for age, cache_key in zip(range(len(cache_keys), 0, -1), cache_keys, strict=True):
        save_measurements(run, cache_key, measured())
        os.utime(measurements_path(run, cache_key), (10**9 - age, 10**9 - age))
    assert [value(run, cache_key) for cache_key in cache_keys] == [None, None, *[0.5] * MAX_FILES]


def test_what_was_just_measured_is_kept_even_beside_files_of_the_future(run):
    for n in range(1, MAX_FILES + 1):
        cache_key = replace(CACHE_KEY, n_samples=n)
        save_measurements(run, cache_key, measured())
        os.utime(measurements_path(run, cache_key), (4 * 10**9, 4 * 10**9))
    save_measurements(run, replace(CACHE_KEY, n_samples=100), measured())
    assert value(run, replace(CACHE_KEY, n_samples=100)) == 0.5
    assert len(list((run.path / FOLDER).iterdir())) == MAX_FILES


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def overlong(path):
    with path.open("ab") as file:
        file.truncate(MAX_BYTES + 1)


def rewritten(path, **changes):
    arrays, metadata = load_file(path), read_safetensors_header(path)["__metadata__"]
    save_file(arrays, path, metadata | changes)


def of_another_run(path):
    rewritten(path, basis=replace(CACHE_KEY, weights="1" * 16).to_json())


def without_metadata(path):
    save_file(load_file(path), path)


def of_many_images(path):
    rewritten(
        path, grounds='{"images": "", "n_images": 101, "is_binary": true, "likelihood": "", "is_given_class": true}'
    )


DAMAGES = {
    "cut": (cut, "is damaged: not a safetensors file"),
    "too large": (overlong, "at most 4,194,304 are read"),
    "of others": (of_another_run, "it is of other settings"),
    "no metadata": (without_metadata, "is damaged"),
    "nested": (lambda path: rewritten(path, figures="[" * 100_000), "is damaged"),
    "more images": (of_many_images, "it is of 101 images, not of 100"),
}


@pytest.mark.parametrize(("damage", "text"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_file_is_refused_in_words(run, damage, text):
    save_measurements(run, CACHE_KEY, measured())
    damage(measurements_path(run, CACHE_KEY))
    with pytest.raises(CheckpointError, match=text):
        value(run)


def test_resamples_of_another_number_are_refused(run):
    save_measurements(run, CACHE_KEY, measured(n_resamples=4))
    with pytest.raises(CheckpointError, match=r"it has \[4\] resamples, not 3"):
        value(run)


def test_what_would_be_too_large_to_read_is_not_written(run):
    with pytest.raises(CheckpointError, match=r"at most 4,194,304 are kept\. Use fewer resamples"):
        save_measurements(run, CACHE_KEY, measured(n_resamples=MAX_BYTES // 8))
    assert not (run.path / FOLDER).exists()


def test_a_folder_that_cannot_be_made_is_said_and_a_deleted_run_is_not_brought_back(run):
    (run.path / FOLDER).write_text("")
    with pytest.raises(CheckpointError, match="measures could not be made"):
        save_measurements(run, CACHE_KEY, measured())
    shutil.rmtree(run.path)
    with pytest.raises(CheckpointError, match="measures could not be made: No such file"):
        save_measurements(run, CACHE_KEY, measured())
    assert not run.path.exists()
