"""Films opened again by readers that did not write them: every frame, and how long it is shown."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageSequence

from explorer.errors import ConfigError, ServingError
from explorer.workflows import video
from explorer.workflows.video import KINDS, animation, durations, forth_and_back
from tests.support import mp4_frames

N = 9


def pictures(n=N, channels=1, side=(7, 5), seed=0):
    """Noise, of which no two frames are alike."""
    return np.random.default_rng(seed).integers(0, 256, (n, channels, *side), dtype=np.uint8)


def smooth(n=N, channels=3, side=(28, 28)):
    """A bright disc that moves over a slope of colours."""
    rows, columns = np.mgrid[: side[0], : side[1]]
    frames = [
        np.stack(
            [
                200 * np.exp(-((rows - 14) ** 2 + (columns - 3 * k) ** 2) / 40) + 20 * c + columns
                for c in range(channels)
            ]
        )
        for k in range(n)
    ]
    return np.clip(frames, 0, 255).astype(np.uint8)


def opened(content):
    """Frames as RGB ``(T, H, W, 3)``, and their durations in milliseconds."""
    picture = Image.open(io.BytesIO(content))
    frames, times = [], []
    for frame in ImageSequence.Iterator(picture):
        frames.append(np.asarray(frame.convert("RGB")))
        times.append(frame.info.get("duration"))
    return np.stack(frames), times


def expected_frames(images, factor):
    frames = np.kron(np.moveaxis(images, 1, -1), np.ones((1, factor, factor, 1), np.uint8))
    return np.broadcast_to(frames, (*frames.shape[:-1], 3))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_grey_frames_come_back_exactly_enlarged_without_smoothing(kind):
    images = pictures()
    frames, times = opened(animation(images, kind, fps=10, loop=False, enlarge=6))
    np.testing.assert_array_equal(frames, expected_frames(images, 6))
    assert times == [100] * N


def test_rgb_frames_come_back_exactly_from_webp():
    images = pictures(channels=3)
    frames, _ = opened(animation(images, "webp", loop=False, enlarge=4))
    np.testing.assert_array_equal(frames, expected_frames(images, 4))


def test_rgb_frames_of_a_gif_are_those_that_256_colours_allow():
    images = smooth()
    frames, _ = opened(animation(images, "gif", loop=False, enlarge=2))
    assert np.abs(frames.astype(int) - expected_frames(images, 2)).mean() < 3


@pytest.mark.parametrize("channels", [1, 3])
def test_an_mp4_is_h264_in_yuv420p_and_its_frames_come_back_nearly(channels):
    images = smooth(channels=channels)
    content = animation(images, "mp4", fps=10, loop=False, enlarge=4)
    frames, told = mp4_frames(content)
    assert frames.shape == (N, 112, 112, 3)
    assert np.abs(frames.astype(int) - expected_frames(images, 4)).mean() < 2
    assert told["codec"].startswith("h264")
    assert told["pix_fmt"].startswith("yuv420p(tv, bt709")
    assert (told["fps"], told["duration"]) == (10, pytest.approx(N / 10, abs=0.01))


@pytest.mark.parametrize("extreme", [0, 128, 255])
def test_an_mp4_keeps_black_white_and_grey(extreme):
    images = np.full((4, 1, 8, 8), extreme, np.uint8)
    frames, _ = mp4_frames(animation(images, "mp4", loop=False, enlarge=8))
    assert np.abs(frames.astype(int) - extreme).max() <= 3


def test_odd_sides_of_an_mp4_are_made_even_by_repeating_the_last_row_and_column():
    images = smooth(channels=1, side=(27, 25))
    frames, _ = mp4_frames(animation(images, "mp4", loop=False, enlarge=3))
    assert frames.shape == (N, 82, 76, 3)
    assert np.abs(frames[:, :81, :75].astype(int) - expected_frames(images, 3)).mean() < 2
    assert np.abs(frames[:, 81].astype(int) - frames[:, 80]).mean() < 4


@pytest.mark.parametrize(("n", "fps"), [(1, 12), (N, 12), (1500, 50), (1500, 7.5)])
def test_the_index_of_an_mp4_stands_before_its_frames_so_that_it_plays_while_it_is_fetched(n, fps):
    content = animation(pictures(n), "mp4", fps=fps, loop=False, enlarge=2)
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    assert mp4_frames(content)[1]["duration"] == pytest.approx(n / fps, abs=0.02)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_strip_has_the_frames_side_by_side(channels):
    images = pictures(channels=channels)
    picture = np.asarray(Image.open(io.BytesIO(animation(images, "png", enlarge=3))).convert("RGB"))
    np.testing.assert_array_equal(picture, np.concatenate(list(expected_frames(images, 3)), axis=1))


@pytest.mark.parametrize(("n", "order"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2, 1]), (5, [0, 1, 2, 3, 4, 3, 2, 1])])
def test_forth_and_back_shows_neither_end_twice_however_often_it_is_repeated(n, order):
    assert forth_and_back(n).tolist() == order
    assert n == 1 or all(here != there for here, there in pairwise(order + order))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_loop_goes_forth_and_back_for_ever_and_no_loop_once(kind):
    images = pictures()
    content = animation(images, kind, loop=True, enlarge=4)
    frames, _ = opened(content)
    np.testing.assert_array_equal(frames, expected_frames(images[forth_and_back(N)], 4))
    assert Image.open(io.BytesIO(content)).info["loop"] == 0
    once = Image.open(io.BytesIO(animation(images, kind, loop=False, enlarge=4)))
    assert once.n_frames == N
    assert once.info.get("loop", 1) == 1


def test_a_loop_of_an_mp4_goes_forth_and_back():
    images = smooth(channels=1)
    frames, _ = mp4_frames(animation(images, "mp4", loop=True, enlarge=2))
    assert len(frames) == 16
    assert np.abs(frames.astype(int) - expected_frames(images[forth_and_back(N)], 2)).mean() < 2


@pytest.mark.parametrize(("kind", "unit", "fps"), [("gif", 10, 12), ("gif", 10, 30), ("webp", 1, 12), ("webp", 1, 7)])
def test_frames_are_shown_as_long_as_the_format_can_say_and_all_together_exactly(kind, unit, fps):
    _, times = opened(animation(pictures(12), kind, fps=fps, loop=False, enlarge=4))
    assert sum(times) == pytest.approx(1000 * 12 / fps, abs=unit / 2)
    assert np.abs(np.array(times) - 1000 / fps).max() <= unit


def test_durations_add_up_to_the_whole():
    assert durations(12, 12, 0.01) == [8, 9, 8, 8, 9, 8, 8, 9, 8, 8, 9, 8]
    assert sum(durations(1000, 7, 0.001)) == round(1e6 / 7)


@pytest.mark.parametrize(
    ("kind", "side", "expected"), [("gif", 28, 224), ("png", 28, 56), ("gif", 8, 224), ("gif", 300, 300)]
)
def test_small_images_are_enlarged_to_be_looked_at_and_large_ones_are_not(kind, side, expected):
    picture = Image.open(io.BytesIO(animation(pictures(1, side=(side, side)), kind)))
    assert picture.size == (expected, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_one_frame_is_a_film(kind):
    assert len(animation(pictures(1), kind, enlarge=4)) > 0


def test_frames_that_are_alike_last_as_long_together():
    images = np.repeat(pictures(3), 4, axis=0)
    frames, times = opened(animation(images, "gif", fps=10, loop=False, enlarge=4))
    assert len(frames) == 3
    assert times == [400] * 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "avi"}, "no film of kind 'avi': use one of mp4, gif, webp, png"),
        ({"fps": 0}, "0 frames a second cannot be shown: use 1 to 50"),
        ({"fps": 51}, "51 frames a second"),
        ({"fps": float("nan")}, "nan frames a second"),
        ({"enlarge": 0}, "cannot be enlarged 0 times: use 1 to 64"),
        ({"enlarge": 65}, "cannot be enlarged 65 times"),
        ({"images": pictures(1000, side=(28, 28)), "enlarge": 64}, "at most 200,000,000 are made"),
        ({"images": pictures(channels=2)}, "are no film"),
        ({"images": pictures(0)}, "are no film"),
        ({"images": pictures().astype(np.float32)}, "type float32 are no film"),
    ],
)
def test_what_makes_no_film_is_refused_in_words(settings, said):
    settings = {"images": pictures(), "kind": "gif"} | settings
    with pytest.raises(ConfigError, match=said):
        animation(settings.pop("images"), settings.pop("kind"), **settings)


def test_an_encoder_that_cannot_be_run_is_told_with_what_works_instead(monkeypatch):
    monkeypatch.setattr(video, "CODEC", "no-such-encoder")
    with pytest.raises(ServingError, match=r"The MP4 could not be made .* WebP or GIF"):
        animation(pictures(), "mp4", enlarge=4)
