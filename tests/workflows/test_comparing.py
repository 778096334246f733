"""Comparisons of what is stored: the same to the last digit as measured anew, and measured once."""

import json
import os
import shutil

import pytest

from explorer.analysis.comparison.compare import compare
from explorer.analysis.statistics.bootstrap import Resampling
from explorer.errors import CheckpointError, ConfigError
from explorer.locations import CHECKPOINTS
from explorer.runs.classifiers import FOLDER as JUDGES
from explorer.runs.classifiers import classifier_path, read_classifier, save_classifier
from explorer.runs.listing import open_run
from explorer.runs.measurements import FOLDER, measurements_path
from explorer.workflows import comparison, measurement_setup
from explorer.workflows.comparison import (
    READING,
    expected_seconds,
    measured_comparison,
    measured_runs_of,
    not_measured,
    stored_comparison,
    version_of,
)
from explorer.workflows.measurement_setup import MeasurementSetup
from tests.support import new_run, read_only

VAE, AE, CVAE = "digits-vae-2d", "digits-ae-2d", "digits-cvae-2d"
FEW = Resampling(n_resamples=50)
SETTING = {"n_images": 60, "n_samples": 2}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(measurement_setup, "RESAMPLING", FEW)


@pytest.fixture
def folder(tmp_path):
    """A folder of runs that are not measured yet, and a classifier."""
    for name in (VAE, AE, CVAE, JUDGES):
        shutil.copytree(CHECKPOINTS / name, tmp_path / "runs" / name, ignore=shutil.ignore_patterns(FOLDER))
    return tmp_path / "runs"


class Comparing:
    """What a session does with runs of one folder."""

    def __init__(self, folder):
        self.folder, self.told = folder, []

    def runs(self, *names):
        return [open_run(name, self.folder) for name in names]

    def measured(self, *names, setting=SETTING, **options):
        self.told.clear()
        line = MeasurementSetup(self.folder, **setting)
        return measured_comparison(self.runs(*names), line, on_progress=self.told.append, **options)

    def stored(self, *names, setting=SETTING):
        return stored_comparison(self.runs(*names), self.folder, **setting)

    def missing(self, *names, setting=SETTING):
        return [run.name for run in not_measured(self.runs(*names), MeasurementSetup(self.folder, **setting))]

    def stages(self):
        """The runs that progress was told of, each once."""
        return list(dict.fromkeys(progress.what.partition(":")[0] for progress in self.told))

    def files(self, name):
        return {path.name: path.stat().st_mtime_ns for path in (self.folder / name / FOLDER).glob("*")}


@pytest.fixture
def session(folder):
    return Comparing(folder)


def text(found):
    return json.dumps(comparison.as_json(found))


def test_what_is_stored_is_what_was_measured_and_what_measuring_anew_gives_to_the_last_digit(session):
    assert session.stored(VAE, AE) is None
    found = session.measured(VAE, AE)
    fresh = compare(measured_runs_of(session.runs(VAE, AE), session.folder, n_images=60), n_samples=2, resampling=FEW)
    assert text(session.stored(VAE, AE)) == text(found.comparison) == text(fresh)
    assert (found.measured, found.unread, found.unstored) == ((VAE, AE), (), ())


def test_nothing_is_measured_twice_in_whatever_order_and_company(session, monkeypatch):
    counts, whole = [], measurement_setup.measure
    monkeypatch.setattr(
        measurement_setup, "measure", lambda one, **options: counts.append(one.name) or whole(one, **options)
    )
    first = session.measured(VAE, AE).comparison
    files = session.files(VAE) | session.files(AE)
    again = session.measured(AE, VAE)
    assert (again.measured, session.told) == ((), [])
    assert again.comparison.differences[0].name == VAE
    assert again.comparison.differences[0].figures["nmi"].value == -first.differences[0].figures["nmi"].value
    assert session.measured(CVAE, VAE).measured == (CVAE,)
    assert session.stages() == [READING, CVAE]
    assert counts == [VAE, AE, CVAE]
    assert session.files(VAE) | session.files(AE) == files


def test_progress_is_that_of_what_is_measured_from_0_to_1(session):
    session.measured(VAE)
    session.measured(VAE, AE, CVAE)
    fractions = [progress.fraction for progress in session.told]
    assert fractions == sorted(fractions)
    assert (fractions[0], session.told[-1].until) == (0, 1)
    assert session.stages() == [READING, AE, CVAE]


def test_another_setting_is_measured_beside_the_one_before(session):
    session.measured(AE)
    other = {"n_images": 40, "n_samples": 3}
    assert session.stored(AE, setting=other) is None
    assert session.missing(AE, setting=other) == [AE]
    session.measured(AE, setting=other)
    assert session.stored(AE, setting=other).n_images == (40,)
    assert session.stored(AE).n_images == (60,)
    assert len(session.files(AE)) == 2


def other_weights(run, folder):
    run.save_weights({name: tensor * 1.01 for name, tensor in run.model().state_dict().items()})


def other_configuration(run, folder):
    model = run.config.model.model_copy(update={"likelihood": "continuous-bernoulli"})
    run.save_config(run.config.model_copy(update={"model": model}))


def other_history(run, folder):
    run.save_history(run.history()[:-1])


def other_judge(run, folder):
    classifier = read_classifier(classifier_path("digits", folder))
    classifier.network.head.bias += 0.01
    save_classifier(folder, classifier)


@pytest.mark.parametrize("change", [other_weights, other_configuration, other_history, other_judge])
def test_a_run_is_measured_again_once_something_that_it_depends_on_is_another(session, change):
    session.measured(VAE, AE)
    version = version_of(session.runs(VAE), session.folder)
    change(session.runs(VAE)[0], session.folder)
    assert version_of(session.runs(VAE), session.folder) != version
    assert session.stored(VAE) is None
    assert session.missing(VAE, AE) == ([VAE, AE] if change is other_judge else [VAE])
    assert VAE in session.measured(VAE, AE).measured
    assert session.missing(VAE, AE) == []


def test_without_a_judge_a_run_is_measured_again_and_says_so(session, monkeypatch):
    session.measured(AE)
    monkeypatch.setattr(measurement_setup, "find_classifier", lambda *_: None)
    assert session.missing(AE) == [AE]
    found = session.measured(AE).comparison.rows[0].figures["frechet_density"]
    assert "there is no judge of digits" in found.reason
    assert session.stored(AE).rows[0].figures["frechet_density"].reason == found.reason


def test_asked_to_all_are_measured_again(session):
    first = session.measured(VAE, AE).comparison
    before = session.files(AE)
    again = session.measured(VAE, AE, is_again=True)
    assert again.measured == (VAE, AE)
    assert text(again.comparison) == text(first)
    assert session.files(AE).keys() == before.keys()
    assert session.files(AE) != before


def test_a_damaged_file_is_measured_again_and_said(session):
    first = session.measured(VAE, AE).comparison
    run = session.runs(AE)[0]
    path = measurements_path(run, MeasurementSetup(session.folder, **SETTING).cache_key(run))
    os.truncate(path, 100)
    assert session.stored(VAE, AE) is None
    found = session.measured(VAE, AE)
    assert found.measured == (AE,)
    assert f"{path} is damaged" in found.unread[0]
    assert text(session.stored(VAE, AE)) == text(first)


def test_what_cannot_be_stored_is_returned_and_said(session):
    (session.folder / AE / FOLDER).write_text("")
    found = session.measured(VAE, AE)
    assert found.comparison.rows[1].figures["knn_accuracy"].low is not None
    assert "What was measured of digits-ae-2d could not be stored" in found.unstored[0]
    assert session.missing(VAE, AE) == [AE]


@pytest.mark.skipif(shutil.which("chattr") is None, reason="makes a folder read-only by chattr")
def test_a_folder_that_may_only_be_read_is_said(session):
    with read_only(session.folder / AE):
        found = session.measured(AE)
    assert "measures could not be made: " in found.unstored[0]
    assert found.comparison.rows[0].figures["knn_accuracy"].low is not None


def at(stage, do):
    """What does something when progress comes to a stage."""
    return lambda progress: do() if progress.what.startswith(stage) else None


@pytest.mark.parametrize("stage", [f"{VAE}: comparing", f"{AE}: comparing", f"{AE}: walking"])
def test_a_run_that_is_deleted_meanwhile_is_told_and_the_others_stand(session, stage):
    def delete():
        shutil.rmtree(session.folder / AE, ignore_errors=True)

    runs, line = session.runs(VAE, AE, CVAE), MeasurementSetup(session.folder, **SETTING)
    with pytest.raises(CheckpointError, match=r"digits-ae-2d was deleted .*The others are stored") as told:
        measured_comparison(runs, line, on_progress=at(stage, delete))
    assert VAE not in str(told.value)
    assert not (session.folder / AE).exists()
    assert session.missing(VAE, CVAE) == []


def test_a_stop_is_heard_before_the_next_part_and_what_is_measured_by_then_stays(session):
    ends = []
    options = {"stop": lambda: bool(ends)}
    runs, line = session.runs(VAE, AE), MeasurementSetup(session.folder, **SETTING)
    assert (
        measured_comparison(runs, line, on_progress=at(f"{AE}: comparing", lambda: ends.append(1)), **options) is None
    )
    assert session.missing(VAE, AE) == [AE]
    assert session.files(AE) == {}
    assert session.measured(VAE, AE).measured == (AE,)


def test_metrics_that_fail_say_why_in_their_cells_stored_or_not_and_the_others_stand(session):
    broken = new_run(session.folder / "broken", "ae")
    weights = broken.model().state_dict()
    # A decoder that has diverged: codes are numbers, and images are none.
    broken.save_weights({name: t.fill_(float("nan")) if "decoder" in name else t for name, t in weights.items()})
    found = session.measured("broken", AE)
    for figures in (found.comparison.rows[0].figures, session.stored("broken", AE).rows[0].figures):
        assert figures["knn_accuracy"].low is not None
        assert "not a finite number" in figures["squared_error"].reason
        assert "not a finite number" in figures["smoothness"].reason
        assert figures["parameters"].value is not None
    assert session.stored("broken", AE).differences[0].figures["squared_error"].value is None
    assert session.stored("broken", AE).rows[1].figures["squared_error"].low is not None


def test_a_run_that_changes_while_it_is_read_is_read_again(session, monkeypatch):
    run = session.runs(AE)[0]
    weights, whole, cache_keys = run.model().state_dict(), MeasurementSetup.cache_key, []

    def cache_key(self, of):
        cache_keys.append(whole(self, of))
        if len(cache_keys) == 1:
            run.save_weights({name: tensor * 1.01 for name, tensor in weights.items()})
        return cache_keys[-1]

    line = MeasurementSetup(session.folder, **SETTING)
    monkeypatch.setattr(MeasurementSetup, "cache_key", cache_key)
    found, measured_run = line._of_one_moment(run)
    assert len(cache_keys) == 4
    assert found.weights == run.fingerprint() != cache_keys[0].weights
    name, tensor = next(iter(measured_run.model.state_dict().items()))
    assert tensor.equal(weights[name] * 1.01)


def test_seconds_are_expected_of_what_is_missing_and_more_of_more(session):
    line, larger = (
        MeasurementSetup(session.folder, **SETTING),
        MeasurementSetup(session.folder, n_images=60, n_samples=50),
    )
    runs = session.runs(VAE, AE)
    assert expected_seconds([], line) == 0
    assert expected_seconds(runs[:1], line) < expected_seconds(runs, line) < expected_seconds(runs, larger)
    assert expected_seconds(runs, line) == pytest.approx(
        comparison.READING_SECONDS + sum(sum(line.seconds(run).values()) for run in runs)
    )


def test_what_cannot_be_compared_is_refused_before_anything_is_measured(session):
    for names, told in (((), "name at least one"), ((AE, AE), "given more than once")):
        with pytest.raises(ConfigError, match=told):
            session.stored(*names)
        with pytest.raises(ConfigError, match=told):
            session.measured(*names)
    with pytest.raises(ConfigError, match="0 importance samples"):
        session.measured(AE, setting={"n_images": 60, "n_samples": 0})
    assert session.told == []
