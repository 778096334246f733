import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from explorer.errors import CheckpointError
from explorer.runs.run import Run
from explorer.runs.timeline import FOLDER, epoch_path
from explorer.serving.timeline import kept_record
from explorer.training.trainer import Trainer
from tests.serving.test_routes import Client, assert_refused
from tests.support import digits, fresh_run, new_run, run_config, trained_run
from tests.training.test_resume import stop_at_question


@pytest.fixture(scope="module")
def client(trained):
    return Client(trained)


def maps_of(response):
    assert response.status_code == 200, response.text
    shape = [int(side) for side in response.headers["X-Shape"].split(",")]
    n = shape[0] * shape[1] * shape[2]
    maps = np.frombuffer(response.content, "<f4", n).reshape(shape)
    return json.loads(response.headers["X-Timeline"]), maps, np.frombuffer(response.content[4 * n :], "<u2")


@pytest.mark.parametrize("name", ["vae", "wide", "cvae", "ae"])
def test_all_epochs_are_sent_with_their_classes(client, trained, name):
    timeline = Run(trained / name).timeline()
    facts, maps, labels = maps_of(client.get(f"/api/runs/{name}/timeline"))
    assert (facts["sent"], facts["kept"], facts["stride"]) == ([0, 1, 2], [0, 1, 2], 1)
    assert np.array_equal(maps, timeline.maps()[1])
    assert np.array_equal(labels, timeline.sample.labels)
    assert maps.shape == (3, 200, 2)
    has_prior = [] if name == "ae" else ["samples"]
    assert facts["pictures"] == ["originals", "reconstructions", *has_prior]


def test_only_new_epochs_are_sent(client, trained):
    facts, maps, labels = maps_of(client.get("/api/runs/vae/timeline?from=2"))
    assert (facts["sent"], facts["kept"], len(labels)) == ([2], [0, 1, 2], 200)
    assert np.array_equal(maps, Run(trained / "vae").timeline().maps()[1][2:])
    facts, maps, _ = maps_of(client.get("/api/runs/vae/timeline?from=3"))
    assert (facts["sent"], maps.shape) == ([], (0, 200, 2))


def test_what_has_not_changed_is_not_sent_again_and_what_has_is(own):
    client = Client(own)
    first = client.get("/api/runs/vae/timeline")
    again = client.get("/api/runs/vae/timeline", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    shutil.copy(epoch_path(own / "vae" / FOLDER, 1), epoch_path(own / "vae" / FOLDER, 2))
    changed = client.get("/api/runs/vae/timeline", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_epochs_appear_while_the_run_trains(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=3), digits("train", 128))
    client = Client(tmp_path)
    assert_refused(client.get("/api/runs/run/timeline"), 404, "run has no timeline")
    seen = []
    Trainer(
        run,
        digits("train", 128),
        digits("validation", 50),
        on_epoch=lambda _: seen.append(maps_of(client.get("/api/runs/run/timeline"))),
    ).fit()
    assert [facts["kept"] for facts, _, _ in seen] == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]
    # The maps of the past are what they were.
    assert np.array_equal(seen[0][1], seen[2][1][:2])


def test_maps_of_the_past_do_not_change_when_training_goes_on(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=3, latent_dim=6), digits("train", 128))
    Trainer(run, digits("train", 128), digits("validation", 50)).fit(stop_at_question(3))
    client = Client(tmp_path)
    _, before, _ = maps_of(client.get("/api/runs/run/timeline"))
    Trainer(Run(run.path), digits("train", 128), digits("validation", 50)).fit()
    _, after, _ = maps_of(client.get("/api/runs/run/timeline"))
    assert len(before) == 2
    assert np.array_equal(after[:2], before)


@pytest.mark.parametrize("what", ["originals", "reconstructions", "samples"])
def test_pictures_are_grids_of_eight_columns(client, trained, what):
    response = client.get(f"/api/runs/vae/timeline/2.png?what={what}")
    picture = np.asarray(Image.open(io.BytesIO(response.content)))
    timeline = Run(trained / "vae").timeline()
    images = timeline.sample.originals if what == "originals" else getattr(timeline.record(2), what)
    assert picture.shape == (34 * len(images) // 8 - 2, 8 * 34 - 2, 2)  # 8 x 8 pixels, each 4 x 4, and their opacity
    for k, image in enumerate(images):
        top, left = k // 8 * 34, k % 8 * 34
        assert np.array_equal(picture[top : top + 32 : 4, left : left + 32 : 4, 0], image[0])
    assert [*picture[0, 30:36, 1]] == [255, 255, 0, 0, 255, 255]
    again = client.get(f"/api/runs/vae/timeline/2.png?what={what}", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_a_gan_has_samples_and_no_points(tmp_path):
    run = fresh_run(tmp_path / "gan", run_config("gan", epochs=1), digits("train", 128))
    Trainer(run, digits("train", 128), digits("validation", 50)).fit()
    facts, maps, labels = maps_of(Client(tmp_path).get("/api/runs/gan/timeline"))
    assert (facts["pictures"], maps.shape, len(labels)) == (["samples"], (2, 0, 2), 0)
    assert_refused(Client(tmp_path).get("/api/runs/gan/timeline/1.png?what=originals"), 404, "makes no originals")


REFUSED = {
    "unknown run": ("nowhere/timeline", 404, "There is no run 'nowhere'"),
    "no number": ("vae/timeline?from=first", 400, "from='first' is not a whole number"),
    "long number": (f"vae/timeline?from={'9' * 40}", 400, "is not a whole number"),
    "unknown pictures": ("vae/timeline/1.png?what=weights", 400, "There are no pictures 'weights'"),
    "no pictures": ("vae/timeline/1.png", 400, "use what=originals, reconstructions, samples"),
    "unknown epoch": ("vae/timeline/77.png?what=samples", 404, "Epoch 77 of vae is not recorded: use 0 to 2."),
    "negative epoch": ("vae/timeline/-1.png?what=samples", 404, "Epoch -1 of vae is not recorded"),
    "epoch of letters": ("vae/timeline/last.png?what=samples", 400, "epoch='last' is not a whole number"),
    "samples of an ae": ("ae/timeline/1.png?what=samples", 404, "'ae', which makes no samples"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_in_words(client, name):
    path, status, words = REFUSED[name]
    assert_refused(client.get(f"/api/runs/{path}"), status, words)


def test_a_run_without_a_timeline_says_so_and_what_to_do(tmp_path):
    new_run(tmp_path / "old")
    answer = Client(tmp_path).get("/api/runs/old/timeline")
    assert_refused(answer, 404, "old has no timeline")
    assert "Train it again" in answer.json()["error"]


def test_a_damaged_epoch_is_refused_in_words(tmp_path):
    run = trained_run(tmp_path / "run")
    epoch_path(run.path / FOLDER, 1).write_bytes(b"no")
    assert_refused(Client(tmp_path).get("/api/runs/run/timeline"), 404, "000001.safetensors is damaged")


def test_an_epoch_that_was_thinned_out_is_stood_in_for_by_the_nearest_and_that_is_said(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=6), digits("train", 128))
    Trainer(run, digits("train", 128), digits("validation", 50)).fit()
    opened = run.timeline()
    client = Client(tmp_path)
    for epoch in (3, 5):
        epoch_path(opened.folder, epoch).unlink()
    gone, kept = (client.get(f"/api/runs/run/timeline/{epoch}.png?what=samples") for epoch in (5, 4))
    assert (gone.headers["X-Epoch"], kept.headers["X-Epoch"], gone.content == kept.content) == ("4", "4", True)
    # One that goes while it is asked for, after the folder was listed.
    assert [kept_record(opened, epoch)[0] for epoch in (3, 5, 6)] == [2, 4, 6]


def test_an_epoch_that_is_damaged_is_not_passed_over(tmp_path):
    run = fresh_run(tmp_path / "run", run_config(epochs=2), digits("train", 128))
    Trainer(run, digits("train", 128), digits("validation", 50)).fit()
    epoch_path(run.timeline().folder, 1).write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match="000001"):
        kept_record(run.timeline(), 1)
