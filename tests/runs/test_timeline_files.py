import numpy as np
import pytest
from safetensors.numpy import save_file

from explorer.errors import CheckpointError
from explorer.runs import timeline as timelines
from explorer.runs.timeline import (
    FOLDER,
    EpochRecord,
    TimelineSample,
    epoch_path,
    open_for_recording,
    recorded_epochs,
    save_epoch,
    stride_at,
)
from tests.support import new_run

N = 12


def sample(seed=0):
    rng = np.random.default_rng(seed)
    return TimelineSample(
        labels=rng.integers(10, size=N), originals=rng.integers(256, size=(8, 1, 8, 8), dtype=np.uint8)
    )


def record(epoch=0, latent_dim=2):
    rng = np.random.default_rng(epoch)
    images = rng.integers(256, size=(72, 1, 8, 8), dtype=np.uint8)
    codes = rng.normal(size=(N, latent_dim)).astype(np.float32)
    points = codes if latent_dim == 2 else rng.normal(size=(N, 2)).astype(np.float32)
    return EpochRecord(codes=codes, points=points, reconstructions=images[:8], samples=images[8:])


@pytest.fixture
def run(tmp_path):
    return new_run(tmp_path / "run")


@pytest.fixture
def recorded(run):
    """A run with epochs 0, 1 and 2."""
    open_for_recording(run.path / FOLDER, sample(), 0)
    for epoch in range(3):
        save_epoch(run.path / FOLDER, epoch, record(epoch))
    return run


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_what_an_epoch_recorded_comes_back_to_three_digits(tmp_path, latent_dim):
    run = new_run(tmp_path / "run", latent_dim=latent_dim)
    open_for_recording(run.path / FOLDER, sample(), 0)
    written = record(4, latent_dim)
    save_epoch(run.path / FOLDER, 4, written)
    timeline = run.timeline()
    read = timeline.record(4)
    np.testing.assert_allclose(read.codes, written.codes, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(read.points, written.points, rtol=1e-3, atol=1e-4)
    assert np.array_equal(read.reconstructions, written.reconstructions)
    assert np.array_equal(read.samples, written.samples)
    assert np.array_equal(timeline.sample.labels, sample().labels)
    assert np.array_equal(timeline.sample.originals, sample().originals)


def test_codes_beyond_the_reach_of_float16_are_kept_in_float32(run):
    codes = np.full((N, 2), 1e6, np.float32)
    open_for_recording(run.path / FOLDER, sample(), 0)
    save_epoch(run.path / FOLDER, 0, EpochRecord(codes=codes, points=codes, reconstructions=record().reconstructions))
    assert np.array_equal(run.timeline().record(0).codes, codes)
    assert run.timeline().record(0).samples is None


def test_maps_are_those_of_the_epochs_asked_for(recorded):
    epochs, maps = recorded.timeline().maps(since=1)
    assert (epochs, maps.shape, maps.dtype) == ((1, 2), (2, N, 2), np.float32)
    np.testing.assert_allclose(maps[1], record(2).points, rtol=1e-3, atol=1e-4)
    assert recorded.timeline().maps(since=9)[1].shape == (0, N, 2)


def test_an_epoch_that_was_thinned_out_since_is_passed_over(recorded):
    timeline = recorded.timeline()
    epoch_path(timeline.folder, 1).unlink()
    assert timeline.maps()[0] == (0, 2)


def test_a_run_without_a_timeline_has_none(run):
    assert run.timeline() is None
    open_for_recording(run.path / FOLDER, sample(), 0)
    assert run.timeline() is None  # before its first epoch is written


def test_going_on_removes_what_lies_ahead_and_half_written_files(recorded):
    folder = recorded.path / FOLDER
    (folder / ".000002.safetensors.77.tmp").write_bytes(b"cut short")
    open_for_recording(folder, sample(), 1)
    assert sorted(path.name for path in folder.iterdir()) == [
        "000000.safetensors",
        "000001.safetensors",
        "sample.safetensors",
    ]


def test_a_timeline_of_other_images_is_begun_anew(recorded):
    open_for_recording(recorded.path / FOLDER, sample(seed=1), 2)
    assert recorded_epochs(recorded.path / FOLDER) == ()


def test_a_long_timeline_is_thinned_out_evenly_and_keeps_its_first_and_last_epoch(run, monkeypatch):
    monkeypatch.setattr(timelines, "MAX_EPOCHS", 10)
    folder = run.path / FOLDER
    open_for_recording(folder, sample(), 0)
    kept = {}
    for epoch in range(40):
        save_epoch(folder, epoch, record(epoch))
        kept[epoch] = recorded_epochs(folder)
        assert len(kept[epoch]) <= 10
    assert kept[8] == tuple(range(9))
    assert kept[11] == (0, 2, 4, 6, 8, 10, 11)
    assert kept[39] == (0, 8, 16, 24, 32, 39)
    assert run.timeline().stride == 8


@pytest.mark.parametrize("most", [8, 200])
def test_no_epoch_up_to_the_last_needs_more_files_than_there_may_be(most):
    for epoch in [*range(3000), 999_999]:
        stride = stride_at(epoch, most)
        n = epoch // stride + 1 + (epoch % stride > 0)
        assert n <= most
        assert stride == 1 or epoch // (stride // 2) + 2 > most


def test_large_images_leave_room_for_fewer_epochs(run, monkeypatch):
    monkeypatch.setattr(timelines, "MAX_BYTES", 10 * 8 * 1024)
    folder = run.path / FOLDER
    open_for_recording(folder, sample(), 0)
    for epoch in range(60):
        save_epoch(folder, epoch, record(epoch))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10 * 8 * 1024
    assert recorded_epochs(folder)[0] == 0
    assert recorded_epochs(folder)[-1] == 59


HOSTILE = {
    "codes of other images": ("codes", np.zeros((N + 1, 2), np.float16)),
    "codes of another size": ("codes", np.zeros((N, 3), np.float16)),
    "codes of integers": ("codes", np.zeros((N, 2), np.int64)),
    "a code that is no number": ("codes", np.full((N, 2), np.nan, np.float16)),
    "an infinite code": ("codes", np.full((N, 2), np.inf, np.float32)),
    "large images": ("samples", np.zeros((64, 1, 99, 8), np.uint8)),
    "many images": ("samples", np.zeros((640, 1, 8, 8), np.uint8)),
    "images of floats": ("reconstructions", np.zeros((8, 1, 8, 8), np.float32)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_of_another_shape_type_or_content_is_refused_in_words(recorded, name):
    field, array = HOSTILE[name]
    save_file(record(1).to_arrays() | {field: array}, epoch_path(recorded.path / FOLDER, 1))
    with pytest.raises(CheckpointError, match=f"000001.safetensors is damaged: {field} are .* Delete the folder"):
        recorded.timeline().record(1)


def test_a_file_without_codes_is_refused(recorded):
    save_file({"samples": record().samples}, epoch_path(recorded.path / FOLDER, 1))
    with pytest.raises(CheckpointError, match="lacks the codes, or their map, of 12 images"):
        recorded.timeline().record(1)


@pytest.mark.parametrize("file", ["000001.safetensors", "sample.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "huge"])
def test_a_damaged_file_is_refused_in_words(recorded, file, damage, monkeypatch):
    path = recorded.path / FOLDER / file
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-9], "garbage": b"\xff" * 99, "empty": b"", "huge": content}[damage])
    if damage == "huge":
        monkeypatch.setattr(timelines, "MAX_FILE_BYTES", len(content) - 1)
    with pytest.raises(CheckpointError, match=file):
        recorded.timeline().record(1)


@pytest.mark.parametrize(
    "arrays",
    [
        {"labels": np.zeros(2001, np.uint16)},
        {"labels": np.zeros(N, np.float32)},
        {"labels": np.zeros((N, 1), np.uint16)},
        {"originals": np.zeros((9, 1, 8, 8), np.uint8)},
    ],
)
def test_a_sample_out_of_bounds_is_refused(recorded, arrays):
    save_file(sample().to_arrays() | arrays, recorded.path / FOLDER / "sample.safetensors")
    with pytest.raises(CheckpointError, match=r"sample\.safetensors is damaged"):
        recorded.timeline()


def test_more_epochs_than_are_ever_kept_are_refused(recorded):
    for epoch in range(201):
        epoch_path(recorded.path / FOLDER, epoch).touch()
    with pytest.raises(CheckpointError, match="holds 201 epochs; at most 200"):
        recorded.timeline()


def test_an_epoch_that_is_not_recorded_is_refused_in_words(recorded):
    with pytest.raises(CheckpointError, match=r"000007\.safetensors is not there: that epoch was not recorded"):
        recorded.timeline().record(7)
