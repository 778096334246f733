"""Deleting a run and bringing it back."""

import json
import time

import pytest

from explorer import locations
from explorer.errors import CheckpointError, ReadOnlyError, TrainingError
from explorer.runs.listing import list_runs
from explorer.runs.live import JobRecord
from explorer.runs.lock import training_lock
from explorer.runs.trash import KEPT_SECONDS, NOTE, discard, discarded_runs, purge, restore
from tests.support import new_run


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name != ".lock"}


def test_a_deleted_run_is_no_longer_listed_and_comes_back_as_it_was(tmp_path):
    run = new_run(tmp_path / "a.1")
    before = contents(run.path)
    gone = discard(run)
    assert list_runs(tmp_path) == []
    assert (gone.path, discarded_runs(tmp_path)) == (tmp_path / ".trash" / "a.1.1", [gone])
    assert gone.time == pytest.approx(time.time(), abs=60)
    assert restore(gone).path == run.path
    assert contents(run.path) == before
    assert discarded_runs(tmp_path) == []


def test_runs_of_one_name_lie_side_by_side_in_the_trash_and_the_latest_comes_first(tmp_path):
    first = discard(new_run(tmp_path / "a"))
    second = discard(new_run(tmp_path / "a"))
    assert [second.path.name, first.path.name] == ["a.2", "a.1"]
    assert discarded_runs(tmp_path) == [second, first]


def test_a_run_that_is_being_trained_is_not_deleted(tmp_path):
    run = new_run(tmp_path / "a")
    with training_lock(run), pytest.raises(TrainingError, match=r"a is being trained by process .* Stop it first"):
        discard(run)
    assert run.path.is_dir()


def test_a_run_that_waited_to_be_trained_waits_no_more_once_it_is_back(tmp_path):
    run = new_run(tmp_path / "a")
    run.save_job(JobRecord(order=1, queued_at=0.0))
    assert restore(discard(run)).job() is None


def test_a_run_is_not_restored_over_another_one(tmp_path):
    gone = discard(new_run(tmp_path / "a", latent_dim=3))
    new_run(tmp_path / "a", latent_dim=4)
    with pytest.raises(CheckpointError, match="a cannot be restored: there is another run of that name"):
        restore(gone)
    assert list_runs(tmp_path)[0].config.model.latent_dim == 4
    assert discarded_runs(tmp_path) == [gone]


def test_what_is_restored_twice_or_deleted_twice_is_told_in_words(tmp_path):
    run = new_run(tmp_path / "a")
    gone = discard(run)
    with pytest.raises(CheckpointError, match="could not be opened"):
        discard(run)
    restore(gone).path.rename(tmp_path / "b")
    with pytest.raises(CheckpointError, match="a is no longer in the trash"):
        restore(gone)


def test_after_a_week_a_run_is_removed_and_not_before(tmp_path):
    old, young, dateless, of_the_future = (discard(new_run(tmp_path / name)) for name in "abcd")
    now = time.time()
    (old.path / NOTE).write_text(json.dumps({"time": now - KEPT_SECONDS - 60}))
    (young.path / NOTE).write_text(json.dumps({"time": now - KEPT_SECONDS + 60}))
    (dateless.path / NOTE).write_text("{")
    (of_the_future.path / NOTE).write_text(json.dumps({"time": now + 1e6}))
    left_by_a_kill = tmp_path / ".trash" / ".e.1.removed"
    left_by_a_kill.mkdir()
    assert purge(tmp_path) == ["a"]
    assert not left_by_a_kill.exists()
    assert {each.name for each in discarded_runs(tmp_path)} == {"b", "c", "d"}
    assert [path.name for path in (tmp_path / ".trash").glob("a*")] == []


def test_an_app_that_only_shows_deletes_and_restores_nothing(tmp_path, monkeypatch):
    run = new_run(tmp_path / "a")
    gone = discard(new_run(tmp_path / "b"))
    monkeypatch.setattr(locations, "READONLY", True)
    for what, act in (("Deleting a", lambda: discard(run)), ("Restoring b", lambda: restore(gone))):
        with pytest.raises(ReadOnlyError, match=f"{what} is not possible here: this app only shows what is there"):
            act()
    with pytest.raises(ReadOnlyError, match="Emptying the trash"):
        purge(tmp_path)


def test_without_a_trash_there_is_nothing_in_it(tmp_path):
    assert discarded_runs(tmp_path) == []
    assert purge(tmp_path / "none") == []
