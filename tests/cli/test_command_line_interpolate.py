"""``python -m explorer interpolate``: what it writes, prints and refuses, on the shipped runs."""

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageSequence

from explorer.analysis.coding import decode_codes
from explorer.analysis.paths.interpolation import linear_path, path_times
from explorer.locations import CHECKPOINTS
from explorer.runs.listing import open_run
from tests.support import mp4_frames, new_run

VAE, CVAE = "digits-vae-2d", "digits-cvae-2d"


@pytest.fixture
def interpolate(command):
    """Run ``interpolate`` on the shipped runs."""

    def run(*arguments, checkpoints=CHECKPOINTS):
        return command("interpolate", *arguments, checkpoints=checkpoints)

    return run


def shown(frame):
    """For how many milliseconds a frame is shown; only one that was read knows."""
    frame.load()
    return frame.info["duration"]


def ends(first=0, last=9):
    return ["--from", str(first), "--to", str(last)]


def test_an_npz_holds_the_codes_of_the_path_and_their_images(interpolate, tmp_path):
    status, _, said = interpolate(VAE, *ends(), "--out", "path.npz", "--frames", "7", "--overshoot", "0.2")
    assert status == 0, said
    run = open_run(VAE, CHECKPOINTS)
    mu, t = run.encoded().mu, path_times(7, overshoot=0.2)
    with np.load(tmp_path / "path.npz") as stored:
        assert sorted(stored) == ["codes", "images", "t"]
        np.testing.assert_array_equal(stored["codes"], linear_path(mu[0], mu[9], t).codes)
        np.testing.assert_array_equal(stored["images"], decode_codes(run.model(), stored["codes"]))
        np.testing.assert_array_equal(stored["t"], t)
    assert "9 images on a linear path" in said
    assert said.endswith("-> path.npz")


@pytest.mark.parametrize("kind", ["linear", "spherical", "geodesic", "data"])
def test_every_kind_of_path_is_told_as_json(interpolate, kind):
    status, out, said = interpolate(VAE, *ends(), "--path", kind, "--out", "path.png", "--json")
    assert status == 0, said
    told = json.loads(out)
    assert told["kind"] == kind
    assert len(told["t"]) == len(told["n_near"]) == len(told["log_prior"]) == len(told["verdicts"]) == 16
    assert told["image_energy"] >= told["image_length"] ** 2 / 2 * (1 - 1e-6)
    assert (told["rows"] is not None) == (kind == "data")
    assert (told["iterations"] is not None) == (kind == "geodesic")
    if kind == "geodesic":
        assert told["energy"] <= told["straight_energy"]


def test_films_have_the_frames_and_the_speed_that_were_asked_for(interpolate, tmp_path):
    for suffix in (".gif", ".webp", ".mp4"):
        status, _, said = interpolate(VAE, *ends(), "--out", f"path{suffix}", "--frames", "5", "--fps", "10")
        assert status == 0, said
    for suffix in (".gif", ".webp"):
        with Image.open(tmp_path / f"path{suffix}") as picture:
            assert [shown(frame) for frame in ImageSequence.Iterator(picture)] == [100] * 8
    assert len(mp4_frames((tmp_path / "path.mp4").read_bytes())[0]) == 8
    status, _, said = interpolate(VAE, *ends(), "--out", "path.png", "--frames", "5")
    with Image.open(tmp_path / "path.png") as strip:
        assert strip.size == (5 * 56, 56)


def test_at_constant_speed_the_images_change_equally(interpolate, tmp_path):
    for name, more in (("even", ["--constant-speed"]), ("uneven", [])):
        status, _, said = interpolate(VAE, *ends(), "--frames", "24", "--out", f"{name}.npz", *more)
        assert status == 0, said
    model = open_run(VAE, CHECKPOINTS).model()
    spread = {}
    for name in ("even", "uneven"):
        with np.load(tmp_path / f"{name}.npz") as stored:
            images = decode_codes(model, stored["codes"]).reshape(24, -1).astype(float)
        steps = np.linalg.norm(np.diff(images, axis=0), axis=1)
        spread[name] = steps.std() / steps.mean()
    assert spread["even"] < 0.1 < spread["uneven"]


def test_a_conditional_model_decodes_in_the_class_asked_for_or_in_that_of_the_first_image(interpolate, tmp_path):
    encoded = open_run(CVAE, CHECKPOINTS).encoded()
    _, out, _ = interpolate(CVAE, *ends(3), "--out", "own.npz", "--json")
    assert json.loads(out)["label"] == encoded.labels[3]
    _, out, _ = interpolate(CVAE, *ends(3), "--out", "seven.npz", "--label", "7", "--path", "data", "--json")
    told = json.loads(out)
    assert told["label"] == 7
    assert (encoded.labels[told["rows"]] == 7).all()
    with np.load(tmp_path / "seven.npz") as stored:
        assert stored["labels"].tolist() == [7] * 16


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([VAE, *ends(0, 100_000), "--out", "a.gif"], "no encoded image in row 100000: use 0 to"),
        (
            [VAE, *ends(), "--out", "a.gif", "--path", "zigzag"],
            "no path of kind 'zigzag': use one of linear",
        ),
        (
            [VAE, *ends(), "--out", "a.avi"],
            "cannot be written as '.avi': end its name in one of .mp4, .gif, .webp",
        ),
        ([VAE, *ends(), "--out", "a"], "cannot be written as 'a file without a suffix'"),
        ([VAE, *ends(), "--out", "a.gif", "--label", "3"], "was trained without classes"),
        (
            [CVAE, *ends(), "--out", "a.gif", "--label", "10"],
            "Class 10 does not exist in digits-cvae-2d: use 0 to 9",
        ),
        (["no-such-run", *ends(), "--out", "a.gif"], "no-such-run"),
        ([VAE, *ends(), "--out", "missing/a.gif"], "could not be written"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_1(interpolate, tmp_path, arguments, said):
    status, _, message = interpolate(*arguments)
    assert status == 1
    assert said in message
    assert "Traceback" not in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [["--frames", "1"], ["--overshoot", "2"], ["--fps", "0"], ["--from", "-1"], ["--label", "-1"]]
)
def test_numbers_out_of_range_are_bad_usage(interpolate, wrong):
    status, _, message = interpolate(VAE, *ends(), "--out", "a.gif", *wrong)
    assert status == 2
    assert wrong[0] in message


def test_a_gan_is_told_to_have_no_codes_of_images(interpolate, tmp_path):
    new_run(tmp_path / "gan", "gan")
    status, _, message = interpolate("gan", *ends(), "--out", "a.gif", checkpoints=tmp_path)
    assert status == 1
    assert "has no encoder" in message


def test_a_path_that_stays_is_told_in_the_message(interpolate):
    status, out, said = interpolate(VAE, *ends(4, 4), "--path", "spherical", "--out", "a.gif", "--json")
    assert status == 0
    assert "Both ends are the same code" in said
    assert json.loads(out)["latent_length"] == 0


def test_the_strip_is_that_of_the_images(interpolate, tmp_path):
    interpolate(VAE, *ends(), "--out", "a.npz", "--frames", "4")
    interpolate(VAE, *ends(), "--out", "a.png", "--frames", "4")
    with np.load(tmp_path / "a.npz") as stored:
        images = stored["images"]
    strip = np.asarray(Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())))
    np.testing.assert_array_equal(strip[::7, ::7], np.concatenate(list(images[:, 0]), axis=1))
